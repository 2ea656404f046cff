"""Weights as length times direction, computed anew before every call (Salimans and Kingma, 2016)."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

from pyflame import Tensor

from ..module import Module
from ..parameter import Parameter, is_lazy

Normed = TypeVar("Normed", bound=Module)


def lengths(v: Tensor, dim: int | None) -> Tensor:
    """The norm over all dimensions but one, which stays as the only one that is not 1; of everything for -1 or None."""
    if dim is None or dim == -1:
        return v.square().sum().sqrt()
    return v.square().sum([d for d in range(v.ndim) if d != dim % v.ndim], keepdim=True).sqrt()


def with_lengths(v: Tensor, g: Tensor, dim: int | None) -> Tensor:
    """The directions of `v` with the lengths `g`."""
    return v * (g / lengths(v, dim))


class WeightNorm:
    """The hook before a module's forward; `dim` is that of the outputs."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def weight(self, module: Module) -> Tensor:
        return with_lengths(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)

    def __call__(self, module: Module, args: tuple[Any, ...]) -> None:
        setattr(module, self.name, self.weight(module))


def hook_on(module: Module, kind: type[Any], name: str) -> Any:
    """The handle and the hook of a kind that a module has on a name, None without one."""
    before = module._hooks.before if module._hooks is not None else {}
    return next(((h, hook) for h, (hook, _) in before.items() if isinstance(hook, kind) and hook.name == name), None)


def parameter_to_replace(op: str, module: Module, kind: type[Any], name: str) -> Parameter:
    if hook_on(module, kind, name) is not None:
        raise RuntimeError(f"[{op}] {name!r} has it already")
    if name not in module._parameters:
        raise KeyError(name)
    parameter = getattr(module, name)
    if parameter is None or is_lazy(parameter):
        raise ValueError(f"[{op}] {name!r} has no values yet: run a batch through the lazy module before")
    found: Parameter = parameter
    return found


def weight_norm(module: Normed, name: str = "weight", dim: int | None = 0) -> Normed:
    """Replace a parameter by its lengths, `name_g`, and its directions, `name_v`.

    `nn.utils.parametrizations.weight_norm` does the same in a way that combines with other parametrizations.

    Args:
        name: of the parameter.
        dim: the dimension whose entries have a length each; None for one length.

    Raises:
        RuntimeError: the parameter is normalized already.

    Example:
        >>> from pyflame import nn
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     layer = nn.utils.weight_norm(nn.Linear(20, 40))
        >>> [(name, tuple(value.shape)) for name, value in layer.named_parameters()]
        [('bias', (40,)), ('weight_g', (40, 1)), ('weight_v', (40, 20))]
    """
    warnings.warn(
        "[weight_norm] nn.utils.weight_norm is kept for PyTorch's sake: nn.utils.parametrizations.weight_norm is newer",
        FutureWarning,
        stacklevel=2,
    )
    weight, norm = parameter_to_replace("weight_norm", module, WeightNorm, name), WeightNorm(name, dim)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(lengths(weight.detach(), dim)))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, norm.weight(module))
    module.register_forward_pre_hook(norm)
    return module


def remove_weight_norm(module: Normed, name: str = "weight") -> Normed:
    """Make the weight that `weight_norm` computes an ordinary parameter again.

    Raises:
        ValueError: it is not normalized.

    Example:
        >>> from pyflame import nn
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     layer = nn.utils.weight_norm(nn.Linear(20, 40))
        >>> sorted(name for name, _ in nn.utils.remove_weight_norm(layer).named_parameters())
        ['bias', 'weight']
    """
    found = hook_on(module, WeightNorm, name)
    if found is None:
        raise ValueError(f"[remove_weight_norm] {name!r} of {type(module).__name__} has no weight norm")
    handle, norm = found
    weight = norm.weight(module).detach()
    handle.remove()
    for old in (name, f"{name}_g", f"{name}_v"):
        delattr(module, old)
    setattr(module, name, Parameter(weight))
    return module
