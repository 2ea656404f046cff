"""The core's own backend under the common protocol."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _core, config
from .protocol import BackendBase

if TYPE_CHECKING:
    from .._types import Array
    from ..graph import Graph


class CpuBackend(BackendBase):
    """Runs a graph by recording its operations in the core."""

    name = "cpu"

    def compile(self, graph: Graph) -> Graph:
        """The graph: the core makes and keeps the plan."""
        return graph

    def run(self, plan: Graph, inputs: Mapping[str, Array]) -> Sequence[Array]:
        """Record and evaluate."""
        from ..graph.run import run_graph
        from .active import use_backend

        tensors = {
            node.name: _core.from_array(inputs[node.name], node.output_dtype.code, False)
            for node in (*plan.inputs, *plan.parameters)
        }
        with use_backend("cpu"):
            weights = {node.name: tensors[node.name] for node in plan.parameters}
            results = run_graph(plan, [tensors[node.name] for node in plan.inputs], weights)
            _core.eval(results)
            return [_core.to_array(result) for result in results]

    def memory_stats(self) -> dict[str, int]:
        """Bytes of live tensors."""
        return config.memory_stats()

    def reset_peak_memory_stats(self) -> None:
        """Start to look for the peak anew."""
        config.reset_peak_memory_stats()

    def empty_cache(self) -> None:
        """Give buffers kept for reuse back to the system."""
        config.empty_cache()

    def device_info(self) -> dict[str, Any]:
        """Processor, instruction set in use, threads."""
        return {
            "name": self.name,
            "type": "cpu",
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "tier": _core.cpu_tier(),
            "num_threads": _core.num_threads(),
        }
