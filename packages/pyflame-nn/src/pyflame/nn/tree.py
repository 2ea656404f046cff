"""The tree of modules, parameters and buffers below a module, and the ways to walk it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from pyflame import Tensor

from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module


class Tree:
    """What a module knows about the parts registered in it."""

    # Names only, in order of registration: the values are ordinary attributes, which makes self.weight as fast as any.
    _parameters: dict[str, None]
    _buffers: dict[str, bool]  # name -> persistent
    _modules: dict[str, None]

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield every module below this one and itself, with its path; a shared module once."""
        seen, module = set() if memo is None else memo, cast("Module", self)
        if module in seen:
            return
        if remove_duplicate:
            seen.add(module)
        yield prefix, module
        for name, child in self._children():
            yield from child.named_modules(seen, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Yield this module and every module below it, each once."""
        return (module for _, module in self.named_modules())

    def _children(self) -> Iterator[tuple[str, Module]]:
        for name in self._modules:
            child = getattr(self, name)
            if child is not None:
                yield name, child

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the direct children with their names, each once."""
        seen: set[int] = set()
        for name, child in self._children():
            if id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def children(self) -> Iterator[Module]:
        """Yield the direct children, each once."""
        return (child for _, child in self.named_children())

    def _named(self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name in getattr(module, kind):
                value = getattr(module, name)
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters with their paths, a shared one once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters, each once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield the buffers with their paths, a shared one once."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module at a dotted path; the empty path is this module."""
        module: Any = self
        for name in target.split(".") if target else []:
            if name not in module._modules:
                raise AttributeError(f"[module] {target!r}: {type(module).__name__} has no module {name!r}")
            module = getattr(module, name)
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted path, in place of the one that is there.

        Args:
            strict: raise if there is none.

        Raises:
            ValueError: the path is empty, or `module` is no module.
            AttributeError: the path leads nowhere.

        Example:
            >>> from pyflame import nn
            >>> model = nn.Sequential(nn.Sequential(nn.Linear(2, 2)))
            >>> model.set_submodule("0.0", nn.ReLU())
            >>> model[0][0]
            ReLU()
        """
        if not target:
            raise ValueError("[module] the path is empty: expected one below the module")
        if not isinstance(module, Tree):
            raise ValueError(f"[module] {target!r}: expected a module, got {type(module).__name__}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and name not in parent._modules:
            raise AttributeError(f"[module] {target!r}: {type(parent).__name__} has no module {name!r}")
        if hasattr(parent, name) and name not in parent._modules:
            raise AttributeError(f"[module] {target!r}: {type(parent).__name__}.{name} is no module")
        setattr(parent, name, module)

    def _get(self, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in getattr(module, kind):
            raise AttributeError(f"[module] {type(module).__name__} has no {kind[1:-1]} {name!r}")
        return getattr(module, name)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a dotted path."""
        return self._get("_parameters", target)

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a dotted path."""
        return self._get("_buffers", target)
