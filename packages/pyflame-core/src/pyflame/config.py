"""How the process runs: modes, limits, threads, memory, statistics."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _core
from ._environment import cache_dir as cache_dir

if TYPE_CHECKING:
    from ._tensor import Tensor


def eval(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """Compute pending tensors, all in one run.

    Args:
        tensors: tensors, or lists of them.

    Returns:
        What was given: one argument itself, several as a tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.eval(pf.ones(2) + 1)
        tensor([2., 2.])
    """
    return _core.eval(*tensors)


def is_lazy(x: Tensor) -> bool:
    """Tell whether a tensor is still to be computed.

    Example:
        >>> import pyflame as pf
        >>> x = pf.ones(2) + 1
        >>> pf.is_lazy(x), pf.is_lazy(pf.eval(x))
        (True, False)
    """
    return not _core.is_evaluated(x)


def synchronize() -> None:
    """Wait for the backend; the CPU has finished whatever `eval` returned from.

    Example:
        >>> import pyflame as pf
        >>> pf.synchronize()
    """
    backend = _other_backend()
    if backend is not None and hasattr(backend, "synchronize"):
        backend.synchronize()


def _other_backend() -> Any:
    """The backend in force, None for the core's own; looking does not import backends."""
    active = sys.modules.get(f"{__package__}.backends.active")
    return None if active is None or active.current() == "cpu" else active.registry.get(active.current())


def set_eager(mode: bool) -> None:
    """Compute every operation at once, or lazily again.

    Example:
        >>> import pyflame as pf
        >>> pf.set_eager(False)
    """
    _core.set_eager(bool(mode))


def is_eager() -> bool:
    """Tell whether every operation is computed at once.

    Example:
        >>> import pyflame as pf
        >>> pf.is_eager()
        False
    """
    return _core.is_eager()


class eager:
    """Compute every operation at once inside a `with` block, to find the line an error comes from.

    Example:
        >>> import pyflame as pf
        >>> with pf.eager():
        ...     pf.is_lazy(pf.ones(2) + 1)
        False
    """

    def __init__(self, mode: bool = True) -> None:
        self._mode = bool(mode)
        self._previous: list[bool] = []

    def __enter__(self) -> None:
        self._previous.append(_core.is_eager())
        _core.set_eager(self._mode)

    def __exit__(self, *exc: object) -> None:
        _core.set_eager(self._previous.pop())


def set_num_threads(n: int) -> None:
    """Set the number of CPU threads; results do not depend on it.

    Raises:
        ValueError: `n` is not positive.

    Example:
        >>> import pyflame as pf
        >>> pf.set_num_threads(pf.get_num_threads())
    """
    if n < 1:
        raise ValueError(f"[set_num_threads] n is {n}: it must be positive")
    _core.set_num_threads(n)


def get_num_threads() -> int:
    """Return the number of CPU threads.

    Example:
        >>> import pyflame as pf
        >>> pf.get_num_threads() > 0
        True
    """
    return _core.num_threads()


def compile_cache_stats() -> dict[str, int]:
    """Return hits, misses, evictions, entries, capacity and bytes of the cache of plans.

    Example:
        >>> import pyflame as pf
        >>> sorted(pf.compile_cache_stats())
        ['bytes', 'capacity', 'entries', 'evictions', 'hits', 'misses']
    """
    stats = _core.stats()
    names = {
        "hits": "plan_hits",
        "misses": "plan_misses",
        "evictions": "plan_evictions",
        "entries": "plans",
        "capacity": "plan_capacity",
        "bytes": "plan_bytes",
    }
    return {name: stats[key] for name, key in names.items()}


def clear_compile_cache() -> None:
    """Forget all plans.

    Example:
        >>> import pyflame as pf
        >>> pf.clear_compile_cache()
        >>> pf.compile_cache_stats()["entries"]
        0
    """
    _core.clear_plans()


def get_memory_allocated() -> int:
    """Return the bytes of live tensors.

    Example:
        >>> import pyflame as pf
        >>> pf.get_memory_allocated() >= 0
        True
    """
    return memory_stats()["live_bytes"]


def get_peak_memory_allocated() -> int:
    """Return the largest number of bytes of live tensors since the start or the last reset.

    Example:
        >>> import pyflame as pf
        >>> pf.get_peak_memory_allocated() >= pf.get_memory_allocated()
        True
    """
    return memory_stats()["peak_bytes"]


def reset_peak_memory_stats() -> None:
    """Start to look for the peak anew.

    Example:
        >>> import pyflame as pf
        >>> pf.reset_peak_memory_stats()
    """
    backend = _other_backend()
    _core.reset_peak_bytes() if backend is None else backend.reset_peak_memory_stats()


def memory_stats() -> dict[str, int]:
    """Return bytes and numbers of live buffers, and bytes kept for reuse, of the backend in force.

    `packed_bytes` are weights kept a second time in the order kernels read them, besides `live_bytes`: those of
    convolutions and matrix products that were read more than once and have not changed.

    Example:
        >>> import pyflame as pf
        >>> sorted(pf.memory_stats())
        ['allocations', 'cached_bytes', 'live_buffers', 'live_bytes', 'packed_bytes', 'peak_bytes']
    """
    backend = _other_backend()
    if backend is not None:
        return dict(backend.memory_stats())
    stats = _core.stats()
    names = ("allocations", "cached_bytes", "live_buffers", "live_bytes", "packed_bytes", "peak_bytes")
    return {name: stats[name] for name in names}


def empty_cache() -> None:
    """Give buffers and working memory kept for reuse back to the system.

    Example:
        >>> import pyflame as pf
        >>> pf.empty_cache()
        >>> pf.memory_stats()["cached_bytes"]
        0
    """
    backend = _other_backend()
    _core.empty_cache() if backend is None else backend.empty_cache()


def runtime_info() -> dict[str, Any]:
    """Return modes, limits and all counters of the runtime.

    Example:
        >>> import pyflame as pf
        >>> pf.runtime_info()["backend"]
        'cpu'
    """
    return {
        "backend": "cpu" if _other_backend() is None else sys.modules[f"{__package__}.backends.active"].current(),
        "cpu_tier": _core.cpu_tier(),
        "amx_fp32": _core.amx_fp32(),
        "float32_matmul_precision": get_float32_matmul_precision(),
        "num_threads": _core.num_threads(),
        "eager": _core.is_eager(),
        "debug": _core.is_debug(),
        "graph_limit": _core.graph_limit(),
        **_core.stats(),
    }


_PRECISIONS = ("highest", "high", "medium")


def set_float32_matmul_precision(precision: str) -> None:
    """State how exact matrix products and convolutions of float32 must be, where a faster way exists.

    The tile unit of the cpu tier "amx" multiplies bfloat16 numbers only. A float32 is written as a sum of such: of
    three under "highest", the default, with the errors of float32; of two under "high", about 16 bits; "medium" rounds
    to one. Elsewhere all three are the same. `PYFLAME_AMX_FP32=0` in the environment keeps float32 off the tile unit.

    Args:
        precision: "highest", "high" or "medium".

    Raises:
        ValueError: another precision.

    Example:
        >>> import pyflame as pf
        >>> pf.set_float32_matmul_precision("high")
        >>> pf.get_float32_matmul_precision()
        'high'
        >>> pf.set_float32_matmul_precision("highest")
    """
    if precision not in _PRECISIONS:
        raise ValueError(
            f"[set_float32_matmul_precision] precision is {precision!r}: expected one of {', '.join(_PRECISIONS)}"
        )
    _core.set_matmul_precision(_PRECISIONS.index(precision))


def get_float32_matmul_precision() -> str:
    """Return what `set_float32_matmul_precision` set, "highest" to begin with.

    Example:
        >>> import pyflame as pf
        >>> pf.get_float32_matmul_precision()
        'highest'
    """
    return _PRECISIONS[_core.matmul_precision()]


class runtime_timing:
    """Count the time of plan look-ups and runs inside a `with` block, as lookup_ns and kernel_ns of `runtime_info`.

    Example:
        >>> import pyflame as pf
        >>> with pf.runtime_timing():
        ...     _ = pf.eval(pf.ones(2) + 1)
        >>> pf.runtime_info()["kernel_ns"] > 0
        True
    """

    def __enter__(self) -> None:
        _core.set_timing(True)

    def __exit__(self, *exc: object) -> None:
        _core.set_timing(False)


def version_info() -> dict[str, str]:
    """Return the versions of the installed members of the family.

    Example:
        >>> import pyflame as pf
        >>> "pyflame-core" in pf.version_info()
        True
    """
    from importlib.metadata import PackageNotFoundError, version

    from . import _PARTS

    found = {}
    for name in sorted({"pyflame", "pyflame-core", *_PARTS.values()}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def build_info() -> dict[str, Any]:
    """Return how the core was compiled, and for which processor its kernels run.

    Example:
        >>> import pyflame as pf
        >>> sorted(pf.config.build_info())
        ['build_type', 'compiler', 'cpu_tier', 'cpu_tiers', 'matrix_product', 'sanitizers']
    """
    return {**_core.build_info(), "cpu_tier": _core.cpu_tier(), "matrix_product": "own kernels, no BLAS library"}


def show_config() -> None:
    """Print versions, build, settings and threads.

    Example:
        >>> import pyflame as pf
        >>> pf.show_config()  # doctest: +ELLIPSIS
        backend: cpu...
    """
    info = runtime_info()
    modes = (
        "backend",
        "cpu_tier",
        "amx_fp32",
        "float32_matmul_precision",
        "num_threads",
        "eager",
        "debug",
        "graph_limit",
    )
    for name in modes:
        print(f"{name}: {info[name]}")
    for name, value in {**build_info(), **version_info()}.items():
        print(f"{name}: {value}")


_deterministic = [os.environ.get("PYFLAME_DETERMINISTIC") == "1"]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """State whether results must repeat from run to run; kernels of the CPU always do, so nothing changes.

    Args:
        mode: what `are_deterministic_algorithms_enabled` answers from now on; plug-in backends may ask.
        warn_only: accepted; there is nothing to warn of.

    Example:
        >>> import pyflame as pf
        >>> pf.use_deterministic_algorithms(True)
        >>> pf.are_deterministic_algorithms_enabled()
        True
        >>> pf.use_deterministic_algorithms(False)
    """
    _deterministic[0] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """Tell what `use_deterministic_algorithms` was told last.

    Example:
        >>> import pyflame as pf
        >>> pf.are_deterministic_algorithms_enabled()
        False
    """
    return _deterministic[0]
