from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyflame as pf

A = np.arange(24).reshape(2, 3, 4)

CASES: list[tuple[Any, Any]] = [
    (lambda x: x.reshape(4, -1), A.reshape(4, -1)),
    (lambda x: x.reshape((6, 4)), A.reshape(6, 4)),
    (lambda x: x.reshape(-1), A.reshape(-1)),
    (lambda x: x.flatten(), A.reshape(-1)),
    (lambda x: x.flatten(1), A.reshape(2, 12)),
    (lambda x: x.flatten(0, 1), A.reshape(6, 4)),
    (lambda x: x.unflatten(2, (2, -1)), A.reshape(2, 3, 2, 2)),
    (lambda x: x.unsqueeze(-1).squeeze(-1), A),
    (lambda x: x.unsqueeze(0).squeeze(), A),
    (lambda x: x.unsqueeze(0).squeeze((0, 1)), A),
    (lambda x: x.transpose(0, -1), A.swapaxes(0, -1)),
    (lambda x: x.permute(2, 0, 1), A.transpose(2, 0, 1)),
    (lambda x: x.permute(-1, 0, 1), A.transpose(2, 0, 1)),
    (lambda x: x.T, A.T),
    (lambda x: x.mT, A.swapaxes(-1, -2)),
    (lambda x: x[0].t(), A[0].T),
    (lambda x: x.movedim(0, -1), np.moveaxis(A, 0, -1)),
    (lambda x: x.movedim((0, 1), (2, 0)), np.moveaxis(A, (0, 1), (2, 0))),
    (lambda x: x[:, :1].expand(-1, 5, -1), np.broadcast_to(A[:, :1], (2, 5, 4))),
    (lambda x: x.broadcast_to((3, 2, 3, 4)), np.broadcast_to(A, (3, 2, 3, 4))),
    (lambda x: x.narrow(2, 1, 2), A[:, :, 1:3]),
    (lambda x: x.select(1, -1), A[:, -1]),
    (lambda x: pf.cat([x, x[:, :1]], 1), np.concatenate([A, A[:, :1]], 1)),
    (lambda x: pf.cat([pf.zeros(0, dtype=pf.int64), x.flatten()]), A.reshape(-1)),
    (lambda x: pf.stack([x, x], -1), np.stack([A, A], -1)),
    (lambda x: pf.hstack([x, x]), np.hstack([A, A])),
    (lambda x: pf.vstack([x[0, 0], x[1, 1]]), np.vstack([A[0, 0], A[1, 1]])),
    (lambda x: x.flip(0, 2), np.flip(A, (0, 2))),
    (lambda x: x.flip(()), A),
    (lambda x: x.roll(2), np.roll(A, 2)),
    (lambda x: x.roll((1, -1), (0, 2)), np.roll(A, (1, -1), (0, 2))),
    (lambda x: x.repeat(2, 1, 2), np.tile(A, (2, 1, 2))),
    (lambda x: x.repeat(2, 1, 1, 1), np.tile(A, (2, 1, 1, 1))),
    (lambda x: x.tile(3), np.tile(A, 3)),
    (lambda x: x.repeat_interleave(2, 1), np.repeat(A, 2, 1)),
    (lambda x: pf.pad(x, (1, 2, 0, 1), value=9), np.pad(A, ((0, 0), (0, 1), (1, 2)), constant_values=9)),
    (lambda x: pf.pad(x, (-1, 1)), np.pad(A[..., 1:], ((0, 0), (0, 0), (0, 1)))),
    (lambda x: x.triu(1), np.triu(A, 1)),
    (lambda x: x.tril(-1), np.tril(A, -1)),
]


@pytest.mark.parametrize(("ours", "expected"), CASES)
def test_equals_numpy(ours: Any, expected: Any) -> None:
    np.testing.assert_array_equal(ours(pf.tensor(A)).numpy(), expected)


@pytest.mark.parametrize("size", [1, 2, 3, 5, [1, 2, 0, 2]])
def test_split_puts_together_again(size: Any) -> None:
    x = pf.arange(5)
    parts = x.split(size)
    assert pf.cat(parts).tolist() == x.tolist()
    assert [len(p) for p in parts] == (
        size if isinstance(size, list) else [min(size, 5 - k) for k in range(0, 5, size)]
    )


def test_chunk_and_unbind() -> None:
    assert [p.tolist() for p in pf.arange(5).chunk(3)] == [[0, 1], [2, 3], [4]]
    assert [p.tolist() for p in pf.tensor(A).unbind(1)] == [A[:, k].tolist() for k in range(3)]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x.reshape(5), RuntimeError, r"\[reshape\] x has shape"),
        (lambda x: x.reshape(-1, -1), RuntimeError, "more than one -1"),
        (lambda x: x.transpose(0, 3), IndexError, r"\[transpose\] dim 3 is out of range"),
        (lambda x: x.unsqueeze(5), IndexError, r"\[unsqueeze\] dim 5"),
        (lambda x: x.permute(0, 1), RuntimeError, "not a permutation"),
        (lambda x: x.permute(0, 0, 1), RuntimeError, "not a permutation"),
        (lambda x: x.expand(2, 2, 4), RuntimeError, r"\[expand\]"),
        (lambda x: x.t(), RuntimeError, r"\[t\] x has 3 dimensions"),
        (lambda x: x.narrow(0, 1, 5), RuntimeError, r"\[narrow\]"),
        (lambda x: x.select(0, 2), IndexError, r"\[select\] index 2"),
        (lambda x: x.split([1, 2]), RuntimeError, "do not add up to 2"),
        (lambda x: pf.cat([x, x[0]]), RuntimeError, r"\[cat\] tensor 0 has shape"),
        (lambda x: pf.cat([]), ValueError, r"\[cat\] expected at least one"),
        (lambda x: pf.stack([x, x[0]]), RuntimeError, r"\[stack\] tensor 0 has shape"),
        (lambda x: x.repeat(2), RuntimeError, r"\[repeat\]"),
        (lambda x: pf.broadcast_shapes((2,), (3,)), RuntimeError, "do not broadcast"),
        (lambda x: pf.pad(x, (1,)), RuntimeError, r"\[pad\]"),
    ],
)
def test_wrong_shapes_are_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call(pf.tensor(A))
