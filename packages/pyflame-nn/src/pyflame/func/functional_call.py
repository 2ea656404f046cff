"""Calling a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from pyflame import Tensor
from pyflame.nn import Module
from pyflame.nn.utils import stateless


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: MutableMapping[str, Tensor] | Sequence[MutableMapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with given tensors in place of its parameters and buffers, which stay as they are.

    Args:
        parameter_and_buffer_dicts: path -> tensor, or several such dicts without common keys.
        args: a tuple of arguments, or one argument.
        tie_weights: a value for a tensor that the module has under several names counts for all of them.
        strict: refuse missing and unexpected keys.

    Raises:
        ValueError: a key is in two dicts, or tied tensors get different values.
        RuntimeError: keys are missing or unexpected, with `strict`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.Linear(2, 1)
        >>> def loss(weights):
        ...     return pf.func.functional_call(layer, weights, pf.ones(2)).sum()
        >>> weights = {"weight": pf.zeros(1, 2, requires_grad=True), "bias": pf.ones(1)}
        >>> loss(weights).backward()
        >>> weights["weight"].grad
        tensor([[1., 1.]])
    """
    return stateless.functional_call(
        module, parameter_and_buffer_dicts, args, kwargs, tie_weights=tie_weights, strict=strict
    )
