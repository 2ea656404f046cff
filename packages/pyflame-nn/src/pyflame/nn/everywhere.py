"""Hooks on the calls of all modules."""

from __future__ import annotations

from typing import Any

from .hooks import EVERYWHERE, Hook, RemovableHandle, register
from .module import Module


def _add(entries: dict[RemovableHandle, Any], entry: Any) -> RemovableHandle:
    Module._hooks = EVERYWHERE  # from now on, modules without hooks of their own find this
    return register(entries, entry, False)


def register_module_forward_pre_hook(hook: Hook, *, with_kwargs: bool = False) -> RemovableHandle:
    """Call `hook(module, args)` before every forward of every module, before the hooks of the module itself.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> with nn.modules.module.register_module_forward_pre_hook(lambda module, args: print(type(module).__name__)):
        ...     _ = nn.Sequential(nn.ReLU())(pf.ones(2))
        Sequential
        ReLU
    """
    return _add(EVERYWHERE.before, (hook, with_kwargs))


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after every forward of every module; what it returns replaces the output.

    Args:
        with_kwargs: call `hook(module, args, kwargs, output)`.
        always_call: also when forward raises.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> with nn.modules.module.register_module_forward_hook(lambda module, args, output: output + 1):
        ...     nn.ReLU()(pf.zeros(2)).tolist()
        [1.0, 1.0]
    """
    return _add(EVERYWHERE.after, (hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_output)` before gradients pass a module, whichever it is.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> x = pf.ones(2, requires_grad=True)
        >>> with nn.modules.module.register_module_full_backward_pre_hook(lambda module, out: (out[0] * 3,)):
        ...     nn.ReLU()(x).sum().backward()
        >>> x.grad.tolist()
        [3.0, 3.0]
    """
    return _add(EVERYWHERE.before_backward, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` after gradients have passed a module, whichever it is.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> x = pf.ones(2, requires_grad=True)
        >>> with nn.modules.module.register_module_full_backward_hook(lambda module, into, out: print(module)):
        ...     nn.ReLU()(x).sum().backward()
        ReLU()
    """
    return _add(EVERYWHERE.after_backward, hook)
