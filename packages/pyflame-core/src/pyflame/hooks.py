"""Hooks on execution: before and after every step of an evaluation, and profiling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import _core
from .autograd.hooks import RemovableHandle, hooks_of
from .graph.parts import Node, NodeType, SourceLocation, TensorSpec

if TYPE_CHECKING:
    from types import TracebackType

    from ._tensor import Tensor


class StopExecution(Exception):
    """Raised by a hook to end an evaluation: the tensors stay pending and can be evaluated later."""


class OpEvent:
    """One step of an evaluation: an operation, or several that run as one. Hooks get it; it is valid inside the hook.

    `inputs` and `outputs` are copied on first access; values that were read stay readable after the hook.
    """

    __slots__ = ("_inputs", "_outputs", "_step", "duration", "index", "ops")

    def __init__(self, step: _core.Step) -> None:
        self._step = step
        self._inputs: list[Tensor] | None = None
        self._outputs: list[Tensor] | None = None
        self.index: int = step.index
        """Position in the evaluation."""
        self.duration: float = step.seconds
        """Seconds the step took, 0 before it has run."""
        self.ops: tuple[str, ...] = tuple(step.ops)
        """Names of the operations, in order."""

    @property
    def op(self) -> str:
        """Names of the operations as one word, such as mul+add."""
        return "+".join(self.ops)

    @property
    def inputs(self) -> list[Tensor]:
        """Copies of the values the step reads."""
        if self._inputs is None:
            self._inputs = self._step.inputs()
        return self._inputs

    @property
    def outputs(self) -> list[Tensor]:
        """Copies of the values the step made; empty before it has run."""
        if self._outputs is None:
            self._outputs = self._step.outputs()
        return self._outputs

    @property
    def input_specs(self) -> tuple[TensorSpec, ...]:
        """Types of the values the step reads."""
        return tuple(TensorSpec(shape, dtype) for dtype, shape in self._step.input_specs)

    @property
    def output_specs(self) -> tuple[TensorSpec, ...]:
        """Types of the values the step makes."""
        return tuple(TensorSpec(shape, dtype) for dtype, shape in self._step.output_specs)

    @property
    def memory(self) -> int:
        """Bytes of the values the step makes."""
        return sum(spec.size_bytes() for spec in self.output_specs)

    @property
    def locations(self) -> tuple[SourceLocation | None, ...]:
        """The line that recorded each operation, None where it is unknown."""
        lines = map(_core.source_line, self._step.locations)
        return tuple(None if file is None else SourceLocation(file, line, name) for file, line, name in lines)

    @property
    def location(self) -> SourceLocation | None:
        """The line that recorded the last operation."""
        return self.locations[-1] if self._step.locations else None

    @property
    def node(self) -> Node:
        """The step as a node without edges."""
        return Node(
            id=self.index,
            name=f"{self.op}_{self.index}",
            type=NodeType.OPERATION,
            op_type=self.op,
            outputs=self.output_specs,
            source_location=self.location,
        )

    def __repr__(self) -> str:
        return f"<OpEvent {self.index}: {self.op}>"


OpHook = Callable[[OpEvent], object]
ErrorHook = Callable[[OpEvent, Exception], object]
ProfileCallback = Callable[[dict[str, Any]], object]


class HookHandle:
    """A registered hook. `remove` takes it away; as a context manager it does so at the end of the block."""

    def __init__(self, pre: OpHook | None, post: OpHook | None, error: ErrorHook | None) -> None:
        self.pre, self.post, self.error = pre, post, error

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        if self in _hooks:
            _hooks.remove(self)
            _observe()

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class _State(threading.local):
    inside = False  # a hook is running: what it evaluates is not observed


_state = _State()
_hooks: list[HookHandle] = []
_profilers: list[ProfileCallback] = []


def register_op_hook(
    pre: OpHook | None = None, post: OpHook | None = None, error: ErrorHook | None = None
) -> HookHandle:
    """Call functions around every step of every evaluation, in the thread that evaluates.

    An exception they raise ends the evaluation and reaches whoever asked for it; the tensors stay pending. What they
    evaluate themselves is not observed.

    Args:
        pre: called with an `OpEvent` before the step.
        post: called with an `OpEvent` after it.
        error: called with an `OpEvent` and an exception when the step fails.

    Returns:
        A handle with `remove()`.

    Example:
        >>> import pyflame as pf
        >>> with pf.hooks.register_op_hook(post=lambda event: print(event.op, event.outputs[0].tolist())):
        ...     _ = pf.eval(pf.ones(2).exp2())
        exp2 [2.0, 2.0]
    """
    handle = HookHandle(pre, post, error)
    _hooks.append(handle)
    _observe()
    return handle


def register_tensor_hook(tensor: Tensor, fn: Callable[[Tensor], object]) -> RemovableHandle:
    """Call a function whenever a tensor gets a value: when it is computed, and when it has been changed in place.

    Args:
        tensor: while this object lives, the function is called with it.
        fn: called with the tensor, in the thread that evaluates, when all values of the evaluation are there.

    Returns:
        A handle with `remove()`.

    Example:
        >>> import pyflame as pf
        >>> x = pf.ones(2) + 1
        >>> handle = pf.hooks.register_tensor_hook(x, print)
        >>> _ = pf.eval(x)
        tensor([2., 2.])
    """
    return RemovableHandle(hooks_of(tensor).watch(tensor), fn)


@dataclass(frozen=True, slots=True)
class AllocEvent:
    """Memory of a tensor that came or went.

    Args:
        kind: "allocate" or "release".
        bytes: how many.
        op: the operation the memory was allocated for, None when it is released.
        live_bytes: bytes of all tensors afterwards.
    """

    kind: str
    bytes: int
    op: str | None
    live_bytes: int


_alloc_hooks: dict[int, Callable[[AllocEvent], object]] = {}


class _AllocHandle(RemovableHandle):
    def remove(self) -> None:
        super().remove()
        if not _alloc_hooks:
            _core.set_alloc_hook(None)


def _on_buffer(size: int, op: str | None) -> None:
    event = AllocEvent("allocate" if size >= 0 and op else "release", abs(size), op, _core.stats()["live_bytes"])
    for hook in list(_alloc_hooks.values()):
        hook(event)


def register_alloc_hook(fn: Callable[[AllocEvent], object]) -> RemovableHandle:
    """Call a function whenever memory of tensors is allocated or released.

    What the function allocates itself is not reported, and what it raises is printed and dropped.

    Args:
        fn: called with an `AllocEvent`.

    Returns:
        A handle with `remove()`.

    Example:
        >>> import pyflame as pf
        >>> sizes = []
        >>> with pf.hooks.register_alloc_hook(lambda event: sizes.append((event.kind, event.bytes))):
        ...     x = pf.tensor([1.0, 2.0])
        ...     del x
        >>> sizes
        [('allocate', 8), ('release', 8)]
    """
    handle = _AllocHandle(_alloc_hooks, fn)
    _core.set_alloc_hook(_on_buffer)
    return handle


def set_profiling(enabled: bool, callback: ProfileCallback | None = None) -> None:
    """Report every step of every evaluation, and every `record_function` range, to a function.

    Calls nest: each callback added gets all events until it is removed.

    Args:
        enabled: True adds the callback, False removes it, or the one added last if none is given.
        callback: called with a dict with the keys name, category (compute, memory, communication or host),
            start_time and end_time (seconds of `time.perf_counter`), memory_allocated (bytes of the step's results),
            memory_freed, input_shapes, output_shapes and metadata.

    Raises:
        ValueError: there is no callback to add or remove.

    Example:
        >>> import pyflame as pf
        >>> events = []
        >>> pf.set_profiling(True, events.append)
        >>> _ = pf.eval(pf.ones(4).exp())
        >>> pf.set_profiling(False)
        >>> events[0]["name"], events[0]["output_shapes"]
        ('exp', [(4,)])
    """
    if enabled:
        if callback is None:
            raise ValueError("[set_profiling] there is no callback to report to")
        _profilers.append(callback)
    elif callback is None and _profilers:
        _profilers.pop()
    elif callback in _profilers:
        _profilers.remove(callback)
    else:
        raise ValueError("[set_profiling] this callback was not added")
    _observe()


class record_function(ContextDecorator):
    """A named range of host time in profiles.

    Args:
        name: of the range.

    Example:
        >>> import pyflame as pf
        >>> with pf.record_function("load"):
        ...     pass
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._starts: list[float] = []

    def __enter__(self) -> record_function:
        self._starts.append(perf_counter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        start = self._starts.pop()
        if _profilers:
            _report(_profile(self.name, "host", start, perf_counter()))


def set_debug_mode(enabled: bool) -> None:
    """Evaluate operation by operation in program order, without fusion, and keep where values came from.

    Evaluated tensors then hold on to the computation behind them (`get_graph` shows it) and to its memory.

    Args:
        enabled: whether to.

    Example:
        >>> import pyflame as pf
        >>> pf.set_debug_mode(True)
        >>> x = pf.eval(pf.ones(2) + 1)
        >>> pf.get_graph(x).num_ops > 0
        True
        >>> pf.set_debug_mode(False)
    """
    _core.set_debug(bool(enabled))


def is_debug_mode() -> bool:
    """Whether debug mode is on.

    Example:
        >>> import pyflame as pf
        >>> pf.is_debug_mode()
        False
    """
    enabled: bool = _core.is_debug()
    return enabled


def _observe() -> None:
    """Without hooks the core has no observer, so that runs pay one branch."""
    if _hooks or _profilers:
        _core.set_observer(_before, _after, _error)
    else:
        _core.set_observer(None, None, None)


def _before(step: _core.Step) -> None:
    if any(hook.pre for hook in _hooks):
        _call([hook.pre for hook in _hooks if hook.pre], OpEvent(step))


def _after(step: _core.Step) -> None:
    end = perf_counter()
    if _state.inside:
        return
    if _profilers:
        _report(_step_profile(OpEvent(step), end))
    _call([hook.post for hook in _hooks if hook.post], OpEvent(step))


def _error(step: _core.Step, message: str) -> None:
    callbacks = [hook.error for hook in _hooks if hook.error]
    _call(callbacks, OpEvent(step), RuntimeError(message))


def _call(callbacks: list[Any], *args: Any) -> None:
    if _state.inside:
        return
    _state.inside = True
    try:
        for callback in callbacks:
            callback(*args)
    finally:
        _state.inside = False


def _report(event: dict[str, Any]) -> None:
    _call(list(_profilers), event)


_MOVES = {
    "as_strided",
    "diagonal",
    "unfold",
    "alias",
    "reshape",
    "permute",
    "expand",
    "slice",
    "embed",
    "cat",
    "flip",
    "full",
    "cast",
    "where",
}


def _step_profile(event: OpEvent, end: float) -> dict[str, Any]:
    ops = set(event.ops)
    category = "communication" if ops == {"to_layout"} else "memory" if ops <= _MOVES else "compute"
    profile = _profile(event.op, category, end - event.duration, end)
    profile["memory_allocated"] = event.memory
    profile["input_shapes"] = [spec.shape for spec in event.input_specs]
    profile["output_shapes"] = [spec.shape for spec in event.output_specs]
    profile["metadata"] = {
        "index": event.index,
        "ops": event.ops,
        "location": None if event.location is None else str(event.location),
        "dtypes": [spec.dtype.name for spec in event.output_specs],
    }
    return profile


def _profile(name: str, category: str, start: float, end: float) -> dict[str, Any]:
    return {
        "name": name,
        "category": category,
        "start_time": start,
        "end_time": end,
        "memory_allocated": 0,
        "memory_freed": 0,
        "input_shapes": [],
        "output_shapes": [],
        "metadata": {},
    }
