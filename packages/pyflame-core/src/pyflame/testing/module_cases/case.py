"""One module and one call of it, and what comes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._types import Array


@dataclass(frozen=True)
class ModuleCase:
    """An expression over `nn` that makes a module, and one over `module` and operands that calls it.

    Floating operands get gradients. In the expressions, `values(2, 3)` is a tensor of numbers between 0 and 1, `rnn`
    the library's `nn.utils.rnn`, `T` the library itself.
    """

    make: str
    operands: Mapping[str, Array]
    call: str = "module(x)"
    constant: Sequence[str] = ()  # floating operands without gradients
    training: bool = True


def make(name: str, *args: Any, **options: Any) -> str:
    """Write the making of a module; options at None are left out, `Raw` ones written as they are."""
    parts = [repr(arg) for arg in args]
    parts += [f"{key}={value!r}" for key, value in options.items() if value is not None]
    return f"nn.{name}({', '.join(parts)})"


class Raw(str):
    """A piece of an expression."""

    def __repr__(self) -> str:
        return str(self)


def state_of(module: Any, random: np.random.Generator) -> dict[str, Array]:
    """Values for a module's state: normal, variances positive, counts as they are."""
    drawn: dict[str, Array] = {}
    for name, tensor in module.state_dict().items():
        array = np.asarray(tensor.detach().numpy())
        if array.dtype.kind == "f":
            array = random.standard_normal(array.shape) * 0.5
            array = np.abs(array) + 0.5 if name.endswith(("var", "weight_g", "original0")) else array
            array = np.abs(array) % 0.99 if name.endswith("_random_samples") else array
        drawn[name] = array
    return drawn


def tensors(value: Any) -> list[Any]:
    """All tensors in nested tuples and packed sequences, in order."""
    if isinstance(value, tuple | list):
        return [tensor for part in value for tensor in tensors(part)]
    return [value] if hasattr(value, "requires_grad") else []


def spread(array: Array) -> Array:
    """The same values in another memory order: what tensors made of it are not contiguous."""
    return np.ascontiguousarray(array.T)


def outcome(
    case: ModuleCase,
    module: Any,
    scope: Mapping[str, Any],
    tensor: Any,
    dtype: Any,
    *,
    strided: bool = False,
    twice: bool = False,
) -> list[tuple[str, Array]]:
    """Call a module of a library; return, by name, results, gradients and buffers afterwards.

    Args:
        module: as the case makes it, with its state.
        scope: what the expressions use.
        tensor: the library's function from an array to a tensor.
        dtype: of floating operands.
        strided: give operands that are not contiguous.
        twice: also the gradients of a sum of the squared gradients.
    """
    operands, leaves = {}, {}
    for name, array in case.operands.items():
        floating = array.dtype.kind == "f"
        value = tensor(spread(array) if strided else array)
        value = value.to(dtype) if floating else value
        if floating and name not in case.constant:
            value.requires_grad_()
            leaves[f"input {name}"] = value
        operands[name] = value.permute(*range(array.ndim)[::-1]) if strided and array.ndim else value
    module.train(case.training)
    results = tensors(eval(case.call, {"module": module, **scope, **operands}))
    found = [(f"result {place}", as_array(y)) for place, y in enumerate(results)]
    leaves |= {f"parameter {name}": p for name, p in module.named_parameters() if p.requires_grad}
    total = weighted(results, tensor)
    if total is not None and leaves:
        gradients = scope["grad"](total, list(leaves.values()), twice)
        found += [(f"gradient of {name}", as_array(g, leaf)) for (name, leaf), g in zip(leaves.items(), gradients)]
        if twice:
            again = [(g * g).sum() for g in gradients if g is not None and g.requires_grad]
            second = scope["grad"](sum(again), list(leaves.values()), False) if again else [None] * len(leaves)
            found += [(f"second gradient of {n}", as_array(g, v)) for (n, v), g in zip(leaves.items(), second)]
    return [*found, *((f"buffer {name}", as_array(b)) for name, b in module.named_buffers())]


def weighted(results: Sequence[Any], tensor: Any) -> Any:
    total = None
    for place, y in enumerate(results):
        if y.requires_grad:
            weights = np.cos(np.arange(int(np.prod(tuple(y.shape)))) + place).reshape(tuple(y.shape))
            part = (y * tensor(weights).to(y.dtype)).sum()
            total = part if total is None else total + part
    return total


def as_array(value: Any, like: Any = None) -> Array:
    """Values in float64 where they are floating, zeros for a missing gradient."""
    if value is None:
        return np.zeros(tuple(like.shape))
    value = value.detach()
    value = value.double() if value.is_floating_point() else value
    return np.asarray(value.numpy())
