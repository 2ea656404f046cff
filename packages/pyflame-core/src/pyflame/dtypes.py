"""The ten element types and what can be asked about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _core

# CSL names; a dtype without one cannot live on the wafer.
_CSL_NAMES = {
    "bool": "bool", "uint8": "u8", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "float16": "f16", "bfloat16": "bf16", "float32": "f32",
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class DType:
    """An element type: one of the ten `pyflame.<name>` constants.

    Example:
        >>> import pyflame as pf
        >>> pf.float32.itemsize, pf.int8.is_floating_point
        (4, False)
    """

    name: str
    code: int
    itemsize: int
    is_floating_point: bool
    is_signed: bool

    def __repr__(self) -> str:
        return f"pyflame.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    def to_numpy(self) -> np.dtype[Any]:
        """NumPy's dtype; bfloat16, which NumPy lacks, maps to float32."""
        return np.dtype(np.float32 if self.name == "bfloat16" else self.name)

    def to_csl(self) -> str:
        """The name of this type in CSL.

        Raises:
            TypeError: CSL has no such type (float64).
        """
        if self.name not in _CSL_NAMES:
            raise TypeError(f"[dtype] CSL has no type for {self.name}: convert to float32 first")
        return _CSL_NAMES[self.name]


bool_ = DType("bool", 0, 1, False, False)
uint8 = DType("uint8", 1, 1, False, False)
int8 = DType("int8", 2, 1, False, True)
int16 = DType("int16", 3, 2, False, True)
int32 = DType("int32", 4, 4, False, True)
int64 = DType("int64", 5, 8, False, True)
float16 = DType("float16", 6, 2, True, True)
bfloat16 = DType("bfloat16", 7, 2, True, True)
float32 = DType("float32", 8, 4, True, True)
float64 = DType("float64", 9, 8, True, True)

all_dtypes = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64)
_core.register_dtypes(list(all_dtypes))
