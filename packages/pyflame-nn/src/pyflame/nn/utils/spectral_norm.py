"""Weights divided by their largest singular value, followed by power iteration (Miyato et al., 2018)."""

from __future__ import annotations

from typing import Any, TypeVar

from pyflame import Tensor, no_grad, ops, randn

from .. import functional as F
from ..module import Module
from ..parameter import Parameter
from ..transposed import TransposedConvolution
from .weight_norm import hook_on, parameter_to_replace

Normed = TypeVar("Normed", bound=Module)


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight with one dimension first and the others joined."""
    if dim:
        weight = weight.permute(dim, *(d for d in range(weight.ndim) if d != dim))
    return weight.reshape(weight.shape[0], -1)


def random_direction(weight: Tensor, size: int, eps: float) -> Tensor:
    return F.normalize(randn(size, dtype=weight.dtype), dim=0, eps=eps)


class SpectralNorm:
    """The hook before a module's forward; `dim` is that of the outputs."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(f"[spectral_norm] n_power_iterations is {n_power_iterations}: expected a positive number")
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def weight(self, module: Module, iterate: bool) -> Tensor:
        weight, u, v = (getattr(module, f"{self.name}_{suffix}") for suffix in ("orig", "u", "v"))
        matrix = as_matrix(weight, self.dim)
        if iterate:
            with no_grad():
                left, right = u.detach(), v.detach()
                for _ in range(self.n_power_iterations):
                    right = F.normalize(matrix.T @ left, dim=0, eps=self.eps)
                    left = F.normalize(matrix @ right, dim=0, eps=self.eps)
                ops.assign(u, left)
                ops.assign(v, right)
        # The vectors move on in later calls, whose gradients may come before those of this one.
        u, v = u.detach().clone(), v.detach().clone()
        return weight / (u * (matrix @ v)).sum()

    def __call__(self, module: Module, args: tuple[Any, ...]) -> None:
        setattr(module, self.name, self.weight(module, iterate=module.training))


def spectral_norm(
    module: Normed,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Normed:
    """Replace a parameter by `name_orig`, and compute it before every call as that divided by its spectral norm.

    `nn.utils.parametrizations.spectral_norm` does the same in a way that combines with other parametrizations.

    Args:
        name: of the parameter.
        n_power_iterations: steps towards the singular vectors for each call in training.
        eps: the least length that is divided by.
        dim: the dimension of the outputs; 1 for transposed convolutions and 0 for others, if None.

    Raises:
        RuntimeError: the parameter is normalized already.
        ValueError: `n_power_iterations` is not positive.

    Example:
        >>> from pyflame import nn
        >>> list(nn.utils.spectral_norm(nn.Linear(20, 40)).state_dict())
        ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if dim is None:
        dim = 1 if isinstance(module, TransposedConvolution) else 0
    norm = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = parameter_to_replace("spectral_norm", module, SpectralNorm, name)
    rows, columns = as_matrix(weight.detach(), dim).shape
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", random_direction(weight, rows, eps))
    module.register_buffer(f"{name}_v", random_direction(weight, columns, eps))
    module.register_forward_pre_hook(norm)
    return module


def remove_spectral_norm(module: Normed, name: str = "weight") -> Normed:
    """Make the weight that `spectral_norm` computes an ordinary parameter again.

    Raises:
        ValueError: it is not normalized.

    Example:
        >>> from pyflame import nn
        >>> layer = nn.utils.spectral_norm(nn.Linear(20, 40))
        >>> sorted(name for name, _ in nn.utils.remove_spectral_norm(layer).named_parameters())
        ['bias', 'weight']
    """
    found = hook_on(module, SpectralNorm, name)
    if found is None:
        raise ValueError(f"[remove_spectral_norm] {name!r} of {type(module).__name__} has no spectral norm")
    handle, norm = found
    weight = norm.weight(module, iterate=False).detach()
    handle.remove()
    for old in (name, f"{name}_u", f"{name}_v", f"{name}_orig"):
        delattr(module, old)
    module.register_parameter(name, Parameter(weight))
    return module
