"""Conversion of a module's floating-point tensors to another dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyflame import DType, Tensor, no_grad

from .parameter import Buffer, Parameter

if TYPE_CHECKING:
    from .module import Module


def convert(module: Module, *args: Any, dtype: DType | None = None, device: Any = None) -> None:
    for argument in (*args, *([device] if device is not None else [])):
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, DType):
            dtype = argument
        elif str(argument) != "cpu":
            raise RuntimeError(f"[to] {argument!r} is neither a dtype nor the device 'cpu'")
    if dtype is not None:
        to_dtype(module, dtype)


def to_dtype(module: Module, dtype: DType) -> None:
    if not dtype.is_floating_point:
        raise TypeError(f"[to] dtype {dtype.name} is not floating-point: a module's parameters must be")
    converted: dict[int, tuple[Tensor, Tensor]] = {}  # a shared tensor stays shared; the old one is held to keep its id
    with no_grad():
        for part in module.modules():
            for name in (*part._parameters, *part._buffers):
                old = getattr(part, name)
                if old is None or not old.dtype.is_floating_point or old.dtype is dtype:
                    continue
                if id(old) not in converted:
                    converted[id(old)] = (old, convert_one(old, dtype))
                object.__setattr__(part, name, converted[id(old)][1])


def convert_one(old: Tensor, dtype: DType) -> Tensor:
    value = old.detach().to(dtype)
    if isinstance(old, Parameter):
        new = Parameter(value, requires_grad=old.requires_grad)
        if old.grad is not None:
            new.grad = old.grad.detach().to(dtype)
        return new
    return Buffer(value, persistent=old.persistent) if isinstance(old, Buffer) else value
