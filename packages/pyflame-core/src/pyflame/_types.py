"""Types of arguments that several modules accept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy.typing as npt  # slow to import

Number: TypeAlias = "int | float"  # NumPy's scalars work too
Array: TypeAlias = "npt.NDArray[Any]"
Dims: TypeAlias = "int | Sequence[int] | None"
Sizes: TypeAlias = "int | Sequence[int]"
