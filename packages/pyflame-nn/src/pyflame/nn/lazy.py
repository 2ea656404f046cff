"""Layers that take the size of their input from the first one they are called with."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from .hooks import RemovableHandle
from .module import Module
from .parameter import is_lazy


def _infer(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    lazy = cast(LazyModuleMixin, module)
    lazy.initialize_parameters(*args, **kwargs)
    if lazy.has_uninitialized_params():
        raise RuntimeError(
            f"[{type(module).__name__}] initialize_parameters has left parameters without a shape: materialize all"
        )
    lazy._first_call.remove()
    del lazy._first_call
    if module._hooks is not None and module._hooks.empty:
        module.__dict__.pop("_hooks")  # without hooks of its own, later calls are as quick as any
    if lazy.cls_to_become is not None:
        module.__class__ = lazy.cls_to_become


class LazyModuleMixin(Module):
    """Makes the class it is mixed into lazy: sizes are settled by the first input.

    A subclass assigns `UninitializedParameter()` where it cannot know a shape and defines
    `initialize_parameters(input)`, which materializes them; it runs before the first forward. Optimizers may be made
    before. State dicts with values can be loaded at any time.

    Attributes:
        cls_to_become: the class of the module after its first call, None to stay.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> class Scale(nn.modules.lazy.LazyModuleMixin, nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.factor = nn.UninitializedParameter()
        ...     def initialize_parameters(self, x):
        ...         self.factor.materialize(x.shape[-1:])
        ...         nn.init.ones_(self.factor)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> layer = Scale()
        >>> layer(pf.ones(2, 3)).shape, layer.factor.shape
        (pyflame.Size([2, 3]), pyflame.Size([3]))
    """

    cls_to_become: ClassVar[type[Module] | None] = None
    _first_call: RemovableHandle

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._first_call = self.register_forward_pre_hook(_infer, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialize the parameters for an input."""
        raise NotImplementedError(
            f"[module] {type(self).__name__} has no initialize_parameters(input): a lazy module must define it"
        )

    def has_uninitialized_params(self) -> bool:
        """Return whether a parameter or buffer of the module itself has no shape yet."""
        return any(is_lazy(getattr(self, name)) for name in (*self._parameters, *self._buffers))
