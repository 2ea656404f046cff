"""Random graphs compute what ONNX's reference evaluator does, the first time, again, and without gradients."""

import numpy as np
import onnx
from hypothesis import HealthCheck, given, settings, strategies as st
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import pyflame as pf

UNARY = ("Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Erf", "Softplus", "HardSwish", "Identity", "Sin", "Floor")
BINARY = ("Add", "Sub", "Mul", "Max", "Min")
AXES = ("Softmax", "ReduceSum", "ReduceMean", "ReduceMax", "Concat", "Slice", "Gather", "Unsqueeze", "Split")
EMPTY = ("ReduceSum", "Concat", "Unsqueeze")  # what has a value for an axis of length 0, which Split makes of 1


class Maker:
    """Collects nodes; `shapes` are those of all values that others may take."""

    def __init__(self, draw):
        self.draw = draw
        self.nodes, self.stored = [], []
        shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
        self.shapes = {"x": shape}
        self.rng = np.random.default_rng(draw(st.integers(0, 2**16)))

    def store(self, array):
        name = f"w{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op, inputs, shapes, **attributes):
        names = [f"v{len(self.nodes)}_{k}" for k in range(len(shapes))]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        self.shapes.update(zip(names, shapes))

    def step(self):
        name = self.draw(st.sampled_from(sorted(self.shapes)))
        shape = self.shapes[name]
        kind = self.draw(
            st.sampled_from(("unary", "binary", "weight", "axis", "permute", "flatten", "matmul", "where"))
        )
        getattr(self, kind)(name, shape)

    def unary(self, name, shape):
        self.add(self.draw(st.sampled_from(UNARY)), [name], [shape])

    def binary(self, name, shape):
        other = self.draw(st.sampled_from([n for n, s in sorted(self.shapes.items()) if s == shape]))
        self.add(self.draw(st.sampled_from(BINARY)), [name, other], [shape])

    def weight(self, name, shape):
        """A weight, which another one follows from at times."""
        some = tuple(size if self.draw(st.booleans()) else 1 for size in shape)
        made = self.store(self.rng.standard_normal(some).astype(np.float32))
        if self.draw(st.booleans()):
            self.nodes.append(helper.make_node("Tanh", [made], [f"{made}_tanh"]))
            made = f"{made}_tanh"
        self.add(self.draw(st.sampled_from(BINARY)), [name, made], [shape])

    def axis(self, name, shape):
        axis = self.draw(st.integers(0, len(shape) - 1))
        size, before, after = shape[axis], shape[:axis], shape[axis + 1 :]
        op = self.draw(st.sampled_from(AXES if size else EMPTY))
        if op == "Softmax":
            self.add(op, [name], [shape], axis=axis)
        elif op == "ReduceSum":
            self.add(op, [name, self.store(np.array([axis]))], [(*before, 1, *after)], keepdims=1)
        elif op.startswith("Reduce"):
            self.add(op, [name], [(*before, 1, *after)], keepdims=1, axes=[axis])
        elif op == "Concat":
            self.add(op, [name, name], [(*before, 2 * size, *after)], axis=axis)
        elif op == "Slice":
            ends = [self.store(np.array([n])) for n in (size - 1, -size - 1, axis, -1)]
            self.add(op, [name, *ends], [shape])
        elif op == "Gather":
            rows = self.rng.integers(-size, size, (2, 2))
            self.add(op, [name, self.store(rows)], [(*before, 2, 2, *after)], axis=axis)
        elif op == "Unsqueeze":
            self.add(op, [name, self.store(np.array([axis]))], [(*before, 1, size, *after)])
        else:
            parts = [size // 2, size - size // 2]
            self.add(op, [name, self.store(np.array(parts))], [(*before, part, *after) for part in parts], axis=axis)

    def permute(self, name, shape):
        order = self.draw(st.permutations(range(len(shape))))
        self.add("Transpose", [name], [tuple(shape[k] for k in order)], perm=order)

    def flatten(self, name, shape):
        self.nodes.append(helper.make_node("Shape", [name], [f"s{len(self.nodes)}"]))
        product = f"p{len(self.nodes)}"
        self.nodes.append(helper.make_node("ReduceProd", [self.nodes[-1].output[0]], [product], keepdims=1))
        self.add("Reshape", [name, product], [(int(np.prod(shape)),)])

    def matmul(self, name, shape):
        columns = self.draw(st.integers(1, 5))
        weight = self.store(self.rng.standard_normal((shape[-1], columns)).astype(np.float32))
        self.add("MatMul", [name, weight], [(*shape[:-1], columns)])

    def where(self, name, shape):
        limit = self.store(np.array(0.1, np.float32))
        self.nodes.append(helper.make_node("Greater", [name, limit], [f"c{len(self.nodes)}"]))
        self.add("Where", [self.nodes[-1].output[0], name, limit], [shape])


@st.composite
def models(draw):
    maker = Maker(draw)
    for _ in range(draw(st.integers(1, 8))):
        maker.step()
    kind = onnx.TensorProto.FLOAT
    names = [name for name in maker.shapes if name != "x"][-3:]
    inputs = [helper.make_tensor_value_info("x", kind, [f"n{k}" for k in range(len(maker.shapes["x"]))])]
    outputs = [helper.make_tensor_value_info(name, kind, None) for name in names]
    graph = helper.make_graph(maker.nodes, "random", inputs, outputs, maker.stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, maker.rng.standard_normal(maker.shapes["x"]).astype(np.float32)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models())
def test_random_graphs(case):
    proto, x = case
    expected = ReferenceEvaluator(proto).run(None, {"x": x})
    model = pf.onnx.import_onnx(proto)
    results = [model(pf.tensor(x)) for _ in range(2)]
    with pf.no_grad():
        results += [model(pf.tensor(x)) for _ in range(2)]
    for result in results:
        for have, want in zip(result if isinstance(result, tuple) else (result,), expected, strict=True):
            value = have.detach().numpy()
            assert value.shape == want.shape and value.dtype == want.dtype
            np.testing.assert_allclose(value, want, rtol=1e-4, atol=1e-4)
