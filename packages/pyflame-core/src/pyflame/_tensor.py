"""The Tensor: a handle on a node of the lazy graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _core
from . import _size
from . import dtypes
from .dtypes import DType


@_core.methods_of_tensor
class Tensor(_core.TensorBase):
    """An n-dimensional array whose value is computed when somebody needs it."""

    __slots__ = ()

    def numpy(self) -> np.ndarray[Any, Any]:
        return _core.to_array(self)

    def item(self) -> Any:
        return _core.item(self)


def as_tensor(data: Any) -> Tensor:
    array = np.array(data, order="C")
    code = {"float32": 8, "float64": 9, "int64": 5, "bool": 0, "int32": 4, "float16": 6, "uint8": 1}[array.dtype.name]
    return _core.from_array(array, code, False)


def truth(t: Tensor) -> bool:
    return bool(t.item())
