"""Tensors that share memory: what a write through one shows in the others, and in gradients."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyflame as pf
from pyflame import Tensor, _core
from pyflame.testing.alias_programs import Writer


def grid() -> Tensor:
    return pf.arange(12.0).reshape(3, 4).clone()


VIEWS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "row": (lambda x: x[1], lambda a: a[1]),
    "slice": (lambda x: x[:, 1:4:2], lambda a: a[:, 1:4:2]),
    "t": (lambda x: x.t(), lambda a: a.T),
    "view": (lambda x: x.view(2, 6), lambda a: a.reshape(2, 6)),
    "chain": (lambda x: x.t()[1:3].unsqueeze(0)[..., 2], lambda a: a.T[1:3][None][..., 2]),
    "diagonal": (lambda x: x.diagonal(1), lambda a: a.reshape(-1)[1:12:5]),
    "narrow": (lambda x: x.narrow(1, 1, 2), lambda a: a[:, 1:3]),
    "detach": (lambda x: x.detach(), lambda a: a),
    "data": (lambda x: x.data, lambda a: a),
    "unbind": (lambda x: x.unbind(1)[2], lambda a: a[:, 2]),
    "chunk": (lambda x: x.chunk(2, 1)[1], lambda a: a[:, 2:]),
    "item": (lambda x: x[2, 3], lambda a: a[2, 3:].reshape(())),
    "as_strided": (
        lambda x: x.as_strided((2, 2), (5, 1), 1),
        lambda a: np.lib.stride_tricks.as_strided(a.reshape(-1)[1:], (2, 2), (40, 8)),
    ),
    "squeeze": (lambda x: x[:, 1:2].squeeze(), lambda a: a[:, 1]),
}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("pending", [True, False])
def test_writes_are_seen_through_view_and_base(name: str, pending: bool) -> None:
    take, reference = VIEWS[name]
    x, expected = grid(), np.arange(12.0).reshape(3, 4)
    if not pending:
        x.eval()
    view, window = take(x), reference(expected)
    view += 100
    window += 100
    assert x.tolist() == expected.tolist() and view.tolist() == window.tolist()
    x *= 2
    expected *= 2
    assert x.tolist() == expected.tolist() and view.tolist() == window.tolist()
    del x
    view.zero_()
    assert not view.any()


def test_siblings_outlive_their_base() -> None:
    a, b = (lambda x: (x[0:2], x[1:3]))(grid())
    a[1] = -1
    assert b[0].tolist() == [-1] * 4
    del a
    assert b.add_(1).tolist() == [[0] * 4, [9, 10, 11, 12]]


@pytest.mark.parametrize(
    "copy",
    [lambda x: x.clone(), lambda x: x.t().reshape(-1), lambda x: x[[0, 1]], lambda x: x.t().contiguous(),
     lambda x: x.repeat(1, 1), lambda x: pf.tensor(x.numpy()), lambda x: x + 0, lambda x: pf.cat([x])],
)  # fmt: skip
def test_copies_keep_their_values(copy: Callable[[Tensor], Tensor]) -> None:
    x = grid()
    y = copy(x)
    before = y.tolist()
    x.zero_()
    assert y.tolist() == before
    y.fill_(1)
    assert not x.any()


def test_walking_over_rows_changes_them_all() -> None:
    x = pf.zeros(10_000, 3)
    for row in x:
        row += 1
    assert bool((x == 1).all())


def test_item_assignment_writes_once() -> None:
    x = grid()
    row = x[1]
    x[1] += 1
    assert x._version == row._version == 1 and row.tolist() == [5, 6, 7, 8]


def test_evaluated_memory_is_never_changed_under_an_array() -> None:
    x = grid()
    array, row = x.numpy(), x[1].numpy()
    x[1] = 7
    x.eval()
    assert array[1].tolist() == row.tolist() == [4, 5, 6, 7]


# ---- gradients
def test_gradient_of_a_write_through_a_view() -> None:
    w = pf.ones(3, requires_grad=True)
    y = w * 2
    part = y[1:]
    part.mul_(3)
    y[0] = 5
    (y * pf.tensor([1.0, 2.0, 4.0])).sum().backward()
    assert w.grad is not None and w.grad.tolist() == [0, 12, 24]


def test_writing_a_tensor_that_requires_grad_makes_base_and_views_require_it() -> None:
    x, w = pf.zeros(2, 2), pf.ones(2, requires_grad=True)
    column = x[:, 0]
    x[1] = w * 3
    assert x.requires_grad and not x.is_leaf and column.requires_grad
    column.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [3, 0]


def test_change_under_no_grad_keeps_the_gradient_path() -> None:
    w = pf.ones(2, requires_grad=True)
    y = w * 2
    with pf.no_grad():
        y[0] = 10
        y.add_(1)
    assert y.tolist() == [11, 3] and y.requires_grad
    y.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [2, 2]


def test_change_through_detach_keeps_the_gradient_path() -> None:
    w = pf.ones(2, requires_grad=True)
    y = w * 2
    y.detach()[0] = 10
    w.detach().mul_(5)
    assert y.tolist() == [10, 2] and w.tolist() == [5, 5] and w.is_leaf
    y.sum().backward()
    assert w.grad is not None and w.grad.tolist() == [2, 2]


def test_leaf_changed_after_it_was_used_still_gets_its_gradient() -> None:
    w = pf.ones(2, requires_grad=True)
    loss = (w * 3).sum()
    with pf.no_grad():
        w[0] = 9
        w.sub_(1)
    loss.backward()
    assert w.tolist() == [8, 0] and w.grad is not None and w.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.add_(1), "a leaf that requires grad"),
        (lambda w: w[0].add_(1), "a view of a leaf"),
        (lambda w: w.__setitem__(0, 1), "a view of a leaf"),
        (lambda w: (w * 1).expand(2, 3).add_(1), "several elements"),
        (lambda w: pf.zeros(3).expand(2, 3).add_(1), "several elements"),
        (lambda w: w.squeeze_(), "a leaf that requires grad"),
        (lambda w: w.view(1, 3).set_(w), "requires grad"),
    ],
)
def test_refused_changes(change: Callable[[Tensor], Any], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        change(pf.ones(3, requires_grad=True))


@pytest.mark.parametrize(
    "program",
    [
        lambda y, c: (y * y, y.add_(1)),
        lambda y, c: (y * c, c.add_(1)),
        lambda y, c: (y[0] * y[0], y[0].add_(1)),
        lambda y, c: (y[0] * 2 * y[0], y.zero_()),
        lambda y, c: (lambda z: (z, z.mul_(2)))(y.exp()),
        lambda y, c: (y @ y, y.detach().zero_()),
    ],
)
def test_backward_refuses_values_that_were_changed(program: Callable[[Tensor, Tensor], tuple[Tensor, Any]]) -> None:
    w = pf.ones(2, 2, requires_grad=True)
    result, _ = program(w * 2, pf.ones(2, 2))
    words = r"\[backward\] \w+ \(.*test_aliasing.py:\d+\) needs its \w+, which was changed"
    with pytest.raises(RuntimeError, match=words):
        result.sum().backward()


@pytest.mark.parametrize(
    "program",
    [
        lambda y, c: (y + c, y.add_(1), c.zero_()),
        lambda y, c: (y * c, y.add_(1)),
        lambda y, c: (y / c, y.add_(1)),
        lambda y, c: ((y / c).mul_(2),),
        lambda y, c: (y.exp_(),),
        lambda y, c: (y.sin_().pow_(2),),
        lambda y, c: (y.relu(), y.add_(1)),
        lambda y, c: (y * y, y.data.add_(1)),
        lambda y, c: (y.clone() * 3, y.zero_()),
    ],
)
def test_backward_takes_changes_it_does_not_depend_on(program: Callable[[Tensor, Tensor], tuple[Any, ...]]) -> None:
    w = pf.ones(2, 2, requires_grad=True)
    program(w * 2, pf.ones(2, 2))[0].sum().backward()
    assert w.grad is not None


def test_with_history_sends_the_gradient_to_the_history() -> None:
    value, history = pf.zeros(2, requires_grad=True), pf.ones(2, requires_grad=True)
    y = _core.ops.with_history(value, history)
    assert y.tolist() == [0, 0]
    y.sum().backward()
    assert value.grad is None and history.grad is not None and history.grad.tolist() == [1, 1]


def test_retained_gradient_moves_with_a_change() -> None:
    w = pf.ones(2, requires_grad=True)
    y = w * 2
    y.retain_grad()
    y.mul_(3)
    (y * 5).sum().backward()
    assert y.grad is not None and y.grad.tolist() == [5, 5] and w.grad is not None and w.grad.tolist() == [30, 30]


# ---- handles
def test_shape_changing_methods_share_memory() -> None:
    x = grid()
    other = x.view(-1)
    assert x.t_() is x and x.shape == (4, 3)
    x[0] = -1
    assert other.tolist() == [-1, 1, 2, 3, -1, 5, 6, 7, -1, 9, 10, 11]
    assert x.unsqueeze_(0).shape == (1, 4, 3) and x.squeeze_(0).transpose_(0, 1).shape == (3, 4)


def test_set_and_data_take_over_memory() -> None:
    x, y = pf.zeros(2), pf.ones(3)
    view = x[0:1]
    x.data = y
    y.add_(1)
    assert x.tolist() == [2, 2, 2] and view.tolist() == [0]
    w = pf.ones(2, requires_grad=True)
    w.data = pf.zeros(2)
    assert w.is_leaf and w.requires_grad and w.tolist() == [0, 0]


def test_parameter_shares_the_memory_of_its_data() -> None:
    data = pf.zeros(2)
    p = pf.Parameter(data)
    data.add_(1)
    assert p.tolist() == [1, 1] and p.is_leaf and p.requires_grad
    (p * 2).sum().backward()
    assert p.grad is not None and p.grad.tolist() == [2, 2]


def test_strides_are_known_without_evaluation() -> None:
    x = pf.zeros(3, 4)
    part = x.t()[1:, ::2]
    assert part.stride() == (1, 8) and part.storage_offset() == 1 and not part.is_contiguous()
    assert not part.is_evaluated() or x.is_evaluated()
    with pytest.raises(RuntimeError, match="view"):
        x.t().view(12)


def test_releasing_many_aliases_leaves_nothing() -> None:
    before = _core.stats()["live_nodes"]
    x = pf.zeros(1000, 2)
    rows = x.unbind(0)
    for row in rows[::2]:
        row.fill_(1)
    assert float(x.sum()) == 1000
    del x, rows, row
    assert _core.stats()["live_nodes"] <= before + 2


# ---- random programs
def overlap(a: Any, b: Any) -> str:
    if not a.numel() or not b.numel() or not _core.same_memory(a, b):
        return "apart"
    return "same" if _core.same_window(a, b) else "overlap"


def attempt(line: str, env: dict[str, Any]) -> str:
    try:
        exec(compile(line, "<program>", "exec"), env)
    except Exception as error:
        return repr(error)
    return ""


@pytest.mark.parametrize("seed", range(150))
def test_programs_do_the_same_op_by_op_and_deferred(seed: int) -> None:
    rng = random.Random(seed)
    eager: dict[str, Any] = {"lib": pf}
    lazy: dict[str, Any] = {"lib": pf}
    writer = Writer(rng, eager, overlap)
    lines = []
    for _ in range(12):
        lines.append(writer.statement())
        with pf.eager():
            expected = attempt(lines[-1], eager)
        assert attempt(lines[-1], lazy) == expected, "\n".join(lines)
    for name in (name for name in eager if name[0] == "v"):
        x, y = eager[name].detach(), lazy[name].detach()
        np.testing.assert_array_equal(y.numpy(), x.numpy(), err_msg="\n".join([*lines, name]))
        assert eager[name].requires_grad == lazy[name].requires_grad, "\n".join([*lines, name])


def test_as_strided_in_place_makes_the_tensor_the_window() -> None:
    x = pf.arange(6)
    row = x[1:3]
    assert x.as_strided_((2, 2), (3, 1)) is x and x.tolist() == [[0, 1], [3, 4]]
    row += 10
    assert x.tolist() == [[0, 11], [3, 4]]


def test_an_empty_view_begins_where_it_was_cut() -> None:
    x = pf.arange(10).reshape(1, 5, 2)
    assert (x[1:].storage_offset(), x[:, 3:3].storage_offset(), x[1:].transpose(0, 1).storage_offset()) == (10, 6, 10)
    with pytest.raises(RuntimeError, match="leaves the 10 elements"):
        x[1:].as_strided((1, 1), (0, 3))
