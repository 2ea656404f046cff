"""Products and sums by index notation, as permutations and matrix products."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from .. import _core

if TYPE_CHECKING:
    from .._tensor import Tensor

_matmul = _core.ops.matmul
_permute = _core.ops.permute
_reshape = _core.ops.reshape
_sum = _core.ops.sum


def einsum(equation: str, *operands: Any) -> Tensor:
    """Multiply tensors and sum over indices, as the equation says.

    Args:
        equation: one letter per dimension, operands separated by commas, such as "bij,bjk->bik"; "..." stands for
            dimensions that broadcast. Without "->" letters that occur once remain, in alphabetical order.
        operands: tensors, or one list of them.

    Raises:
        RuntimeError: the equation does not fit the operands.

    Example:
        >>> import pyflame as pf
        >>> pf.einsum("ij,j->i", pf.tensor([[1, 2], [3, 4]]), pf.tensor([1, 10]))
        tensor([21, 43])
    """
    tensors = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    inputs, output = _parse(equation, tensors)
    sizes: dict[str, int] = {}
    for letters, x in zip(inputs, tensors):
        for letter, size in zip(letters, x.shape):
            if sizes.get(letter, 1) != 1 and size not in (1, sizes[letter]):
                raise RuntimeError(f"[einsum] {equation!r}: index {letter!r} has sizes {sizes[letter]} and {size}")
            sizes[letter] = builtins.max(size, sizes.get(letter, 1)) if size else 0
    terms = [_merge_repeats(letters, x) for letters, x in zip(inputs, tensors)]
    while len(terms) > 1:
        kept = set(output).union(*(letters for letters, _ in terms[2:]))
        terms[:2] = [_contract(terms[0], terms[1], kept)]
    letters, x = terms[0]
    gone = [place for place, letter in enumerate(letters) if letter not in output]
    if gone:
        x = _sum(x, gone) if len(tensors) == 1 else _cast_back(_sum(x, gone), x)
        letters = "".join(letter for letter in letters if letter in output)
    return _permute(x, [letters.index(letter) for letter in output])


def _parse(equation: str, tensors: list[Tensor]) -> tuple[list[str], str]:
    """Return one letter per dimension; dimensions behind "..." get capital letters from a range of their own."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(tensors):
        raise RuntimeError(f"[einsum] {equation!r} names {len(inputs)} operands, got {len(tensors)}")
    hidden = [x.ndim - len(term.replace("...", "")) for term, x in zip(inputs, tensors)]
    for place, (term, x, extra) in enumerate(zip(inputs, tensors, hidden)):
        if (
            extra < 0
            or (extra and "..." not in term)
            or not term.replace("...", "").isalpha()
            and term.replace("...", "")
        ):
            raise RuntimeError(
                f"[einsum] {equation!r}: term {term!r} does not fit operand {place} of shape {tuple(x.shape)}"
            )
    wide = builtins.max(hidden, default=0)
    stand_in = "".join(chr(0x100 + place) for place in range(wide))
    if not arrow:
        plain = left.replace(",", "").replace(".", "")
        right = "..." + "".join(sorted({letter for letter in plain if plain.count(letter) == 1}))
    output = right.replace("...", stand_in)
    full = [term.replace("...", stand_in[wide - extra :]) for term, extra in zip(inputs, hidden)]
    if len(set(output)) != len(output) or not set(output) <= set("".join(full)):
        raise RuntimeError(f"[einsum] {equation!r}: output indices must be distinct and occur among the inputs")
    return full, output


def _merge_repeats(letters: str, x: Tensor) -> tuple[str, Tensor]:
    """Reduce an index that occurs twice in one operand to the diagonal."""
    for letter in set(letters):
        while letters.count(letter) > 1:
            first, second = letters.index(letter), letters.rindex(letter)
            size = x.shape[first]
            if size != x.shape[second]:
                raise RuntimeError(f"[einsum] index {letter!r} repeats with sizes {size} and {x.shape[second]}")
            rest = [place for place in range(x.ndim) if place not in (first, second)]
            moved = _permute(x, [*rest, first, second])
            flat = _reshape(moved, (*moved.shape[:-2], size * size))
            x = _core.ops.slice(flat, len(rest), 0, size + 1, size)
            letters = "".join(letters[place] for place in rest) + letter
    return letters, x


def _contract(a: tuple[str, Tensor], b: tuple[str, Tensor], kept: set[str]) -> tuple[str, Tensor]:
    """Multiply two terms, summing over what nobody needs later: one batched matrix product, if anything is summed."""
    (left, x), (right, y) = a, b
    x, left = _drop(x, left, set(right) | kept)
    y, right = _drop(y, right, set(left) | kept)
    shared = [letter for letter in left if letter in right]
    batch = [letter for letter in shared if letter in kept]
    summed = [letter for letter in shared if letter not in kept]
    rows = [letter for letter in left if letter not in right]
    columns = [letter for letter in right if letter not in left]
    result = [*batch, *rows, *columns]
    if not summed:
        x = _permute(x, [left.index(letter) for letter in (*batch, *rows)])
        y = _permute(y, [right.index(letter) for letter in (*batch, *columns)])
        shared_sizes, own_sizes = tuple(y.shape[: len(batch)]), tuple(y.shape[len(batch) :])
        x = _reshape(x, (*x.shape, *[1] * len(columns)))
        return "".join(result), x * _reshape(y, (*shared_sizes, *[1] * len(rows), *own_sizes))
    sizes = dict(zip(left, x.shape))
    for letter, size in zip(right, y.shape):
        sizes[letter] = size if sizes.get(letter, 1) == 1 else sizes[letter]
    x = _matrix(x, left, sizes, batch, rows, summed)
    y = _matrix(y, right, sizes, batch, summed, columns)
    product = _matmul(x, y)
    return "".join(result), _reshape(product, [sizes[letter] for letter in result])


def _drop(x: Tensor, letters: str, needed: set[str]) -> tuple[Tensor, str]:
    gone = [place for place, letter in enumerate(letters) if letter not in needed]
    if not gone:
        return x, letters
    return _cast_back(_sum(x, gone), x), "".join(letter for letter in letters if letter in needed)


def _cast_back(total: Tensor, x: Tensor) -> Tensor:
    return total if total.dtype is x.dtype else _core.ops.cast(total, x.dtype)


def _matrix(
    x: Tensor, letters: str, sizes: dict[str, int], batch: list[str], rows: list[str], columns: list[str]
) -> Tensor:
    order = [*batch, *rows, *columns]
    x = _permute(x, [letters.index(letter) for letter in order])
    x = _core.ops.expand(x, [sizes[letter] for letter in order])
    shape = [1, 1, 1]
    for place, group in enumerate((batch, rows, columns)):
        for letter in group:
            shape[place] *= sizes[letter]
    return _reshape(x, shape)
