"""Products and decompositions against PyTorch, over random sizes, batches, dtypes and options."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pyflame.dtypes import all_dtypes, bool_, float32, float64
from pyflame.testing import differential

pytestmark = pytest.mark.torch
pytest.importorskip("torch", reason="PyTorch is not installed")

Shape = tuple[int, ...]
Case = tuple[str, Any, list[Shape]]
NUMBERS = [dtype for dtype in all_dtypes if dtype is not bool_]
EQUATIONS = """ij,jk->ik ij,jk ii->i iij->ij ...ij,...jk->...ik i,j->ij ij,ij-> ijk->kij ij,j,k->ik ij->ji i,i,i->i
...i->... ij-> ij,kj->ik ijk,lkj->il ij->ijk ij,jk->ii ji,jk->ik ...,... ...i,...i->...""".split()


def products(rng: np.random.Generator, i: int, j: int, k: int, b: int) -> Iterator[Case]:
    inner = j + int(rng.random() < 0.1)  # now and then sizes that do not fit
    beta, alpha = (int(rng.integers(3)) for _ in range(2))
    pair = [(i, j), (inner, k)]
    yield "mm", lambda lib, x, y: lib.mm(x, y), pair
    yield "matmul", lambda lib, x, y: x @ y, [(b, 1, i, j), (inner, k)]
    yield "mv", lambda lib, x, y: lib.mv(x, y), [(i, j), (inner,)]
    yield "bmm", lambda lib, x, y: lib.bmm(x, y), [(b, i, j), (b, inner, k)]
    yield "dot", lambda lib, x, y: (lib.dot(x, y), lib.vdot(x, y)), [(j,), (inner,)]
    yield "inner", lambda lib, x, y: lib.inner(x, y), [(i, k, j), (b, inner)]
    yield "outer", lambda lib, x, y: (lib.outer(x, y), lib.ger(x, y)), [(i,), (j,)]
    shapes = {"addmm": pair, "addmv": [(i, j), (inner,)], "addr": [(i,), (k,)]}
    shapes |= dict.fromkeys(("addbmm", "baddbmm"), [(b, i, j), (b, inner, k)])
    for name, parts in shapes.items():
        whole = (i,) if name == "addmv" else (b, i, k) if name == "baddbmm" else (i, k)
        call = lambda lib, x, y, z, name=name: getattr(lib, name)(x, y, z, beta=beta, alpha=alpha)
        yield name, call, [whole, *parts]
        yield f"{name} broadcast", call, [whole[-1:], *parts]
    yield "tensordot", lambda lib, x, y: lib.tensordot(x, y, dims=2), [(i, j, k), (inner, k, b)]
    yield "tensordot lists", lambda lib, x, y: lib.tensordot(x, y, dims=([0, 2], [1, 0])), [(i, b, k), (k, i, j)]
    yield "kron", lambda lib, x, y: lib.kron(x, y), [differential.draw_shape(rng, 3) for _ in range(2)]
    yield "cross", lambda lib, x, y: lib.linalg.cross(x, y), [(i, 3), (1, 3)]
    yield "cross dim", lambda lib, x, y: lib.cross(x, y, dim=0), [(3, i), (3, i)]
    yield "cross refused", lambda lib, x, y: lib.cross(x, y, dim=0), [(2, i), (2, i)]
    diagonal = int(rng.integers(-3, 4))
    yield "tril", lambda lib, x: lib.tril(x, diagonal), [differential.draw_shape(rng)]
    yield "triu", lambda lib, x: lib.triu(x, diagonal), [differential.draw_shape(rng)]
    yield "matrix_power", lambda lib, x: lib.linalg.matrix_power(x, 3), [(b, i, i)]
    yield "diagonal", lambda lib, x: lib.linalg.diagonal(x, offset=1), [(b, i, j)]


def equations(sizes: dict[str, int]) -> Iterator[Case]:
    for equation in EQUATIONS:
        terms = equation.split("->")[0].split(",")
        shapes = [tuple(size for c in term.replace("...", "z") for size in [sizes[c]]) for term in terms]
        yield equation, lambda lib, *xs, equation=equation: lib.einsum(equation, *xs), shapes


def norms(rng: np.random.Generator, batch: Shape, i: int, j: int) -> Iterator[Case]:
    for order in (None, 1.0, 2.0, 3.5, math.inf, -math.inf, -1.0, -2.0, "fro", "nuc"):
        dim: Any = (None, 0, -1, (0, 1), (-1, -2))[rng.integers(5)]
        keepdim = bool(rng.integers(2))
        shape = (*batch, i, j)
        yield f"norm {order}", lambda lib, x, o=order, d=dim, k=keepdim: lib.linalg.norm(x, o, d, k), [shape]
        if isinstance(order, float):
            call = lambda lib, x, o=order, d=dim, k=keepdim: lib.linalg.vector_norm(x, o, d, k)
            yield f"vector_norm {order}", call, [shape]
        if order is not None:
            yield (
                f"matrix_norm {order}",
                lambda lib, x, o=order, k=keepdim: lib.linalg.matrix_norm(x, o, keepdim=k),
                [shape],
            )


def decompositions(rng: np.random.Generator, batch: Shape, i: int, j: int, k: int) -> Iterator[Case]:
    square, right, tall = (*batch, i, i), (*batch, i, k), (*batch, i + k, i)
    flag, power = bool(rng.integers(2)), int(rng.integers(-3, 5)) or 1
    for name in ("det", "slogdet", "inv", "pinv", "matrix_rank", "cond", "svdvals"):
        yield name, lambda lib, x, name=name: getattr(lib.linalg, name)(x), [square]
    for name in ("pinv", "svdvals", "matrix_rank"):
        yield f"{name} tall", lambda lib, x, name=name: getattr(lib.linalg, name)(x), [tall]
        yield f"{name} wide", lambda lib, x, name=name: getattr(lib.linalg, name)(x.mT), [tall]
    yield "solve", lambda lib, x, y: lib.linalg.solve(x, y), [square, right]
    yield "solve broadcast", lambda lib, x, y: lib.linalg.solve(x, y), [(i, i), right]
    yield "solve vectors", lambda lib, x, y: lib.linalg.solve(x, y), [square, (*batch, i)]
    yield "solve from the right", lambda lib, x, y: lib.linalg.solve(x, y.mT, left=False), [square, right]
    yield "triangular", lambda lib, x, y: lib.linalg.solve_triangular(x, y, upper=flag), [square, right]
    yield (
        "triangular of ones",
        lambda lib, x, y: lib.linalg.solve_triangular(x, y, upper=flag, unitriangular=True),
        [square, right],
    )
    yield "cholesky", lambda lib, x: lib.linalg.cholesky(x @ x.mT + lib.eye(i).to(x.dtype), upper=flag), [square]
    yield "cholesky refused", lambda lib, x: lib.linalg.cholesky(-x @ x.mT), [square]
    # Squares, as the signs of vectors are arbitrary.
    yield "qr", lambda lib, x: [t * t for t in lib.linalg.qr(x)], [tall]
    yield "qr wide", lambda lib, x: [t * t for t in lib.linalg.qr(x.mT)], [tall]
    yield "qr r", lambda lib, x: lib.linalg.qr(x.detach(), "r")[1] ** 2, [tall]
    yield "svd", lambda lib, x: [t * t for t in lib.linalg.svd(x, full_matrices=False)], [tall]
    yield "svd wide", lambda lib, x: [t * t for t in lib.linalg.svd(x.mT, full_matrices=False)], [tall]
    yield "svd full", lambda lib, x: [lib.linalg.svd(x).S, *(tuple(t.shape) for t in lib.linalg.svd(x))], [tall]
    yield "eigh", lambda lib, x: [t * t for t in lib.linalg.eigh(x + x.mT)], [square]
    yield "eigvalsh", lambda lib, x: lib.linalg.eigvalsh(x + x.mT, "U"), [square]
    yield "power", lambda lib, x: lib.linalg.matrix_power(x, power), [square]
    yield "lstsq", lambda lib, x, y: lib.linalg.lstsq(x, y).solution, [(*batch, i + k + 1, i), (*batch, i + k + 1, j)]
    yield "multi_dot", lambda lib, x, y, z: lib.linalg.multi_dot([x, y, z]), [(i, j), (j, k), (k,)]
    yield "chain_matmul", lambda lib, x, y, z: lib.chain_matmul(x, y, z), [(i, j), (j, k), (k, i)]
    yield "vecdot", lambda lib, x, y: lib.linalg.vecdot(x, y), [right, right]


def check(cases: Iterator[Case], rng: np.random.Generator, dtypes: Any, slack: float) -> int:
    succeeded = 0
    for name, call, shapes in cases:
        dtype = dtypes[rng.integers(len(dtypes))]
        operands = [(differential.draw_values(rng, shape, dtype, -2, 2), dtype) for shape in shapes]
        try:
            succeeded += differential.compare(call, operands, slack=slack)
        except AssertionError as error:
            error.add_note(f"case: {name}")
            raise
    return succeeded


@pytest.mark.parametrize("seed", range(16))
def test_products_are_those_of_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    i, j, k, b = (int(size) for size in rng.integers(0, 5, 4))
    assert check(products(rng, i, j, k, b), rng, NUMBERS, slack=2) > 5
    sizes = dict(zip("ijklz", (int(size) for size in rng.integers(0, 4, 5))))
    assert check(equations(sizes), rng, (float32, float64), slack=2) > 5


@pytest.mark.parametrize("seed", range(16))
def test_norms_and_decompositions_are_those_of_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    i, j, k = (int(size) for size in rng.integers(1, 5, 3))
    batch = differential.draw_shape(rng, 2, 1)
    assert check(norms(rng, batch, i, j), rng, (float32, float64), slack=20) > 8
    assert check(decompositions(rng, batch, i, j, k), rng, (float64,), slack=1e5) > 20


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "qr", "svd", "eigh", "pinv"])
def test_wrong_operands_are_refused_as_torch_does(name: str) -> None:
    for shape in ((), (3,), (2, 3), (3, 2, 2)):
        for dtype in (all_dtypes[1], all_dtypes[5]):
            differential.compare(lambda lib, x: getattr(lib.linalg, name)(x), [(np.ones(shape), dtype)], gradient=False)


def test_singular_matrices_raise_a_linalg_error_in_both() -> None:
    for name in ("inv", "cholesky"):
        assert not differential.compare(
            lambda lib, x, name=name: getattr(lib.linalg, name)(x), [(np.zeros((2, 2)), float64)], gradient=False
        )
