"""Custom operations: named calls, their gradients and what is stored beside them."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core, extend
from pyflame.testing import gradcheck, gradgradcheck


@pytest.fixture(autouse=True)
def clean():
    yield
    extend.clear_custom_ops()


def swish(x):
    return x * pf.sigmoid(x)


def swish_backward(grad, x):
    s = pf.sigmoid(x)
    return grad * (s + x * s * (1 - s))


@pytest.mark.parametrize("backward", [None, swish_backward])
def test_values_and_gradients(backward):
    op = extend.register_custom_op("swish", swish, backward)
    x = pf.tensor([-1.0, 0.5, 2.0], dtype=pf.float64, requires_grad=True)
    np.testing.assert_allclose(op(x).tolist(), swish(x).tolist(), rtol=1e-14)
    assert gradcheck(op, (x,))
    assert gradgradcheck(op, (x,))


def test_backward_fn_is_what_is_used():
    op = extend.register_custom_op("tripled", lambda x: x * 2, lambda grad, x: grad * 3)
    x = pf.ones(2, requires_grad=True)
    op(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("eager", [False, True])
def test_gradient_of_an_evaluated_call(eager):
    op = extend.register_custom_op("tripled", lambda x: x * 2, lambda grad, x: grad * 3 * x)
    x = pf.tensor([1.0, 2.0], requires_grad=True)
    _core.set_eager(eager)
    try:
        y = op(x)
        assert y.requires_grad and y.tolist() == [2.0, 4.0]
        y.sum().backward()
    finally:
        _core.set_eager(False)
    assert x.grad.tolist() == [3.0, 6.0]


def test_several_inputs_with_none():
    op = extend.register_custom_op("scale", lambda x, w: x * w, lambda grad, x, w: (grad * w, None))
    x, w = pf.ones(2, requires_grad=True), pf.full((2,), 3.0, requires_grad=True)
    op(x, w).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0] and w.grad is None


@pytest.mark.parametrize("with_backward", [False, True])
def test_several_outputs(with_backward):
    def backward(grad_a, grad_b, x):
        return grad_a * 2 + grad_b * 2 * x

    op = extend.register_custom_op("two", lambda x: (x * 2, x * x), backward if with_backward else None, num_outputs=2)
    x = pf.tensor([1.0, 3.0], requires_grad=True)
    a, b = op(x)
    assert a.tolist() == [2.0, 6.0] and b.tolist() == [1.0, 9.0]
    b.sum().backward()  # a's gradient is zeros
    assert x.grad.tolist() == [2.0, 6.0]


def test_options_reach_both_functions_and_the_graph():
    op = extend.register_custom_op(
        "leaky",
        lambda x, slope=0.1: pf.where(x > 0, x, x * slope),
        lambda grad, x, slope=0.1: pf.where(x > 0, grad, grad * slope),
    )
    x = pf.tensor([-1.0, 1.0], requires_grad=True)
    for call in (lambda: op(x, 0.5), lambda: op(x, slope=0.5)):
        x.grad = None
        y = call()
        (node,) = [node for node in pf.get_graph(y).nodes if node.op_type == "leaky"]
        assert node.attrs == {"slope": 0.5}
        y.sum().backward()
        assert x.grad.tolist() == [0.5, 1.0]
    with pytest.raises(TypeError, match=r"\[leaky\] slope: expected None, a bool"):
        op(x, slope=object())


def test_tensors_by_keyword():
    op = extend.register_custom_op(
        "affine",
        lambda x, weight=None, bias=None: x if bias is None else x + bias,
        lambda grad, x, bias: (grad, grad * 2),
    )
    x, bias = pf.ones(2, requires_grad=True), pf.zeros(2, requires_grad=True)
    y = op(x, bias=bias)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0] and bias.grad.tolist() == [2.0, 2.0]
    graph = pf.trace(lambda x, b: op(x, bias=b), (pf.ones(2), pf.ones(2))).graph
    read = pf.Graph.from_json(graph.to_json())
    assert pf.execute_graph(read, (pf.ones(2), pf.full((2,), 4.0))).tolist() == [5.0, 5.0]


def test_is_one_node_wherever_graphs_are_seen():
    op = extend.register_custom_op("swish", swish)
    x = pf.ones(2, requires_grad=True)
    y = op(x) + 1
    assert [node.op_type for node in pf.get_graph(y).nodes if node.is_operation][-3:-1] == ["swish", "full"]
    assert op(x).grad_fn is not None and "swish" in repr(op(x).grad_fn).lower()
    traced = pf.trace(lambda x: op(x * 2), (pf.ones(3),))
    assert [node.op_type for node in traced.graph.nodes if node.is_operation].count("sigmoid") == 0
    assert traced.graph.to_string(locations=False).count("swish") == 1
    z = pf.tensor([1.0, -2.0, 0.5], requires_grad=True)
    traced(z).sum().backward()
    expected = pf.tensor([1.0, -2.0, 0.5], requires_grad=True)
    swish(expected * 2).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), expected.grad.numpy(), rtol=1e-6)
    assert pf.ir.op("swish").category == "custom"


def test_fusion_looks_through():
    op = extend.register_custom_op("swish", swish)
    x = pf.ones(100)
    pf.eval(x)
    plain = _core.compile_only([swish(x + 1) * 2])
    named = _core.compile_only([op(x + 1) * 2])
    assert named["steps"] == plain["steps"] == 1


def test_traces_of_an_unregistered_op_name_it():
    op = extend.register_custom_op("swish", swish)
    text = pf.get_graph(op(pf.ones(1))).to_json()
    extend.unregister_custom_op("swish")
    with pytest.raises(pf.GraphError, match="'swish' is no operation"):
        pf.Graph.from_json(text)


def test_names():
    op = extend.register_custom_op("swish", swish)
    assert extend.get_custom_op("swish") is op and extend.list_custom_ops() == ["swish"]
    assert op.name == "swish" and op.forward_fn is swish and op.backward_fn is None and op.csl_template is None
    with pytest.raises(ValueError, match="an operation of this name exists"):
        extend.register_custom_op("swish", swish)
    with pytest.raises(ValueError, match="an operation of this name exists"):
        extend.register_custom_op("matmul", swish, override=True)
    pending = op(pf.ones(1))
    other = extend.register_custom_op("swish", lambda x: x + 1, override=True)
    assert extend.get_custom_op("swish") is other
    assert pending.item() == pytest.approx(0.7310586)
    extend.unregister_custom_op("swish")
    with pytest.raises(KeyError, match="no custom op named 'swish'"):
        extend.get_custom_op("swish")
    with pytest.raises(KeyError):
        extend.unregister_custom_op("swish")


def test_what_is_missing_is_named_when_needed():
    op = extend.register_custom_op("bare", swish)
    for part in ("csl_template", "onnx", "batch_fn", "cost_fn", "shape_fn", "backward_fn"):
        with pytest.raises(
            NotImplementedError, match=rf"\[bare\] was declared without {part}: register it with {part}="
        ):
            op.need(part)
    with pytest.raises(NotImplementedError, match="cost_fn"):
        op.cost((2,))
    with pytest.raises(NotImplementedError, match="batch_fn"):
        op.batched([pf.ones(2)], [0])


def test_everything_can_be_declared_at_once(tmp_path):
    path = tmp_path / "swish.csl"
    path.write_text("task swish() void {}")
    op = extend.register_custom_op(
        "full_swish",
        swish,
        swish_backward,
        path,
        shape_fn=lambda x: x,
        dtype_fn=lambda x: x,
        batch_fn=lambda args, dims: (op(*args), dims[0]),
        cost_fn=lambda x: (4 * x[0], 8 * x[0]),
        onnx={"export": "Swish", "import": None},
    )
    assert op.need("csl_template") == extend.CSLTemplateInfo("task swish() void {}", path=str(path))
    assert op.cost((3,)) == (12.0, 24.0)
    assert op.need("onnx")["export"] == "Swish"
    result, dim = op.batched([pf.ones(2, 3)], [0])
    assert tuple(result.shape) == (2, 3) and dim == 0
    with pytest.raises(ValueError, match=r"\[empty\] csl_template is empty"):
        extend.register_custom_op("empty", swish, csl_template="  ")
    assert "empty" not in extend.list_custom_ops()


def test_rules_are_compared_in_debug_mode():
    op = extend.register_custom_op("lies", lambda x: x.sum(), shape_fn=lambda x: x)
    op(pf.ones(2))
    pf.set_debug_mode(True)
    try:
        with pytest.raises(RuntimeError, match=r"\[lies\] forward_fn gave float32 \(\) for output 0, its "):
            op(pf.ones(2))
    finally:
        pf.set_debug_mode(False)


def test_wrong_results_are_named():
    op = extend.register_custom_op("number", lambda x: 3)
    with pytest.raises(TypeError, match=r"\[number\] forward_fn gave int for output 0"):
        op(pf.ones(1))
    op = extend.register_custom_op("pair", lambda x: (x, x, x), num_outputs=2)
    with pytest.raises(RuntimeError, match="forward_fn must give a tuple of 2, got 3"):
        op(pf.ones(1))
    op = extend.register_custom_op("bad", lambda x: x * 2, lambda grad, x: grad.sum())
    with pytest.raises(RuntimeError, match=r"\[bad\] backward_fn gave shape \(\) for input 0") as caught:
        op(pf.ones(2, requires_grad=True)).sum().backward()
    assert "the gradient of op bad, called at " in caught.value.__notes__[0]


def test_random_and_captured_values_are_fresh_each_call():
    offset = pf.zeros(1)
    op = extend.register_custom_op("noisy", lambda x: x + pf.rand(1) + offset)
    x = pf.zeros(1)
    assert op(x).item() != op(x).item()
    offset = pf.full((1,), 100.0)
    assert op(x).item() >= 100.0


@pytest.mark.parametrize("backward", [None, swish_backward])
def test_check_passes_a_good_op(backward):
    op = extend.register_custom_op("swish", swish, backward, shape_fn=lambda x: x)
    report = extend.check(op, [(pf.randn(3, 4, requires_grad=True),), (pf.tensor(2.0, requires_grad=True),)])
    assert report.passed, str(report)
    assert {finding.test for finding in report.findings if finding.state == "passed"} >= {
        "schema",
        "mutation",
        "aliasing",
        "shape_rule",
        "gradcheck",
        "gradgradcheck",
        "half_precision",
        "non_contiguous",
        "size_zero",
        "determinism",
    }


@pytest.mark.parametrize(
    ("test", "forward", "parts"),
    [
        ("gradcheck", lambda x: x * x, {"backward_fn": lambda grad, x: grad * x}),
        ("mutation", lambda x: x.add_(1) * 2, {}),
        ("aliasing", lambda x: x, {}),
        ("shape_rule", lambda x: x.sum(), {"shape_fn": lambda x: x}),
        ("determinism", lambda x: x + pf.rand(3), {}),
        ("half_precision", lambda x: x.abs() if x.dtype is pf.float32 else x, {}),
        ("gradgradcheck", lambda x: x * x * x, {"backward_fn": lambda grad, x: grad * (3 * x * x).detach()}),
        ("size_zero", lambda x: x / float(x.sum().item() or 1 / x.shape[0]), {}),
        ("schema", lambda x: pf.tensor(x.detach().tolist()[:1] * 3) if x.requires_grad else x * 2, {}),
    ],
)
def test_check_finds(test, forward, parts):
    extend.register_custom_op("wrong", forward, **parts)
    report = extend.check("wrong", [(pf.tensor([0.5, -1.5, 2.5], requires_grad=True),)])
    assert test in {finding.test for finding in report.failures}, str(report)
    with pytest.raises(AssertionError, match="wrong: "):
        report.raise_if_failed()


def test_function_with_a_gradient_of_its_own_has_its_second_name():
    assert extend.AutogradFunction is pf.autograd.Function

    class Tripled(extend.AutogradFunction):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 3

    x = pf.ones(2, requires_grad=True)
    y = Tripled.apply(x)
    y.sum().backward()
    assert y.tolist() == [2.0, 2.0] and x.grad.tolist() == [3.0, 3.0]


def test_graphs_run_operations_with_several_results():
    op = extend.register_custom_op("sum_and_product", lambda a, b: (a + b, a * b), num_outputs=2)
    graph = pf.trace(lambda a, b: op(a, b), (pf.ones(2), pf.ones(2))).graph
    total, product = pf.execute_graph(graph, (pf.tensor([1.0, 2.0]), pf.tensor([3.0, 4.0])))
    assert total.tolist() == [4.0, 6.0] and product.tolist() == [3.0, 8.0]
