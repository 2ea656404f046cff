"""Types of arguments that several modules accept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Number: TypeAlias = "int | float | np.number[Any] | np.bool"
Array: TypeAlias = "npt.NDArray[Any]"
Dims: TypeAlias = "int | Sequence[int] | None"
Sizes: TypeAlias = "int | Sequence[int]"
