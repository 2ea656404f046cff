"""Modules that hold parameters: a list and a dictionary."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, KeysView, Mapping
from typing import Any, NoReturn, Self, overload

from pyflame import Tensor

from .module import Module
from .parameter import Parameter


def kept(value: Any) -> Any:
    """Tensors become parameters; what is no tensor is kept as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def described(values: Iterable[tuple[Any, Any]]) -> str:
    lines = []
    for key, value in values:
        if isinstance(value, Tensor):
            kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
            text = f"{kind} containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}]"
        else:
            text = f"Object of type: {type(value).__name__}"
        lines.append(f"  ({key}): {text}")
    return "\n".join(lines)


class ParameterList(Module):
    """A list of parameters that are found; tensors become parameters when they are put in.

    Args:
        values: parameters, tensors, or any other objects.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> weights = nn.ParameterList([pf.ones(2, 3), pf.zeros(3)])
        >>> [name for name, _ in weights.named_parameters()], weights[1].shape
        (['0', '1'], pyflame.Size([3]))
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def _name(self, i: int) -> str:
        i = operator.index(i)
        if not -self._size <= i < self._size:
            raise IndexError(f"[ParameterList] index {i} is out of range for {self._size} values")
        return str(i % self._size)

    @overload
    def __getitem__(self, i: int) -> Any: ...
    @overload
    def __getitem__(self, i: slice) -> ParameterList: ...
    def __getitem__(self, i: int | slice) -> Any:
        if isinstance(i, slice):
            return ParameterList(self[k] for k in range(self._size)[i])
        return getattr(self, self._name(i))

    def __setitem__(self, i: int, value: Any) -> None:
        setattr(self, self._name(i), kept(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self._size))

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def append(self, value: Any) -> Self:
        """Add a value at the end."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add several values at the end."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(f"[ParameterList] extend: expected several values, got {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return described(enumerate(self))

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("[ParameterList] a list of parameters cannot be called")


class ParameterDict(Module):
    """A dictionary of parameters that are found; tensors become parameters when they are put in.

    As in PyTorch, the keys of a plain dict are taken in sorted order, those of an OrderedDict, of pairs or of another
    `ParameterDict` in theirs.

    Args:
        parameters: key -> parameter, tensor or any other object; or pairs.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> scales = nn.ParameterDict({"right": pf.ones(2), "left": pf.zeros(3)})
        >>> [name for name, _ in scales.named_parameters()]
        ['left', 'right']
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"[ParameterDict] keys are strings, got {type(key).__name__}")
        if key not in self._keys:
            self._check_name(key, self._parameters)
        setattr(self, key, kept(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __or__(self, other: ParameterDict) -> ParameterDict:
        result = self.copy()
        result.update(other)
        return result

    def __ior__(self, other: ParameterDict) -> Self:
        self.update(other)
        return self

    def copy(self) -> ParameterDict:
        """Return another dictionary of the same parameters."""
        return ParameterDict(self.items())

    def clear(self) -> None:
        """Take out everything."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Take out the value of a key and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take out the last key and value and return them."""
        if not self._keys:
            raise KeyError("[ParameterDict] popitem: there is nothing in it")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or `default`."""
        return self[key] if key in self else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, after setting it to `default` if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Return a new dictionary with one value for all keys."""
        return ParameterDict((key, default) for key in keys)

    def keys(self) -> KeysView[str]:
        """Return the keys in order."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return pairs of key and value in order."""
        return [(key, self[key]) for key in self._keys]

    def values(self) -> Iterable[Any]:
        """Return the values in order."""
        return [self[key] for key in self._keys]

    def update(self, parameters: Any) -> None:
        """Add or replace values."""
        if isinstance(parameters, ParameterDict | OrderedDict):
            pairs: Iterable[Any] = parameters.items()
        elif isinstance(parameters, Mapping):
            pairs = sorted(parameters.items())
        elif isinstance(parameters, Iterable):
            pairs = parameters
        else:
            raise TypeError(f"[ParameterDict] update: expected a dict or pairs, got {type(parameters).__name__}")
        for place, pair in enumerate(pairs):
            if not isinstance(pair, Iterable):
                raise TypeError(f"[ParameterDict] update: element {place} is a {type(pair).__name__}, not a pair")
            key_and_value = tuple(pair)
            if len(key_and_value) != 2:
                raise ValueError(f"[ParameterDict] update: element {place} has {len(key_and_value)} parts, not 2")
            self[key_and_value[0]] = key_and_value[1]

    def extra_repr(self) -> str:
        return described(self.items())

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("[ParameterDict] a dictionary of parameters cannot be called")
