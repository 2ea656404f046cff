"""What a backend is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from .._types import Array
    from ..dtypes import DType
    from ..graph import Graph, Node


class BackendBase(ABC):
    """Something that runs graphs.

    It sees computations as `pyflame.Graph` only: no tensors, no objects of the core. Arrays are NumPy's, of the dtype's
    own form; bfloat16 travels as uint16 bits. `pyflame.testing.check_backend` tells whether one keeps the rules.
    """

    name: ClassVar[str] = ""

    @abstractmethod
    def compile(self, graph: Graph) -> Any:
        """Prepare a graph whose operations are all supported; plans are kept and run many times.

        Args:
            graph: what to compute. It does not change.
        """

    @abstractmethod
    def run(self, plan: Any, inputs: Mapping[str, Array]) -> Sequence[Array]:
        """Run a plan.

        Args:
            plan: what `compile` gave.
            inputs: arrays of the graph's inputs and parameters by name; they must not be written to.

        Returns:
            One array per output of the graph, of its shape and dtype.
        """

    def supports(self, node: Node) -> bool:
        """Whether the backend computes an operation. Those it does not are refused before `compile`."""
        return True

    def is_available(self) -> bool:
        """Whether it can run here and now."""
        return True

    def allocate(self, shape: Sequence[int], dtype: DType) -> Array:
        """Memory for a tensor, contents unspecified."""
        from ..graph.arrays import storage_name

        return np.empty(tuple(shape), storage_name(dtype))

    def memory_stats(self) -> dict[str, int]:
        """`live_bytes` and `peak_bytes` of tensors, not of the process."""
        return {"live_bytes": 0, "peak_bytes": 0}

    def reset_peak_memory_stats(self) -> None:  # noqa: B027  # doing nothing is right for many
        """Start to look for the peak anew."""

    def empty_cache(self) -> None:  # noqa: B027  # doing nothing is right for many
        """Give memory kept for reuse back."""

    def device_info(self) -> dict[str, Any]:
        """What it runs on; `name` and `type` at least."""
        return {"name": self.name, "type": self.name.partition(":")[0]}

    def synchronize(self) -> None:  # noqa: B027  # doing nothing is right for many
        """Wait until all that was started is done."""
