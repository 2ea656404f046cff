"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from pyflame import Tensor, cat, no_grad, ops


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return the elements of all tensors in one vector, one tensor after the other; gradients flow through.

    Raises:
        ValueError: there are no tensors.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> nn.utils.parameters_to_vector(nn.Linear(3, 2).parameters()).shape
        pyflame.Size([8])
    """
    parts = [parameter.reshape(-1) for parameter in parameters]
    if not parts:
        raise ValueError("[parameters_to_vector] there are no tensors")
    return cat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Set the tensors to the elements of a vector, as `parameters_to_vector` orders them.

    Args:
        vec: as many elements as the tensors together.

    Raises:
        TypeError: `vec` is no tensor.
        ValueError: it has fewer or more elements.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> layer = nn.Linear(2, 1)
        >>> nn.utils.vector_to_parameters(pf.tensor([1.0, 2.0, 3.0]), layer.parameters())
        >>> layer.weight.tolist(), layer.bias.tolist()
        ([[1.0, 2.0]], [3.0])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"[vector_to_parameters] vec: expected a tensor, got {type(vec).__name__}")
    found = list(parameters)
    total = sum(parameter.numel() for parameter in found)
    if vec.ndim != 1 or vec.numel() != total:
        raise ValueError(f"[vector_to_parameters] vec has shape {tuple(vec.shape)}, the tensors {total} elements")
    place = 0
    with no_grad():
        for parameter in found:
            size = parameter.numel()
            ops.assign(parameter, vec.detach()[place : place + size].reshape(parameter.shape).to(parameter.dtype))
            place += size
