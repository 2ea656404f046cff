"""Host ops: nodes whose kernel is a Python function."""

import gc
import threading

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core
from pyflame.ops.host import HostOp
from pyflame.ops.named import find
from pyflame.testing import gradcheck, gradgradcheck


def same(x, **attrs):
    return x


@pytest.fixture
def make():
    made = []

    def build(*args, **kwargs):
        made.append(HostOp(*args, **kwargs))
        return made[-1]

    yield build
    for op in made:
        op.remove()


@pytest.fixture
def inverse(make):
    def infer(a):
        if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
            raise RuntimeError(f"[t_inv] a has shape {a.shape}: expected square matrices")
        return a

    def vjp(grads, inputs, outputs, attrs):
        y = outputs[0].transpose(-1, -2)
        return [-(y @ grads[0] @ y)]

    return make("t_inv", np.linalg.inv, infer, vjp)


@pytest.fixture
def split(make):
    """Two results of different dtype and shape."""

    def infer(x, *, scale=1.0):
        return x, ((2, *x.shape), pf.float64)

    def run(x, scale=1.0):
        return x * np.float32(scale), np.stack([x, x * 2]).astype(np.float64)

    def vjp(grads, inputs, outputs, attrs):
        total = pf.zeros_like(inputs[0])
        if grads[0] is not None:
            total = total + grads[0] * attrs.get("scale", 1.0)
        if grads[1] is not None:
            total = total + (grads[1][0] + grads[1][1] * 2).to(pf.float32)
        return [total]

    return make("t_split", run, infer, vjp, num_outputs=2)


def test_is_lazy_and_runs_between_other_ops(make):
    runs = []

    def run(x):
        runs.append(x)
        return np.sort(x)

    op = make("t_sort", run, same)
    x = pf.tensor([3.0, 1.0, 2.0])
    y = op(x * 2) + 1
    assert not runs
    assert y.tolist() == [3.0, 5.0, 7.0]
    assert len(runs) == 1
    assert not runs[0].flags.writeable


def test_arrays_outlive_the_run(make):
    kept = []
    op = make("t_keep", lambda x: kept.append(x) or x, same)
    x = pf.arange(4.0)
    (op(x + 1) * 2).tolist()
    for _ in range(3):
        (pf.ones(4) * 7).tolist()
    assert kept[0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_rule_raises_at_the_call(inverse):
    with pytest.raises(RuntimeError, match=r"\[t_inv\] a has shape \(2, 3\)"):
        inverse(pf.ones(2, 3))
    with pytest.raises(TypeError, match=r"\[t_inv\] operand 0: expected a Tensor, got float"):
        inverse(1.0)


def test_error_of_the_kernel_comes_as_it_is_and_leaves_nothing_behind(inverse):
    live = _core.stats()["live_nodes"]
    singular = pf.zeros(2, 2)
    y = inverse(singular) + 1
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError) as caught:
            y.tolist()
        assert "op t_inv, called at " in caught.value.__notes__[0] and "test_host.py" in caught.value.__notes__[0]
    assert inverse(pf.eye(2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    del y, singular, caught
    assert _core.stats()["live_nodes"] <= live + 1


def test_error_names_the_line_of_its_own_call(make):
    def run(x):
        raise ValueError("no")

    op = make("t_fails", run, same)
    lines = []
    first = op(pf.ones(2))
    second = op(pf.ones(2))  # the same plan
    for tensor in (first, second):
        with pytest.raises(ValueError, match="no") as caught:
            tensor.tolist()
        lines.append(int(caught.value.__notes__[0].rsplit(":", 1)[1]))
    assert lines[1] == lines[0] + 1


def test_keyboard_interrupt_passes_through(make):
    def run(x):
        raise KeyboardInterrupt

    op = make("t_interrupt", run, same)
    with pytest.raises(KeyboardInterrupt):
        op(pf.ones(2)).tolist()
    assert (pf.ones(2) + 1).tolist() == [2.0, 2.0]


def test_result_must_agree_with_the_rule(make):
    op = make("t_lies", lambda x: x.astype(np.float64), same)
    with pytest.raises(RuntimeError, match=r"\[t_lies\] run gave float64 \(2,\) for output 0, infer said float32"):
        op(pf.ones(2)).tolist()
    op = make("t_count", lambda x: x, lambda x: (x, x), num_outputs=2)
    with pytest.raises(RuntimeError, match="run must give a tuple of 2, got ndarray"):
        op(pf.ones(2))[1].tolist()


def test_gradients_first_and_second(inverse):
    a = pf.tensor(np.eye(3) * 3 + np.arange(9.0).reshape(3, 3) / 9, dtype=pf.float64, requires_grad=True)
    assert gradcheck(inverse, (a,))
    assert gradgradcheck(inverse, (a,))


@pytest.mark.parametrize("evaluate", ["before", "kept", "never"])
def test_gradient_of_several_outputs(split, evaluate):
    x = pf.tensor([1.0, 2.0], requires_grad=True)
    a, b = split(x, scale=3.0)
    if evaluate == "kept":
        pf.eval(a, b)
    if evaluate == "before":
        pf.eval(a)
        del b
        loss = a.sum()
        expected = [3.0, 3.0]
    else:
        loss = a.sum() + b.sum().to(pf.float32)
        expected = [6.0, 6.0]
    loss.backward()
    assert x.grad.tolist() == expected


def test_gradient_reads_an_output_nobody_kept(make):
    def vjp(grads, inputs, outputs, attrs):
        return [grads[0] * outputs[1]]

    op = make("t_two", lambda x: (x * 2, x + 1), lambda x: (x, x), vjp, num_outputs=2)
    x = pf.tensor([1.0, 2.0], requires_grad=True)
    y = op(x)[0]
    pf.eval(y)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 3.0]


def test_without_a_vjp_backward_raises(make):
    op = make("t_plain", lambda x: x, same)
    x = pf.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match="op t_plain has no gradient") as caught:
        op(x).sum().backward()
    assert "test_host.py" in caught.value.__notes__[0]


def test_wrong_gradients_are_named(make):
    op = make("t_shape", lambda x: x, same, lambda grads, inputs, outputs, attrs: [grads[0].sum()])
    with pytest.raises(RuntimeError, match=r"\[t_shape\] vjp gave shape \(\) for input 0 of shape \(2,\)"):
        op(pf.ones(2, requires_grad=True)).sum().backward()
    op = make("t_few", lambda x: x, same, lambda grads, inputs, outputs, attrs: [])
    with pytest.raises(RuntimeError, match=r"\[t_few\] vjp gave 0 gradients for 1 inputs"):
        op(pf.ones(2, requires_grad=True)).sum().backward()


def test_none_is_no_gradient(make):
    op = make("t_none", lambda x: x, same, lambda grads, inputs, outputs, attrs: [None])
    x = pf.ones(2, requires_grad=True)
    (op(x) + x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [pf.bfloat16, pf.float16, pf.float64, pf.int8, pf.uint8, pf.bool_, pf.int64])
def test_dtypes(make, dtype):
    seen = []
    op = make("t_dtype", lambda x: seen.append(x.dtype.name) or x, same)
    x = pf.tensor([0, 1, 1], dtype=dtype)
    assert op(x).dtype is dtype
    assert op(x).tolist() == x.tolist()
    assert seen == ["float32" if dtype is pf.bfloat16 else dtype.name]


def test_strided_empty_and_scalar_operands(make):
    op = make("t_any", lambda x: x + 1, same)
    x = pf.arange(6.0).reshape(2, 3)
    assert op(x.t()).tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    assert op(x[:, 1:]).tolist() == [[2.0, 3.0], [5.0, 6.0]]
    assert tuple(op(pf.ones(0, 3)).numpy().shape) == (0, 3)
    assert op(pf.tensor(2.0)).item() == 3.0


def test_any_number_of_operands(make):
    op = make("t_none_in", lambda: np.arange(3.0, dtype=np.float32), lambda: ((3,), pf.float32))
    assert op().tolist() == [0.0, 1.0, 2.0]
    op = make("t_many", lambda *xs: np.stack(xs), lambda *xs: ((len(xs), *xs[0].shape), xs[0].dtype))
    assert op(*[pf.full((2,), float(i)) for i in range(20)]).numpy()[:, 0].tolist() == list(range(20))


def test_attributes_are_part_of_the_plan(make):
    op = make("t_attrs", lambda x, **attrs: x * len(repr(attrs)), same)
    x = pf.tensor([1.0, 1.0])
    pairs = [
        {"k": value}
        for value in (1, True, 1.0, -0.0, 0.0, "1", None, (1,), ((1,), "a"), (), pf.float32, pf.int8, ("float32",))
    ]
    for attrs in pairs:
        assert op(x, **attrs).tolist() == [float(len(repr(attrs)))] * 2
    before = _core.stats()["plan_misses"]
    for attrs in pairs:
        op(x, **attrs).tolist()
    assert _core.stats()["plan_misses"] == before
    assert op(x, b=1, a=2).tolist() == op(x, a=2, b=1).tolist()
    assert _core.stats()["plan_misses"] == before + 1
    with pytest.raises(TypeError, match=r"\[t_attrs\] k: expected None, a bool"):
        op(x, k={1})


@pytest.mark.plain_build
def test_many_attribute_values_leave_nothing_behind(make):
    import tracemalloc

    op = make("t_loop", lambda x, step: x + np.float32(step), same)
    x = pf.ones(2)

    def loop(start, count):
        for step in range(start, start + count):
            op(x, step=step).tolist()

    loop(0, 1500)  # fills the plan cache and that of attributes
    _core.clear_plans()
    gc.collect()  # what other tests left must not go meanwhile
    live = _core.stats()["live_nodes"]
    tracemalloc.start()
    loop(1500, 3000)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert _core.stats()["live_nodes"] == live
    assert size < 250_000  # the caches' share; 3000 entries kept would be well above


def test_may_evaluate_the_same_graph_inside(make):
    def run(x):
        if x[0] > 0:
            inner = op(pf.tensor(x - 1)) * 2
            return inner.numpy() + 1
        return np.zeros_like(x)

    op = make("t_recursive", run, same)
    assert (op(pf.tensor([2.0, 5.0])) * 2).tolist() == [6.0, 6.0]


def test_its_own_result_is_not_there_yet(make):
    box = []

    def run(x):
        return box[0].numpy()

    op = make("t_circle", run, same)
    box.append(op(pf.ones(2)))
    with pytest.raises(RuntimeError, match="belongs to a run that waits"):
        box[0].tolist()


def test_threads(make):
    op = make("t_thread", lambda x: x + 1, same)
    failures = []

    def work(k):
        for i in range(50):
            if (op(pf.full((4,), float(i))) * k).tolist() != [(i + 1.0) * k] * 4:
                failures.append(i)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and not any(thread.is_alive() for thread in threads)


def test_layouts_pass(make):
    op = make("t_layout", lambda x: x, same)
    x = pf.to_layout(pf.ones(4, 4), pf.MeshLayout.grid(2, 2))
    assert op(x).layout == pf.MeshLayout.grid(2, 2)


def test_debug_and_eager_modes(inverse, split):
    from pyflame.testing.contract import mode

    for setting in ({"debug": True}, {"eager": True}):
        with mode(**setting):
            assert inverse(pf.eye(2) * 2).tolist() == [[0.5, 0.0], [0.0, 0.5]]
            assert split(pf.ones(1), scale=2.0)[0].tolist() == [2.0]


def test_views_of_the_graph_show_its_name(split):
    a, b = split(pf.ones(3), scale=2.0)
    graph = pf.get_graph(a, b)
    (node,) = [node for node in graph.nodes if node.op_type == "t_split"]
    assert node.attrs == {"scale": 2.0} and node.num_outputs == 2
    assert node.outputs[1].shape == (2, 3) and node.outputs[1].dtype is pf.float64
    assert str(node.source_location).split(":")[0].endswith("test_host.py")
    assert "t_split" in graph.to_string()
    x = pf.ones(1, requires_grad=True)
    assert "split" in repr(split(x)[0].grad_fn).lower()
    names = []
    _core.set_observer(None, lambda step: names.extend(step.ops))
    try:
        pf.eval(a, b)
    finally:
        _core.set_observer(None, None)
    assert "t_split" in names


def test_traces_and_stored_graphs_call_it(split):
    traced = pf.trace(lambda x: split(x * 2, scale=3.0), (pf.ones(2),))
    traced.graph.validate()
    assert traced(pf.tensor([1.0, 2.0]))[0].tolist() == [6.0, 12.0]
    text = traced.graph.to_json()
    read = pf.Graph.from_json(text)
    assert read.fingerprint() == traced.graph.fingerprint()
    x = pf.tensor([1.0, 2.0], requires_grad=True)
    a, b = pf.execute_graph(read, x)
    assert b.tolist() == [[2.0, 4.0], [4.0, 8.0]]
    a.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    split.remove()
    assert find("t_split") is None
    with pytest.raises(pf.GraphError, match="'t_split' is no operation"):
        pf.Graph.from_json(text)


def test_attributes_survive_json(make):
    op = make("t_json", lambda x, **_: x, lambda x, *, a=None, b=(), c="", d=0.0: x)
    attrs = {"a": pf.bfloat16, "b": (1, ("x", None, True)), "c": "text", "d": 1e-300}
    graph = pf.get_graph(op(pf.ones(1), **attrs))
    read = pf.Graph.from_json(graph.to_json())
    (node,) = [node for node in read.nodes if node.op_type == "t_json"]
    assert node.attrs == attrs
    info = pf.ir.op("t_json")
    assert info.category == "custom" and {attr.name for attr in info.attrs} == {"a", "b", "c", "d"}
    assert info in pf.ir.ops()


def test_names_are_unique(make):
    make("t_name", lambda x: x, same)
    with pytest.raises(ValueError, match="an operation of this name exists"):
        make("t_name", lambda x: x, same)
    with pytest.raises(ValueError, match="an operation of this name exists"):
        make("matmul", lambda x: x, same)
    with pytest.raises(ValueError, match="num_outputs is 5"):
        make("t_five", lambda x: x, same, num_outputs=5)


def test_removed_op_still_computes_what_was_recorded(make):
    op = make("t_gone", lambda x: x + 1, same)
    y = op(pf.ones(2))
    op.remove()
    assert y.tolist() == [2.0, 2.0]
