"""Data-parallel training in several processes, over MPI."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .collectives import (
    ReduceOp as ReduceOp,
    all_gather as all_gather,
    all_gather_bytes as all_gather_bytes,
    all_gather_object as all_gather_object,
    all_reduce as all_reduce,
    barrier as barrier,
    broadcast as broadcast,
    sum_over_ranks as sum_over_ranks,
)
from .data_parallel import DistributedDataParallel as DistributedDataParallel
from .group import (
    destroy_process_group as destroy_process_group,
    get_rank as get_rank,
    get_world_size as get_world_size,
    init_process_group as init_process_group,
    is_available as is_available,
    is_initialized as is_initialized,
)
