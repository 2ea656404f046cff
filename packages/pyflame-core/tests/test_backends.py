"""Backends: registry, devices, evaluation elsewhere, and the conformance suite."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import pyflame as pf
from pyflame import _core, backends, extend
from pyflame.backends import BackendBase, active, adapter
from pyflame.ops.host import HostOp
from pyflame.testing import check_backend
from pyflame.testing.reference import ReferenceBackend


@pytest.fixture(autouse=True)
def nothing_left():
    before = backends.list()
    yield
    for name in set(backends.list()) - set(before):
        backends.unregister(name)
    pf.set_device("cpu")
    assert active._elsewhere == 0


class Picky(ReferenceBackend):
    """Computes additions and products only, and counts."""

    name = "picky"

    def __init__(self):
        super().__init__()
        self.graphs = []

    def supports(self, node):
        return node.op_type in ("add", "mul", "full")

    def compile(self, graph):
        self.graphs.append(graph)
        return super().compile(graph)


def test_reference_keeps_the_rules():
    report = check_backend("reference")
    assert report.count("passed") > 1000 and report.count("unsupported") == 0


def test_cpu_keeps_the_rules():
    assert check_backend("cpu", ops=["add", "matmul", "sum", "conv2d", "gather", "where", "cast"]).count("passed") > 40


def test_the_suite_finds_what_is_wrong():
    class Wrong(ReferenceBackend):
        name = "wrong"

        def run(self, plan, inputs):
            return [array + 1 if array.dtype.kind == "f" else array for array in super().run(plan, inputs)]

    class Writes(ReferenceBackend):
        name = "writes"

        def run(self, plan, inputs):
            found = super().run(plan, inputs)
            for array in inputs.values():
                if array.size and array.flags.writeable:
                    array[...] = 0
            return found

    class Reuses(ReferenceBackend):
        name = "reuses"
        memory = {}

        def run(self, plan, inputs):
            found = super().run(plan, inputs)
            kept = self.memory.setdefault(id(plan), found)
            for old, new in zip(kept, found, strict=True):
                old[...] = new
            return kept

    for cls in (Wrong, Writes, Reuses):
        backends.register(cls.name, cls)
    failed = {f.case for f in check_backend("wrong", ops=["exp"], raise_exception=False).failures}
    assert "exp float32" in failed and "evaluates_pending_graphs" in failed
    assert [f.detail for f in check_backend("writes", ops=["exp"], raise_exception=False).failures if "exp" in f.case]
    assert "runs_plans_again" in {f.case for f in check_backend("reuses", ops=[], raise_exception=False).failures}
    with pytest.raises(AssertionError, match="wrong: "):
        check_backend("wrong", ops=["exp"])


def test_registry():
    assert {"cpu", "reference"} <= set(backends.list())
    with pytest.raises(RuntimeError, match="'nowhere' is not available; registered are "):
        backends.get("nowhere")
    with pytest.raises(RuntimeError, match="'cerebras:simulator' is not available: pip install pyflame-csl"):
        backends.get("cerebras:simulator")
    backends.register("picky", Picky)
    assert isinstance(backends.get("picky"), Picky) and backends.get("picky") is backends.get("picky")
    with pytest.raises(ValueError, match="two backends are named 'picky'"):
        backends.register("picky", ReferenceBackend)
    first = backends.get("picky")
    backends.register("picky", Picky, override=True)
    assert backends.get("picky") is not first
    backends.unregister("picky")
    assert not backends.is_available("picky")
    for call in (lambda: backends.register("cpu", Picky), lambda: backends.unregister("cpu")):
        with pytest.raises(ValueError, match="cpu"):
            call()


def test_broken_factories_are_named():
    backends.register("breaks", lambda: 1 / 0)
    with pytest.raises(RuntimeError, match=r"'breaks' cannot be made by .*ZeroDivisionError"):
        backends.get("breaks")
    backends.register("empty", object)
    with pytest.raises(RuntimeError, match="'empty' has no compile and run"):
        backends.get("empty")
    assert not backends.is_available("breaks")


def test_evaluation_goes_to_the_backend_and_plans_are_kept():
    backends.register("picky", Picky)
    picky = backends.get("picky")
    results = []
    with pf.use_backend("picky"):
        for step in range(4):
            x = pf.tensor([float(step), 1.0])
            results.append((x * x + x).tolist())
    assert results == [[0.0, 2.0], [2.0, 2.0], [6.0, 2.0], [12.0, 2.0]]
    assert len(picky.graphs) == 1


def test_what_is_not_supported_is_named():
    backends.register("picky", Picky)
    x = pf.tensor([1.0])
    y = x.exp()
    with (
        pf.use_backend("picky"),
        pytest.raises(NotImplementedError, match=r"\[exp\] backend picky has no kernel for float32"),
    ):
        y.item()
    assert y.item() == pytest.approx(np.e)  # it stays pending, and others can compute it


def test_custom_ops_are_taken_apart_where_there_is_no_kernel():
    op = extend.register_custom_op("b_poly", lambda x, k=1.0: x * x + x * k)
    outer = extend.register_custom_op("b_outer", lambda x: op(x, k=2.0) + x)
    backends.register("picky", Picky)
    try:
        with pf.use_backend("picky"):
            assert outer(pf.tensor([3.0])).tolist() == [18.0]
        ops = {node.op_type for node in backends.get("picky").graphs[-1].nodes if node.is_operation}
        assert ops <= {"add", "mul", "full"}
    finally:
        extend.clear_custom_ops()


def test_host_ops_run_on_the_reference():
    op = HostOp("b_sort", np.sort, lambda x: x)
    try:
        with pf.use_backend("reference"):
            assert (op(pf.tensor([3.0, 1.0])) + 1).tolist() == [2.0, 4.0]
    finally:
        op.remove()


def test_training_step_gives_the_same_on_both():
    def step():
        w = pf.tensor(np.linspace(-1, 1, 12).reshape(3, 4), dtype=pf.float64, requires_grad=True)
        x = pf.tensor(np.linspace(0, 1, 6).reshape(2, 3), dtype=pf.float64)
        loss = pf.softmax(pf.relu(x @ w) + pf.tanh(x @ w), dim=1)[:, 0].sum()
        value = loss.item()  # asked for before backward
        loss.backward()
        return value, w.grad.tolist()

    expected = step()
    with pf.use_backend("reference"):
        found = step()
    assert found[0] == pytest.approx(expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)


@pytest.mark.parametrize("dtype", [pf.bfloat16, pf.float16, pf.int8, pf.bool_])
def test_dtypes_cross(dtype):
    with pf.use_backend("reference"):
        x = pf.tensor([0, 1, 1], dtype=dtype)
        assert pf.where(x == 1, x, x).tolist() == x.tolist()


def test_several_outputs_and_strided_leaves():
    x = pf.arange(6.0).reshape(2, 3)
    pf.eval(x)
    with pf.use_backend("reference"):
        values, indices = pf.sort(x.t(), dim=0, descending=True)
        assert values.tolist() == [[2.0, 5.0], [1.0, 4.0], [0.0, 3.0]]
        assert indices[0].tolist() == [2, 2]
        assert tuple(pf.zeros(0, 3).exp().numpy().shape) == (0, 3)


def test_nesting_and_errors_restore():
    with pf.use_backend("reference"):
        with pf.use_backend("cpu"):
            assert str(pf.get_device()) == "cpu"
        with pytest.raises(ValueError, match="inside"), pf.use_backend("reference"):
            raise ValueError("inside")
        assert str(pf.get_device()) == "reference"
    assert str(pf.get_device()) == "cpu"


def test_contexts_belong_to_their_thread():
    seen = []
    with pf.use_backend("reference"):
        thread = threading.Thread(target=lambda: seen.append((str(pf.get_device()), (pf.ones(2) + 1).tolist())))
        thread.start()
        thread.join()
    assert seen == [("cpu", [2.0, 2.0])]


def test_devices():
    pf.set_device("reference")
    assert pf.get_device() == pf.device("reference") and str(pf.get_device()) == "reference"
    assert (pf.ones(2) + 1).tolist() == [2.0, 2.0]
    assert pf.device_info()["type"] == "reference" and pf.device_info("cpu")["available"]
    assert pf.runtime_info()["backend"] == "reference"
    assert pf.memory_stats().keys() >= {"live_bytes", "peak_bytes"}
    assert pf.get_peak_memory_allocated() >= pf.get_memory_allocated() > 0
    pf.reset_peak_memory_stats()
    pf.empty_cache()
    pf.synchronize()
    pf.set_device(pf.device("cpu"))
    assert pf.device("cpu:0").index == 0
    for call in (pf.set_device, pf.device, pf.device_info):
        with pytest.raises(RuntimeError, match="'cuda' is not available"):
            call("cuda")
    assert str(pf.get_device()) == "cpu"


def test_an_unusable_backend_is_refused_at_once():
    class Absent(ReferenceBackend):
        name = "absent"

        def is_available(self):
            return False

    backends.register("absent", Absent)
    assert not backends.is_available("absent")
    for call in (pf.set_device, pf.device):
        with pytest.raises(RuntimeError, match="'absent' is installed but cannot run here"):
            call("absent")
    assert pf.device_info("absent")["available"] is False


def test_unmodified_device_selection_takes_the_cpu():
    assert not pf.cuda.is_available() and not pf.backends.cuda.is_available() and not pf.backends.mps.is_available()
    assert pf.Backend.CPU == "cpu" and pf.Backend.CEREBRAS_SIMULATOR == "cerebras:simulator"
    assert pf.ones(1).is_cuda is False
    assert pf.cuda.device_count() == 0 and not pf.cuda.is_bf16_supported() and not pf.backends.cudnn.is_available()
    pf.manual_seed(3)
    first = pf.rand(4).tolist()
    pf.manual_seed(3)
    pf.cuda.manual_seed(5)
    pf.cuda.manual_seed_all(5)
    pf.cuda.empty_cache()
    assert pf.rand(4).tolist() == first
    try:
        pf.backends.cudnn.benchmark = pf.backends.cudnn.deterministic = pf.backends.cuda.matmul.allow_tf32 = True
    finally:
        pf.backends.cudnn.benchmark = pf.backends.cudnn.deterministic = pf.backends.cuda.matmul.allow_tf32 = False


def test_results_of_a_wrong_type_are_refused():
    class Wrong(ReferenceBackend):
        name = "mistyped"

        def run(self, plan, inputs):
            return [np.zeros(3)]

    backends.register("mistyped", Wrong)
    y = pf.ones(2) + 1
    with (
        pf.use_backend("mistyped"),
        pytest.raises(RuntimeError, match=r"\[mistyped\] run gave float64 \(3,\) for output 0"),
    ):
        y.tolist()
    assert y.tolist() == [2.0, 2.0]


def test_execute_graph_takes_a_name_or_an_object():
    graph = pf.trace(lambda x: (x * 2).sum(), (pf.ones(3),)).graph
    assert pf.execute_graph(graph, pf.ones(3), backend="reference").item() == 6.0
    assert pf.execute_graph(graph, pf.ones(3), backend=ReferenceBackend()).item() == 6.0
    with pytest.raises(RuntimeError, match="'nowhere' is not available"):
        pf.execute_graph(graph, pf.ones(3), backend="nowhere")


def test_only_compile_and_run_are_needed():
    class Least:
        def compile(self, graph):
            return ReferenceBackend().compile(graph)

        def run(self, plan, inputs):
            return ReferenceBackend().run(plan, inputs)

    backends.register("least", Least)
    with pf.use_backend("least"):
        assert (pf.ones(2) * 3).tolist() == [3.0, 3.0]
    assert pf.device_info("least") == {"name": "least", "available": True}
    with pytest.raises(TypeError):
        BackendBase()


def test_plans_are_bounded():
    adapter.clear()
    with pf.use_backend("reference"):
        for size in range(1, adapter._MAX_PLANS + 10):
            (pf.ones(size) + 1).tolist()
    assert len(adapter._plans) == adapter._MAX_PLANS


def test_the_core_asks_only_while_another_backend_is_wanted():
    asked = []

    def evaluate(tensors):
        asked.append(len(tensors))

    _core.set_evaluator(evaluate)
    try:
        assert (pf.ones(2) + 1).tolist() == [2.0, 2.0]
    finally:
        _core.set_evaluator(None)
    (pf.ones(2) + 1).tolist()
    assert len(asked) == 1


def test_environment_chooses_the_device():
    import os

    def run(device):
        code = "import pyflame as pf; print(pf.get_device())"
        env = {**os.environ, "PYFLAME_DEVICE": device}
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)

    assert run("reference").stdout.strip() == "reference"
    assert "'nowhere' is not available" in run("nowhere").stderr
