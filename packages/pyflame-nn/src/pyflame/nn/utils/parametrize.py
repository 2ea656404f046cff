"""Parameters that are computed from others: symmetric, orthogonal, normalized, or whatever a module makes of them.

The class of a module with parametrizations is a subclass made for it, in which the tensor's name is a property.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import deepcopy
from typing import Any, NoReturn, TypeVar

from pyflame import Tensor, no_grad, ops

from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Buffer, Parameter

Changed = TypeVar("Changed", bound=Module)

_computed: ContextVar[dict[tuple[int, str], Tensor] | None] = ContextVar("computed", default=None)


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once while the context lasts, however often it is used.

    Example:
        >>> from pyflame import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
        >>> with nn.utils.parametrize.cached():
        ...     layer.weight is layer.weight
        True
    """
    token = _computed.set({} if _computed.get() is None else _computed.get())
    try:
        yield
    finally:
        _computed.reset(token)


def has_inverse(parametrization: Module) -> bool:
    return hasattr(parametrization, "right_inverse")


def inverse(parametrization: Any, value: Any) -> Any:
    return parametrization.right_inverse(value)


def set_tensor(tensor: Tensor, value: Tensor) -> None:
    """Give a tensor the values, and the shape, of another."""
    if tuple(tensor.shape) == tuple(value.shape):
        ops.assign(tensor, value.detach())
    else:
        tensor.data = value.detach()


def register_tensor(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor, tensor.persistent if isinstance(tensor, Buffer) else True)


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, and what they compute it from.

    That is `original`, or `original0`, `original1`, ... where the first parametrization takes several tensors.

    Args:
        modules: the parametrizations.
        original: the parameter or buffer that is parametrized.
        unsafe: shape and dtype may change.

    Raises:
        ValueError: there are none, or what they return does not fit.

    Example:
        >>> from pyflame import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
        >>> layer.parametrizations["weight"].original0.shape
        pyflame.Size([2, 1])
    """

    original: Tensor

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("[parametrization] there are no parametrizations: expected one or more")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = tuple(original.shape), original.dtype
        value: Any = original
        with no_grad():
            for module in reversed(list(self)):
                # Where some values have no inverse, the tensor itself is what the parametrization begins with.
                with suppress(NotImplementedError):
                    value = inverse(module, value) if has_inverse(module) else value
        self.is_tensor = isinstance(value, Tensor)
        if self.is_tensor:
            if value.dtype is not dtype:
                raise ValueError(f"[parametrization] right_inverse turned {dtype.name} into {value.dtype.name}")
            if value is not original:
                with no_grad():
                    set_tensor(original, value)
            self.ntensors = 1
            register_tensor(self, "original", original)
        else:
            self.ntensors = self._register(value, original)
        if not unsafe:
            check_kept("parametrization", self(), shape, dtype)

    def _register(self, values: Any, original: Tensor) -> int:
        if not isinstance(values, Sequence) or not all(isinstance(value, Tensor) for value in values):
            raise ValueError("[parametrization] right_inverse must return a tensor or a sequence of tensors")
        for place, value in enumerate(values):
            is_parameter = isinstance(original, Parameter)
            own = Parameter(value.detach(), original.requires_grad) if is_parameter else value
            register_tensor(self, f"original{place}", own)
        return len(values)

    def _originals(self) -> list[Tensor]:
        names = ["original"] if self.is_tensor else [f"original{place}" for place in range(self.ntensors)]
        return [getattr(self, name) for name in names]

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrized tensor becomes `value`, as far as it can.

        Raises:
            RuntimeError: a parametrization has no `right_inverse`.
            ValueError: what it returns does not fit.
        """
        found: Any = value
        with no_grad():
            for module in reversed(list(self)):
                if not has_inverse(module):
                    raise RuntimeError(
                        f"[parametrization] {type(module).__name__} has no right_inverse: the tensor cannot be assigned"
                    )
                found = inverse(module, found)
            values = [found] if isinstance(found, Tensor) else list(found)
            originals = self._originals()
            if len(values) != len(originals):
                raise ValueError(
                    f"[parametrization] right_inverse returned {len(values)} tensors: expected {len(originals)}"
                )
            for original, new in zip(originals, values):
                if not isinstance(new, Tensor) or new.dtype is not original.dtype:
                    raise ValueError(f"[parametrization] right_inverse must return tensors of {original.dtype.name}")
            for original, new in zip(originals, values):
                set_tensor(original, new)

    def forward(self) -> Tensor:
        modules = list(self)
        value: Tensor = modules[0](*self._originals())
        for module in modules[1:]:
            value = module(value)
        return value


def check_kept(what: str, value: Any, shape: tuple[int, ...], dtype: Any) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"[{what}] expected a tensor from a parametrization, got {type(value).__name__}")
    if value.dtype is not dtype or tuple(value.shape) != shape:
        raise ValueError(
            f"[{what}] the tensor has shape {shape} and dtype {dtype.name}, the parametrization makes "
            f"{tuple(value.shape)} and {value.dtype.name} of it: keep them, or pass unsafe=True"
        )


def given(module: Module) -> dict[str, Tensor]:
    """Values that take the place of parametrized tensors, as `functional_call` sets them."""
    values: dict[str, Tensor] = module.__dict__.setdefault("_given", {})
    return values


def _property(name: str) -> property:
    def compute(self: Any) -> Tensor:
        instead = self.__dict__.get("_given", {}).get(name)
        if instead is not None:
            value: Tensor = instead
            return value
        found = _computed.get()
        if found is None:
            computed: Tensor = self.parametrizations[name]()
            return computed
        key = (id(self), name)
        if key not in found:
            found[key] = self.parametrizations[name]()
        return found[key]

    def assign(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(compute, assign)


class _Parametrized(Module):
    """What classes with parametrized tensors share."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        copy = object.__new__(type(self))
        memo[id(self)] = copy
        copy.__dict__.update(deepcopy(self.__dict__, memo))
        return copy

    def __getstate__(self) -> NoReturn:
        raise RuntimeError("[pickle] a module with parametrizations cannot be pickled: save its state_dict()")


def register_parametrization(
    module: Changed, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Changed:
    """Compute a parameter or buffer of a module by another module from now on.

    A parametrization may define `right_inverse(value)`; with it, the tensor can be assigned to. Several
    parametrizations of a tensor are applied one after the other.

    Args:
        tensor_name: of the parameter or buffer.
        parametrization: called with the original tensor, it returns the one to use.
        unsafe: skip the check that shape and dtype stay.

    Raises:
        ValueError: there is no such tensor, or shape or dtype change.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> class Symmetric(nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> pf.equal(layer.weight, layer.weight.T)
        True
        >>> list(layer.state_dict())
        ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        own: Any = module.parametrizations[tensor_name]  # type: ignore[attr-defined]
        if not unsafe:
            before = getattr(module, tensor_name)
            after = parametrization(before)
            check_kept("register_parametrization", after, tuple(before.shape), before.dtype)
            if has_inverse(parametrization):
                back = inverse(parametrization, after)
                check_kept("register_parametrization", back, tuple(before.shape), before.dtype)
        own.append(parametrization)
        own.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"[register_parametrization] {type(module).__name__} has no parameter or buffer {tensor_name!r}"
        )
    made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        kind = type(module)
        module.__class__ = type(f"Parametrized{kind.__name__}", (_Parametrized, kind), {"__module__": kind.__module__})
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = made  # type: ignore[attr-defined]
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether a tensor of a module, or any, is parametrized.

    Example:
        >>> from pyflame import nn
        >>> nn.utils.parametrize.is_parametrized(nn.Linear(2, 2), "weight")
        False
    """
    found = module.__dict__.get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Changed, tensor_name: str, leave_parametrized: bool = True) -> Changed:
    """Make a parametrized tensor an ordinary one again.

    Args:
        leave_parametrized: with the value that is computed now; with False, with the original one.

    Raises:
        ValueError: it is not parametrized, or has no single original and `leave_parametrized` is False.

    Example:
        >>> from pyflame import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
        >>> list(nn.utils.parametrize.remove_parametrizations(layer, "weight").state_dict())
        ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"[remove_parametrizations] {type(module).__name__} has no parametrization of {tensor_name!r}")
    parametrizations: ModuleDict = module.parametrizations  # type: ignore[attr-defined]
    own: Any = parametrizations[tensor_name]
    with no_grad():
        value = getattr(module, tensor_name).detach()
    if own.is_tensor:
        tensor = own.original
        if leave_parametrized:
            with no_grad():
                set_tensor(tensor, value)
    elif leave_parametrized:
        wanted = any(original.requires_grad for original in own._originals())
        tensor = Parameter(value) if wanted else value
    else:
        raise ValueError(
            f"[remove_parametrizations] {tensor_name!r} is computed from {own.ntensors} tensors: it has no original to "
            f"leave"
        )
    delattr(type(module), tensor_name)
    del parametrizations[tensor_name]
    register_tensor(module, tensor_name, tensor)
    if not is_parametrized(module):
        kind = type(module).__bases__[-1]
        delattr(module, "parametrizations")
        module.__class__ = kind
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """Return the class a module had before its tensors were parametrized.

    Example:
        >>> from pyflame import nn
        >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
        >>> type(layer).__name__, nn.utils.parametrize.type_before_parametrizations(layer).__name__
        ('ParametrizedLinear', 'Linear')
    """
    return type(module).__bases__[-1] if is_parametrized(module) else type(module)
