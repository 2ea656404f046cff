import onnx
import pytest
from onnx import helper

from pyflame.onnx import InvalidOnnxModel
from pyflame.onnx.proto import read, write

FLOAT = onnx.TensorProto.FLOAT


def model_of(nodes, inputs=("x",), outputs=("y",), **kwargs):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, FLOAT, [1]) for name in inputs],
        [helper.make_tensor_value_info(name, FLOAT, [1]) for name in outputs],
    )
    return helper.make_model(graph, **{"opset_imports": [helper.make_opsetid("", 17)], **kwargs})


def node(source, target, op="Relu"):
    return helper.make_node(op, [source], [target])


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [node("a", "b"), node("b", "a"), node("b", "y")],
            "'a' is computed only later: a cycle, or nodes out of order",
        ),
        ([node("nowhere", "y")], "'nowhere' exists nowhere"),
        ([node("x", "y"), node("x", "y")], "output 'y' is defined twice"),
        ([node("x", "x"), node("x", "y")], "output 'x' is defined twice"),
        ([node("x", "z")], "output 'y' is computed by no node"),
    ],
)
def test_names_are_defined_once_and_before_use(nodes, message):
    with pytest.raises(InvalidOnnxModel, match=message):
        read(model_of(nodes))


def test_attributes_come_once():
    double = node("x", "y", "Elu")
    double.attribute.extend([helper.make_attribute("alpha", 1.0), helper.make_attribute("alpha", 2.0)])
    with pytest.raises(InvalidOnnxModel, match="attribute 'alpha' is defined twice"):
        read(model_of([double]))


def test_inputs_come_once():
    with pytest.raises(InvalidOnnxModel, match="input 'x' is defined twice"):
        read(model_of([node("x", "y")], inputs=("x", "x")))


@pytest.mark.parametrize(
    ("opsets", "message"),
    [
        ([], "imports no opset"),
        ([("", 17), ("ai.onnx", 13)], "twice"),
        ([("", 0)], "opset 0"),
        ([("", -4)], "opset -4"),
    ],
)
def test_opsets_are_given_once(opsets, message):
    model = model_of([node("x", "y")])
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(*entry) for entry in opsets)
    with pytest.raises(InvalidOnnxModel, match=message):
        read(model)


def test_functions_may_not_call_each_other_in_a_circle():
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = [
        helper.make_function("f", name, ["a"], ["b"], [helper.make_node(called, ["a"], ["b"], domain="f")], opsets)
        for name, called in (("One", "Two"), ("Two", "One"))
    ]
    model = model_of([helper.make_node("One", ["x"], ["y"], domain="f")], functions=functions, opset_imports=opsets)
    with pytest.raises(InvalidOnnxModel, match="call each other in a circle"):
        read(model)


def test_functions_that_double_do_not_run_away():
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = [
        helper.make_function(
            "f",
            f"F{n}",
            ["a"],
            ["b"],
            [
                helper.make_node(f"F{n + 1}", ["a"], ["c"], domain="f") if n < 39 else node("a", "c"),
                helper.make_node(f"F{n + 1}", ["c"], ["b"], domain="f") if n < 39 else node("c", "b"),
            ],
            opsets,
        )
        for n in range(40)
    ]
    model = model_of([helper.make_node("F0", ["x"], ["y"], domain="f")], functions=functions, opset_imports=opsets)
    with pytest.raises(InvalidOnnxModel, match="its functions expand to 1,099,511,627,776 nodes"):
        read(model)


def test_graphs_may_not_be_nested_endlessly():
    inner = helper.make_graph([node("x", "r")], "leaf", [], [helper.make_tensor_value_info("r", FLOAT, [1])])
    for depth in range(20):
        inner = helper.make_graph(
            [helper.make_node("If", ["c"], ["r"], then_branch=inner, else_branch=inner)]
            if depth < 1
            else [helper.make_node("Loop", ["", "c"], ["r"], body=inner)],
            f"level{depth}",
            [],
            [helper.make_tensor_value_info("r", FLOAT, [1])],
        )
    model = model_of(list(inner.node) + [node("r", "y")], inputs=("x", "c"))
    with pytest.raises(InvalidOnnxModel, match="nested more than"):
        read(model)


@pytest.mark.parametrize("data", [b"", b"\x00" * 40, b"not a model", bytes(range(256))])
def test_other_files_are_refused(data, tmp_path):
    with pytest.raises(InvalidOnnxModel):
        read(data)
    (tmp_path / "model.onnx").write_bytes(data)
    with pytest.raises(InvalidOnnxModel, match="model.onnx"):
        read(tmp_path / "model.onnx")


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    model = model_of([node("x", "y")])
    write(model, path)
    assert read(path).proto == model

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write(model_of([node("x", "y", "Abs")]), path)
    assert read(path).proto == model
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
