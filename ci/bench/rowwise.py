"""Softmax, normalization, gelu, chains of elementwise ops, attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

import pyflame as pf
from pyflame.nn import functional as F

from . import peers
from .contest import EAGER, OURS, Array, Contest, Row

TF = torch.nn.functional


def contest(
    arrays: Sequence[Array], ours: Callable[..., pf.Tensor], theirs: Callable[..., torch.Tensor], tolerance: float
) -> Contest:
    """One function in both libraries, PyTorch also compiled."""
    mine, other = [pf.tensor(a) for a in arrays], [torch.from_numpy(a) for a in arrays]
    contest = Contest(
        {OURS: lambda: pf.eval(ours(*mine)), EAGER: lambda: theirs(*other)},
        {OURS: lambda: ours(*mine).numpy(), EAGER: lambda: theirs(*other).numpy()},
        tolerance,
    )
    peers.add_inductor(contest, theirs, other)
    return contest


def softmax() -> Contest:
    x = np.random.default_rng(0).standard_normal((1024, 1024), dtype=np.float32)
    return contest([x], lambda x: F.softmax(x, -1), lambda x: torch.softmax(x, -1), 1e-5)


def layer_norm() -> Contest:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape, dtype=np.float32) for shape in ((2048, 768), (768,), (768,))]
    return contest(
        arrays, lambda x, w, b: F.layer_norm(x, (768,), w, b), lambda x, w, b: TF.layer_norm(x, (768,), w, b), 1e-5
    )


def batch_norm() -> Contest:
    """In evaluation mode, after no convolution that could take it over."""
    rng = np.random.default_rng(0)
    x, *parameters = (rng.standard_normal(shape, dtype=np.float32) for shape in ((32, 64, 56, 56), *[(64,)] * 4))
    parameters[1] = np.abs(parameters[1])
    return contest([x, *parameters], F.batch_norm, TF.batch_norm, 1e-5)


def gelu() -> Contest:
    x = np.random.default_rng(0).standard_normal((2048, 3072), dtype=np.float32)
    return contest([x], F.gelu, TF.gelu, 1e-5)


def chain_of(abs: Any, sqrt: Any, relu: Any) -> Callable[[Any], Any]:
    return lambda x: relu(sqrt(abs((x * 1.1 + 0.5) * x) + 1.0) * 0.3 - x) * 2.0 + 1.0


def chain(size: int) -> Contest:
    """Ten ops: multiply, add, multiply, absolute value, add, root, multiply, subtract, rectify, multiply and add."""
    x = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
    result = contest([x], chain_of(pf.abs, pf.sqrt, pf.relu), chain_of(torch.abs, torch.sqrt, torch.relu), 1e-5)
    peers.add_jax(result, lambda jnp, jax: chain_of(jnp.abs, jnp.sqrt, jax.nn.relu), [x])
    return result


def attention() -> Contest:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((1, 12, 512, 64), dtype=np.float32) for _ in range(3)]
    return contest(
        arrays,
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        lambda q, k, v: TF.scaled_dot_product_attention(q, k, v, is_causal=True),
        1e-4,
    )


def decoding(keys: int) -> Contest:
    """One query a head, as in generating text token by token."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((1, 12, length, 64), dtype=np.float32) for length in (1, keys, keys)]
    return contest(arrays, F.scaled_dot_product_attention, TF.scaled_dot_product_attention, 1e-4)


ROWS = [
    Row("softmax 1024 x 1024", softmax, 1.5),
    Row("layer norm 2048 x 768", layer_norm, 1.0),
    Row("batch norm in evaluation 32 x 64 x 56 x 56", batch_norm, 1.0),
    Row("gelu (erf) 2048 x 3072", gelu, 1.0),
    Row("10-op elementwise chain, 1 M floats", partial(chain, 1 << 20), 10.0, 1.0),
    Row("10-op elementwise chain, 16 M floats", partial(chain, 1 << 24), 20.0, 1.5),
    Row("attention 1 x 12 x 512 x 64, causal", attention, 1.5),
    Row("attention 1 query, 4096 keys, 12 heads of 64", partial(decoding, 4096), 1.0),
]
