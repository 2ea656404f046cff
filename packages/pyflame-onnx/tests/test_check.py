import onnx
import pytest
from onnx import helper

import pyflame as pf

VENDOR = """g (float[N] x) => (float[N] y) {
  a = com.microsoft.BiasGelu(x)
  b = com.microsoft.BiasGelu(a)
  c = StringNormalizer(x)
  y = Relu(b)
}"""


def vendor_model(parse):
    return parse(VENDOR, **{"com.microsoft": 1})


def test_report_lists_every_operator_with_count_and_place(parse):
    report = pf.onnx.check(vendor_model(parse))
    assert not report and not report.ok
    assert [(f.op, f.count, f.locations) for f in report.findings] == [
        ("com.microsoft::BiasGelu", 2, ("#0", "#1")),
        ("StringNormalizer", 1, ("#2",)),
    ]
    assert report.findings[0].reason == "the operators of domain 'com.microsoft' are not part of ONNX"
    assert "register_op_import" in report.findings[0].suggestion
    assert report.ops == {"com.microsoft::BiasGelu": 2, "StringNormalizer": 1, "Relu": 1}


def test_import_raises_the_report(parse):
    with pytest.raises(pf.onnx.UnsupportedOnnxOp) as caught:
        pf.onnx.import_onnx(vendor_model(parse))
    assert str(caught.value) == str(pf.onnx.check(vendor_model(parse)))
    assert "BiasGelu x2 at #0, #1" in str(caught.value)
    assert caught.value.report.to_dict()["findings"][0]["count"] == 2


def test_subgraphs_and_functions_are_looked_into(parse):
    body = helper.make_graph(
        [helper.make_node("Spin", ["x"], ["s"], name="spin", domain="own")],
        "branch",
        [],
        [helper.make_tensor_value_info("s", onnx.TensorProto.FLOAT, None)],
    )
    function = helper.make_function(
        "f",
        "Turn",
        ["a"],
        ["b"],
        [helper.make_node("Spin", ["a"], ["b"], domain="own")],
        [helper.make_opsetid("own", 1)],
    )
    nodes = [
        helper.make_node("If", ["c"], ["y"], name="choice", then_branch=body, else_branch=body),
        helper.make_node("Turn", ["x"], ["z"], domain="f"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1), helper.make_opsetid("f", 1)]
    report = pf.onnx.check(helper.make_model(graph, functions=[function], opset_imports=opsets))
    assert report.findings[0].locations == ("choice/spin", "choice/spin", "Turn:#0")


def test_a_misspelt_operator_is_recognised(parse):
    (finding,) = pf.onnx.check(parse("g (float[N] x) => (float[N] y) { y = Sigmiod(x) }")).findings
    assert finding.reason == "opset 17 has no such operator"
    assert finding.suggestion.startswith("did you mean Sigmoid?")


def test_versions_that_are_not_mapped_are_named(parse):
    (finding,) = pf.onnx.check(parse("g (float[N] x) => (float[N] y) { y = Relu(x) }", opset=5)).findings
    assert finding.op == "Relu" and finding.version == 1
    assert finding.reason == "version 1 has no map; those that have: 6, 13, 14"


def test_a_domain_that_is_not_imported_is_named(parse):
    model = parse("g (float[N] x) => (float[N] y) { y = Relu(x) }")
    model.graph.node[0].domain = "elsewhere"
    (finding,) = pf.onnx.check(model).findings
    assert finding.reason == "the model imports no opset of domain 'elsewhere'"


def test_all_is_well_is_said_so(small_network):
    report = pf.onnx.check(small_network)
    assert report
    assert str(report) == "[onnx] small: all 10 nodes can be converted (opset 17)"
