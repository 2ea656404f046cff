"""Replaying a function: what it recorded once is recorded again in the core, without running its Python code.

The first call with arguments of a kind is watched. If nothing it did or read escapes notice, the function is called a
second time on tensors without values, and what it records then is kept. Later calls of that kind, while all that the
function read is unchanged, apply the same operations to the tensors of the day: results are pending, gradients flow
through them, random draws move on and changes in place happen, as if the function had run.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _core
from ._core import TensorBase
from ._replay_effects import Log, logging, watching
from ._replay_state import Unseen

if TYPE_CHECKING:
    from ._replay_state import State
    from ._tensor import Tensor

MAX_KINDS = 64  # kinds of arguments
MAX_VARIANTS = 8  # states of the function, such as training and evaluation, for each

_local = threading.local()
# One recording at a time: each puts tensors without values where the function's state is. A fork waits for its end.
_recording = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_recording.acquire, after_in_parent=_recording.release, after_in_child=_recording.release
    )


@dataclass
class Variant:
    """What the function recorded in one state of what it reads."""

    replay: Callable[[list[Tensor]], Any]  # see _core.replayer
    single: bool  # the function returns one tensor, which is all that `replay` returns
    state: State
    tree: Any
    rebuild: Callable[..., Any]  # from the tree and the tensors to the result
    same: dict[int, int]  # place among the results: number of the input that is returned as it is
    accumulated: list[tuple[Tensor, bool]]  # tensors whose gradients it reads, and whether they have one

    def result(self, results: list[Any], tensors: list[Tensor]) -> Any:
        """What the function returns."""
        inputs = tensors + self.state.tensors
        for place, number in sorted(self.same.items()):
            results.insert(place, inputs[number])
        return self.rebuild(self.tree, iter(results))


class Replays:
    """The recordings of one function: what `compile` works with, without the plans that it shows.

    Args:
        function: it is called where a call cannot be replayed.
        any_tensor: an argument of a subclass of Tensor, such as a parameter, is to the function a tensor like others.

    Attributes:
        count: calls that were replayed.

    Example:
        >>> import pyflame as pf
        >>> replays = pf.compilation.Replays(lambda x: x * 2)
        >>> [replays.call((pf.ones(1),), {}).item() for _ in range(3)], replays.count
        ([2.0, 2.0, 2.0], 2)
    """

    def __init__(self, function: Callable[..., Any], any_tensor: bool = False) -> None:
        self.function = function
        self.any_tensor = any_tensor
        self.kinds: dict[Any, list[Variant] | str] = {}
        self.doubts: dict[Any, str] = {}
        self.count = 0

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why calls of some kinds of arguments run the function each time."""
        found = {kind for kind in self.kinds.values() if isinstance(kind, str)}
        return tuple(sorted(found | set(self.doubts.values())))

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the function's result, replayed where that is possible."""
        if getattr(_local, "busy", False):
            return self.function(*args, **kwargs)
        tensors: list[Tensor] = []
        kind: Any = _core.signature(args, kwargs, tensors, self.any_tensor)
        if kind is None:
            mode = _core.recording_mode()
            if mode < 0:
                return self.function(*args, **kwargs)
            tensors.clear()
            try:
                kind = (mode, sign(args, tensors, self.any_tensor), sign(kwargs, tensors, self.any_tensor))
            except Unseen as error:
                self.kinds[str(error)] = str(error)
                return self.function(*args, **kwargs)
        known = self.kinds.get(kind)
        if isinstance(known, str):
            return self.function(*args, **kwargs)
        for variant in known or ():
            result = variant.replay(tensors)
            if result is None:
                continue
            if result is False:
                return self.function(*args, **kwargs)
            self.count += 1
            return result if variant.single else variant.result(result, tensors)
        return self._learn(kind, args, kwargs, tensors)

    def _learn(self, kind: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> Any:
        import sys

        from ._replay_watch import Watch
        from .ops.random import default_generator

        variants = self.kinds.get(kind, [])
        if len(self.kinds) + len(self.doubts) >= MAX_KINDS or sys.getprofile() is not None or isinstance(variants, str):
            return self.function(*args, **kwargs)
        before = {id(owner): owner.grad is not None for variant in variants for owner, _ in variant.accumulated}
        watch = Watch()
        generator = default_generator._seed, default_generator._offset
        modes = _core.recording_mode()
        _local.busy = True
        try:
            with watching(watch):
                result = watch.call(self.function, args, kwargs)
        finally:
            _local.busy = False
        try:
            if len(variants) >= MAX_VARIANTS:
                raise Unseen(f"reads state that has changed {MAX_VARIANTS} times")
            if default_generator._seed != generator[0] or _core.recording_mode() != modes:
                raise Unseen("changes a mode or a seed")
            draws = default_generator._offset - generator[1]
            state = watch.state(self.function)
            with _recording:
                variants.append(record(Call(self.function, args, kwargs, tensors, state, draws), before))
            self.kinds[kind] = variants
            self.doubts.pop(kind, None)
        except Unseen as error:
            self._doubt(kind, str(error))
        return result

    def _doubt(self, kind: Any, reason: str) -> None:
        """The second reason against a kind counts: one may come of another thread, a signal handler or a finalizer."""
        if self.doubts.pop(kind, None) is None:
            self.doubts[kind] = reason
        else:
            self.kinds[kind] = reason


def sign(value: Any, tensors: list[Tensor], any_tensor: bool) -> Any:
    """What must be the same for a replay; tensors are appended to the list."""
    kind = type(value)
    if isinstance(value, TensorBase):
        if kind is not tensor_type() and not any_tensor:
            raise Unseen(f"an argument is a {kind.__name__}: pass a plain tensor")
        tensors.append(value)  # type: ignore[arg-type]
        return kind, tuple(value.shape), value.dtype.code, value.requires_grad, _core.layout_id(value)
    if kind is float or kind is complex:
        return kind, repr(value)  # tells 0.0 from -0.0, and nan is itself
    if kind in (int, bool, str, bytes, type(None), type(...), range):
        return kind, value
    if kind in (tuple, list):
        return kind, tuple([sign(item, tensors, any_tensor) for item in value])
    if kind is dict:
        return kind, tuple(
            [(sign(key, [], any_tensor), sign(item, tensors, any_tensor)) for key, item in value.items()]
        )
    if trusted_constant(value):
        return kind, value
    raise Unseen(f"an argument is a {kind.__name__}, whose changes cannot be seen")


def trusted_constant(value: Any) -> bool:
    from .dtypes import DType
    from .layout import MeshLayout

    return isinstance(value, (DType, MeshLayout))


@functools.cache
def tensor_type() -> type:
    from ._tensor import Tensor

    return Tensor


@dataclass
class Call:
    """A call that was watched: what it was given, what it read, and how many numbers it drew."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    tensors: list[Tensor]
    state: State
    draws: int


def record(call: Call, before: dict[int, bool]) -> Variant:
    """Call the function on tensors without values and keep what it records.

    Args:
        before: whether tensors, by their ids, had a gradient before this call; of others it counts what they have now.

    Raises:
        Unseen: it does something that a replay could not repeat.
    """
    owners = [tensor for tensor in call.state.tensors if tensor.requires_grad and tensor.is_leaf]
    # Where it reads none of the gradients that are there before, whether there are any makes no difference.
    variant = record_with(call, owners, [True] * len(owners))
    if not variant.accumulated:
        return variant
    return record_with(call, owners, [before.get(id(owner), owner.grad is not None) for owner in owners])


def record_with(call: Call, owners: list[Tensor], present: list[bool]) -> Variant:
    """What the function records where some of the owners have a gradient.

    Args:
        present: which of them do.
    """
    from .graph.modes import recording
    from .graph.records import placeholder, spec_of
    from .graph.tree import flatten, unflatten
    from .ops.random import default_generator

    tensors, state = call.tensors, call.state
    inputs = tensors + state.tensors
    if len({_core.node_id(tensor) for tensor in inputs}) < len(inputs):
        raise Unseen("is given the same tensor twice, or as an argument and as state")
    places = [placeholder(spec_of(tensor), tensor.requires_grad) for tensor in inputs]
    given = [placeholder(spec_of(owner)) if there else None for owner, there in zip(owners, present)]
    anchors = [_core.TensorBase(place) for place in [*places, *given] if place is not None]
    args, kwargs = unflatten(flatten((call.args, call.kwargs), []), iter(places))
    handles = places[: len(tensors)] + state.tensors
    swapped = list(zip(state.tensors, places[len(tensors) :], anchors[len(tensors) :]))
    begin, offset = default_generator.draw(0), default_generator._offset
    scope = _core.Collected()
    log = Log(owners, given, scope)
    try:
        _local.busy = True
        for tensor, place, _ in swapped:
            _core.swap_nodes(tensor, place)
        scope.enter()
        with recording(), logging(log), uncollected():
            result = call.function(*args, **kwargs)
            log.note_gradients()
        drawn = default_generator._offset - offset
        outputs: list[Any] = []
        result_tree = flatten(result, outputs)
        written = [k for k, handle in enumerate(handles) if not _core.same_node(handle, anchors[k])]
        same = check_results(result_tree, outputs, handles, anchors, written)
        log.check()
        if any(place.grad is not None for place in places[: len(tensors)]):
            raise Unseen("leaves a gradient at an argument")
        fresh = [output for k, output in enumerate(outputs) if k not in same]
        root = _core.pending_loss()
        loss = next((k for k, output in enumerate(fresh) if output is root), -1)
        made = fresh + log.gradients() + [handles[k] for k in written]
        made = [_core.TensorBase(tensor) for tensor in made]
    except Unseen:
        raise
    except Exception as error:
        raise Unseen(f"{type(error).__name__}: {error}") from None
    finally:
        scope.leave()
        for tensor, place, anchor in swapped:
            if not _core.same_node(place, anchor):  # else an interrupt came before
                _core.swap_nodes(tensor, place)
        default_generator._offset = offset
        _local.busy = False
    if any(_core.attached(owner) is not None for owner in log.reached()):
        raise Unseen("calls backward where a tensor has hooks")
    if drawn != call.draws:
        raise Unseen("draws another number of random numbers each time")
    try:
        kept = _core.Recording(anchors, made, scope.nodes(), written, *begin)
    except ValueError as error:
        raise Unseen(str(error).removeprefix("[compile] ")) from None
    reads = any(map(kept.reads, range(len(inputs), len(anchors))))
    if not reads:
        kept.drop_inputs(len(inputs))
    accumulated = list(zip(owners, present)) if reads else []
    single = result_tree.kind == "tensor" and not same
    effects = log.replayed(len(fresh))
    replay = _core.replayer(
        kept, state.guards, state, accumulated, effects, len(fresh), loss, single, default_generator, drawn
    )
    return Variant(replay, single, state, result_tree, unflatten, same, accumulated)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Garbage waits, whose finalizers are no part of what is being recorded."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def check_results(
    tree: Any, outputs: list[Any], handles: list[Any], anchors: list[Any], written: list[int]
) -> dict[int, int]:
    """Which results are inputs themselves: {place: number of the input}."""
    check_constants(tree)
    same: dict[int, int] = {}
    for place, output in enumerate(outputs):
        number = next((k for k, handle in enumerate(handles) if handle is output), None)
        if number is not None:
            same[place] = number
        else:
            check_fresh(output, anchors)
    if len({id(output) for output in outputs}) < len(outputs):
        raise Unseen("returns a tensor twice")
    for k in written:
        if handles[k].requires_grad or anchors[k].requires_grad:
            raise Unseen("changes a tensor in place that requires grad")
        if _core.shares_memory(handles[k]):
            raise Unseen("changes a tensor in place that shares memory")
    return same


def check_fresh(output: Any, anchors: list[Any]) -> None:
    kind: Any = type(output)
    if kind is not tensor_type():
        raise Unseen(f"returns a {kind.__name__}")
    if _core.shares_memory(output) or any(_core.same_node(output, anchor) for anchor in anchors):
        raise Unseen("returns a view, which shares memory with another tensor")


def check_constants(tree: Any) -> None:
    if tree.kind == "value" and not isinstance(tree.data, (int, float, complex, str, bytes, type(None))):
        if not trusted_constant(tree.data):
            raise Unseen(f"returns a {type(tree.data).__name__}")
    for child in tree.children:
        check_constants(child)
