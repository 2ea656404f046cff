"""The checks pass what is right and find what is wrong."""

import pytest

import pyflame as pf
from pyflame.testing import assert_no_leak, check_layouts, check_pass


@pytest.mark.parametrize("pass_", pf.optimize.default_passes(3), ids=lambda pass_: pass_.name)
def test_our_passes_pass(pass_):
    check_pass(pass_, num_graphs=5)


def changed_in_place(graph):
    graph.mark_output(graph.nodes[0])
    return graph.clone()


def drops_what_is_unused(graph):
    return graph.subgraph(graph.outputs[:1])


@pytest.mark.parametrize(
    "pass_, problem",
    [
        (changed_in_place, r"random_graph\(0, 25\) was changed"),
        (drops_what_is_unused, "has inputs .*, the pass made"),
    ],
)
def test_a_wrong_pass_is_found(pass_, problem):
    with pytest.raises(AssertionError, match=problem):
        check_pass(pass_)


def test_a_pass_that_changes_values_is_found():
    def doubles(graph):
        made = graph.clone()
        for node in graph.nodes:
            if node.op_type == "tanh" and node.output_dtype.is_floating_point:
                made.replace_node(made.node(node.id), made.create_op("sin", node.inputs))
        return made

    with pytest.raises(AssertionError, match=r"has other results after the pass: .* elements differ"):
        check_pass(doubles, num_graphs=50)


def test_layouts_do_not_change_values():
    check_layouts(lambda a, b: (a @ b).softmax(1).sum(0), pf.rand(4, 6), pf.rand(6, 4))


def test_a_function_that_depends_on_the_layout_is_found():
    with pytest.raises(AssertionError, match=r"with operands \[0\] in row_partition"):
        check_layouts(lambda x: x if x.layout is None else x + 1, pf.ones(4, 4))


def test_a_leak_is_found():
    kept = []
    with pytest.raises(AssertionError, match="400 bytes more"), assert_no_leak(nodes=1):
        kept.append(pf.eval(pf.ones(100) * 2))
    with pytest.raises(AssertionError, match="1 nodes more|2 nodes more"), assert_no_leak():
        kept.append(pf.ones(100) * 2)
    with assert_no_leak():
        x = pf.ones(100, requires_grad=True)
        (x * x).sum().backward()
        del x
    with assert_no_leak(nodes=1, num_bytes=400):
        kept.append(pf.eval(pf.ones(100) * 2))
