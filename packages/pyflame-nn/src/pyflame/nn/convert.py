"""Conversion of a module's tensors to another dtype or layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from pyflame import DType, MeshLayout, Tensor, no_grad
from pyflame.compilation import count_change

from .parameter import Buffer, Parameter, is_lazy

if TYPE_CHECKING:
    from .module import Module


def refuse_device(device: str) -> NoReturn:
    raise RuntimeError(
        f"[{device}] modules have no device of their own: pf.set_device says where computations run, and "
        f"module.to(layout=...) where on the mesh"
    )


def convert(
    module: Module, *args: Any, dtype: DType | None = None, layout: MeshLayout | None = None, device: Any = None
) -> None:
    for argument in (*args, *([device] if device is not None else [])):
        if isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, DType):
            dtype = argument
        elif isinstance(argument, MeshLayout):
            layout = argument
        elif isinstance(argument, bool):  # non_blocking by position
            continue
        elif argument is not None and str(argument) != "cpu":
            raise RuntimeError(f"[to] {argument!r} is neither a dtype nor the device 'cpu'")
    if dtype is not None and not dtype.is_floating_point:
        raise TypeError(f"[to] dtype {dtype.name} is not floating-point: a module's parameters must be")
    done: dict[int, tuple[Tensor, Tensor]] = {}  # a shared tensor stays shared; the old one is held to keep its id
    with no_grad():
        for part in module.modules():
            for name in (*part._parameters, *part._buffers):
                old = getattr(part, name)
                if old is None:
                    continue
                if id(old) not in done:
                    done[id(old)] = (old, convert_one(old, dtype, layout))
                count_change()
                object.__setattr__(part, name, done[id(old)][1])


def convert_one(old: Tensor, dtype: DType | None, layout: MeshLayout | None) -> Tensor:
    """Parameters stay the objects they are, which optimizers hold; buffers become new ones."""

    def converted(tensor: Tensor) -> Tensor:
        value = tensor.detach()
        value = value.to(dtype) if dtype is not None and value.dtype.is_floating_point else value
        return value if layout is None else value.to(layout=layout)

    if is_lazy(old):
        if dtype is not None:
            old.data = old.data.to(dtype)
        return old
    new = converted(old)
    if isinstance(old, Parameter):
        if new.dtype is not old.dtype or layout is not None:
            grad = old.grad
            old.grad = None
            old.data = new
            old.grad = None if grad is None else converted(grad)
        return old
    if new.dtype is old.dtype and layout is None:
        return old
    return Buffer(new, persistent=old.persistent) if isinstance(old, Buffer) else new
