"""Parametrizations to use: weights with a length, with spectral norm one, orthogonal ones."""

from __future__ import annotations

from typing import TypeVar

from pyflame import Tensor, no_grad, ops

from .. import functional as F
from ..module import Module
from ..transposed import TransposedConvolution
from .orthogonal import orthogonal as orthogonal
from .parametrize import register_parametrization
from .spectral_norm import as_matrix, random_direction
from .weight_norm import lengths, with_lengths

Changed = TypeVar("Changed", bound=Module)


class _WeightNorm(Module):
    def __init__(self, dim: int | None) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return with_lengths(v, g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return lengths(weight, self.dim), weight


def weight_norm(module: Changed, name: str = "weight", dim: int | None = 0) -> Changed:
    """Parametrize a weight by lengths, `original0`, and directions, `original1` (Salimans and Kingma, 2016).

    State dicts of the older `nn.utils.weight_norm` load, too.

    Args:
        name: of the parameter.
        dim: the dimension whose entries have a length each; None for one length.

    Example:
        >>> from pyflame import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
        >>> layer.parametrizations["weight"].original0.shape
        pyflame.Size([40, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(module: Module, state: dict[str, Tensor], prefix: str, *rest: object) -> None:
        old = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if all(key in state for key in old):
            for place, key in enumerate(old):
                state[f"{prefix}parametrizations.{name}.original{place}"] = state.pop(key)

    module.register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"[spectral_norm] dim is {dim}: the weight has {weight.ndim} dimensions")
        if n_power_iterations <= 0:
            raise ValueError(f"[spectral_norm] n_power_iterations is {n_power_iterations}: expected a positive number")
        self.dim, self.eps = dim % weight.ndim, eps
        self.n_power_iterations = n_power_iterations
        if weight.ndim > 1:
            matrix = as_matrix(weight.detach(), self.dim)
            self.register_buffer("_u", random_direction(matrix, matrix.shape[0], eps))
            self.register_buffer("_v", random_direction(matrix, matrix.shape[1], eps))
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Tensor, count: int) -> None:
        with no_grad():
            u, v = self._u.detach(), self._v.detach()
            for _ in range(count):
                u = F.normalize(matrix @ v, dim=0, eps=self.eps)
                v = F.normalize(matrix.T @ u, dim=0, eps=self.eps)
            ops.assign(self._u, u)
            ops.assign(self._v, v)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        # The vectors move on in later calls, whose gradients may come before those of this one.
        u, v = self._u.detach().clone(), self._v.detach().clone()
        return weight / (u * (matrix @ v)).sum()

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Changed,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Changed:
    """Parametrize a weight so that its largest singular value is one (Miyato et al., 2018).

    Args:
        name: of the parameter.
        n_power_iterations: steps towards the singular vectors each time it is computed in training.
        eps: the least length that is divided by.
        dim: the dimension of the outputs; 1 for transposed convolutions and 0 for others, if None.

    Raises:
        ValueError: there is no such parameter, or `n_power_iterations` is not positive.
        IndexError: `dim` is no dimension.

    Example:
        >>> from pyflame import nn
        >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(20, 40))
        >>> [name for name, _ in layer.named_buffers()]
        ['parametrizations.weight.0._u', 'parametrizations.weight.0._v']
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"[spectral_norm] {type(module).__name__} has no parameter or buffer {name!r}")
    if dim is None:
        dim = 1 if isinstance(module, TransposedConvolution) else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
