"""Module: the base of every layer and model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

from pyflame import DType, MeshLayout, Tensor, bfloat16, float16, float32, float64
from pyflame.calling import CallsForward
from pyflame.compilation import count_change, counts_changes

from . import convert, state
from .hooks import Hook, Hooks, RemovableHandle, register
from .parameter import Buffer, Parameter
from .state import IncompatibleKeys, StateHooks
from .tree import Tree


def forward_missing(self: Module, *args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError(f"[module] {type(self).__name__} has no forward: define forward(self, ...)")


class Module(Tree, CallsForward):
    """Base class of layers and models: registers what is assigned to its attributes and calls `forward`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> class Doubled(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = nn.Linear(3, 2)
        ...     def forward(self, x):
        ...         return 2 * self.linear(x)
        >>> model = Doubled()
        >>> [name for name, _ in model.named_parameters()]
        ['linear.weight', 'linear.bias']
        >>> model(pf.ones(4, 3)).shape
        pyflame.Size([4, 2])
    """

    training: bool
    # Set on an instance by its first hook, on this class by the first hook on all modules. Calls look for it: without
    # one they go to `forward` at once.
    _hooks: Hooks | None = None
    _state_hooks: StateHooks | None = None

    forward: Callable[..., Any] = forward_missing

    def __init__(self) -> None:
        attributes = self.__dict__
        attributes["training"] = True
        attributes["_parameters"], attributes["_buffers"], attributes["_modules"] = {}, {}, {}

    def __setattr__(self, name: str, value: Any) -> None:
        count_change()
        if isinstance(value, Parameter):
            self._place_parameter(name, value)
            return
        self._check_kept(name, value)
        if isinstance(value, Module):
            self._place(self._registry("_modules"), name, value, None)
        elif isinstance(value, Buffer):
            self._place(self._registry("_buffers"), name, value, value.persistent)
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        count_change()
        object.__delattr__(self, name)
        for registry in (self._parameters, self._buffers, self._modules):
            registry.pop(name, None)

    def _registry(self, kind: str) -> dict[str, Any]:
        registry: dict[str, Any] | None = self.__dict__.get(kind)
        if registry is None:
            raise AttributeError(
                f"[module] {type(self).__name__} is not set up: call super().__init__() before assigning parameters "
                f"and modules"
            )
        return registry

    def _place(self, registry: dict[str, Any], name: str, value: Any, entry: Any) -> None:
        count_change()
        for other in (self._parameters, self._buffers, self._modules):
            if other is not registry:
                other.pop(name, None)
        registry[name] = entry
        object.__setattr__(self, name, value)

    def _check_kept(self, name: str, value: Any) -> None:
        """Refuse to turn a registered name into something else by assignment."""
        attributes = self.__dict__
        if value is None or "_modules" not in attributes:
            return
        if name in attributes["_parameters"]:
            expected = "Parameter"
        elif name in attributes["_modules"] and not isinstance(value, Module):
            expected = "Module"
        elif name in attributes["_buffers"] and not isinstance(value, Tensor | Module):
            expected = "Tensor"
        else:
            return
        raise TypeError(
            f"[module] {type(self).__name__}.{name} is a registered {expected}, the value a {type(value).__name__}: "
            f"assign a {expected} or None, or delete the attribute first"
        )

    def _check_name(self, name: str, registry: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"[module] name: expected a str, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"[module] {name!r} cannot be a name: it is empty or contains '.'")
        if name not in registry and hasattr(self, name):
            raise KeyError(f"[module] {type(self).__name__} has an attribute {name!r} already")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under a name; None reserves the name without a value."""
        self._check_name(name, self._registry("_parameters"))
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"[module] parameter {name!r}: expected a Parameter or None, got {type(param).__name__}")
        self._place_parameter(name, param)

    def _place_parameter(self, name: str, param: Parameter | None) -> None:
        registry = self._registry("_parameters")
        if param is not None and not param.is_leaf:
            raise ValueError(f"[module] parameter {name!r} is computed from other tensors: register a leaf")
        self._place(registry, name, param, None)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but not a parameter; only persistent ones are part of `state_dict()`."""
        registry = self._registry("_buffers")
        self._check_name(name, registry)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"[module] buffer {name!r}: expected a Tensor or None, got {type(tensor).__name__}")
        self._place(registry, name, tensor, persistent)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a child module under a name."""
        registry = self._registry("_modules")
        self._check_name(name, registry)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"[module] module {name!r}: expected a Module or None, got {type(module).__name__}")
        self._place(registry, name, module, None)

    add_module = register_module

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before every forward; what it returns, if anything, replaces the arguments.

        Args:
            prepend: run before the hooks that are there already.
            with_kwargs: call `hook(module, args, kwargs)`, which returns None or both.
        """
        return register(self._own_hooks().before, (hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after every forward; what it returns, if anything, replaces the output.

        Args:
            prepend: run before the hooks that are there already.
            with_kwargs: call `hook(module, args, kwargs, output)`.
            always_call: also when forward raises, with None for the output.
        """
        return register(self._own_hooks().after, (hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before gradients pass the module; a returned tuple replaces them."""
        return register(self._own_hooks().before_backward, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` after gradients have passed the module.

        Both are tuples, with None for what is no tensor or has no gradient; a returned tuple replaces `grad_input`.
        Positional arguments are watched, not those given by name.

        Example:
            >>> import pyflame as pf
            >>> from pyflame import nn
            >>> layer = nn.Linear(3, 2)
            >>> show = lambda module, into, out: print(into[0].shape, out[0].shape)
            >>> handle = layer.register_full_backward_hook(show)
            >>> layer(pf.ones(5, 3, requires_grad=True)).sum().backward()
            pyflame.Size([5, 3]) pyflame.Size([5, 2])
        """
        return register(self._own_hooks().after_backward, hook, prepend)

    def _own_hooks(self) -> Hooks:
        own: Hooks | None = self.__dict__.get("_hooks")
        if own is None:
            own = self.__dict__["_hooks"] = Hooks()
        return own

    def register_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the module's values are put into a state dict."""
        return register(self._own_state_hooks().before_saving, hook, False)

    def register_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` when the module's values are in; it may change them.

        Example:
            >>> from pyflame import nn
            >>> layer = nn.Linear(3, 2)
            >>> def leave_out(module, state, prefix, metadata):
            ...     state.pop(prefix + "bias")
            >>> handle = layer.register_state_dict_post_hook(leave_out)
            >>> list(nn.Sequential(layer).state_dict())
            ['0.weight']
        """
        return register(self._own_state_hooks().after_saving, hook, False)

    def register_load_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call a hook before the module's values are looked up in a state dict that is loaded; it may change it.

        The hook gets (module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs).
        """
        return register(self._own_state_hooks().before_loading, hook, False)

    def register_load_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after the values are loaded; keys it takes off the lists are fine."""
        return register(self._own_state_hooks().after_loading, hook, False)

    def _own_state_hooks(self) -> StateHooks:
        if self._state_hooks is None:
            self._state_hooks = StateHooks()
        return self._state_hooks

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call a function on every module below this one, then on itself."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch to training, or with False to evaluation: dropout and batch norm behave differently."""
        if not isinstance(mode, bool):
            raise ValueError(f"[train] mode: expected a bool, got {type(mode).__name__}")
        count_change()
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation; the same as `train(False)`."""
        return self.train(False)

    def is_training(self) -> bool:
        """Return whether the module is in training mode."""
        return self.training

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether gradients reach the parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with False set them to zero."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else parameter.grad.new_zeros(parameter.grad.shape)

    def to(
        self,
        *args: Any,
        dtype: DType | None = None,
        layout: MeshLayout | None = None,
        device: Any = None,
        non_blocking: bool = False,
    ) -> Self:
        """Convert floating-point parameters and buffers to a dtype, or place all of them on the mesh.

        Args:
            args: a dtype, a tensor that has it, a layout, or the device "cpu", which changes nothing.
            dtype: of the floating-point tensors afterwards.
            layout: of all tensors afterwards.
            non_blocking: no effect.

        Raises:
            TypeError: the dtype is not floating-point.
            RuntimeError: another device.

        Example:
            >>> import pyflame as pf
            >>> from pyflame import nn
            >>> nn.Linear(2, 1).to(pf.float64).weight.dtype
            pyflame.float64
        """
        convert.convert(self, *args, dtype=dtype, layout=layout, device=device)
        return self

    def float(self) -> Self:
        """Convert floating-point parameters and buffers to float32."""
        return self.to(float32)

    def double(self) -> Self:
        """Convert floating-point parameters and buffers to float64."""
        return self.to(float64)

    def half(self) -> Self:
        """Convert floating-point parameters and buffers to float16."""
        return self.to(float16)

    def bfloat16(self) -> Self:
        """Convert floating-point parameters and buffers to bfloat16."""
        return self.to(bfloat16)

    def type(self, dst_type: DType) -> Self:
        """Convert floating-point parameters and buffers to a dtype."""
        return self.to(dst_type)

    def cpu(self) -> Self:
        """Return the module: its tensors are in the memory of the CPU already."""
        return self

    def cuda(self, device: Any = None) -> NoReturn:
        """Raise RuntimeError: there is no CUDA; `pyflame.set_device` and mesh layouts say where computations run."""
        convert.refuse_device("cuda")

    def xpu(self, device: Any = None) -> NoReturn:
        """Raise RuntimeError, as `cuda` does."""
        convert.refuse_device("xpu")

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return path -> tensor for all parameters and persistent buffers, which share the module's memory.

        Args:
            destination: a dict to put them into, which is returned.
            prefix: what stands before all paths.
            keep_vars: the parameters themselves, which require grad.
        """
        found: dict[str, Any] = {} if destination is None else destination
        state.collect(self, found, prefix, keep_vars)
        return found

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Take over the values of a state dict, such as `state_dict()` or `pf.load(path)` returns.

        Args:
            state_dict: path -> tensor or NumPy array.
            strict: refuse a state dict whose keys differ from the module's.
            assign: take the tensors themselves, with their dtype, instead of their values.

        Raises:
            RuntimeError: keys or shapes differ; the message lists all of them, and nothing is loaded.
        """
        return state.load(self, state_dict, strict, assign)

    def get_extra_state(self) -> Any:
        """Return what `state_dict()` holds for this module beside tensors; override together with `set_extra_state`."""
        raise NotImplementedError("[module] get_extra_state is not overridden")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` returned."""
        raise NotImplementedError("[module] set_extra_state is not overridden")

    def extra_repr(self) -> str:
        """Return what stands between the brackets of the representation."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self._children()]
        extra = self.extra_repr()
        name = type(self).__name__
        lines = extra.split("\n") if extra else []
        if not children and len(lines) < 2:
            return f"{name}({extra})"
        return f"{name}(\n  " + "\n  ".join(lines + children) + "\n)"

    def __dir__(self) -> list[str]:
        return sorted({name for name in super().__dir__() if not name[0].isdigit()})


counts_changes(Module)
