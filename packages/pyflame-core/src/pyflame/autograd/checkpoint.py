"""Checkpoints: less memory for a second computation.

What a checkpointed function records is marked. Of it, no intermediate value is kept for backward: where a gradient
needs one, backward records the operations again, from the tensors that came in. Parameters of operations repeat too, so
random draws do, whatever the generators have done since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import _core
from .._core import TensorBase


def _leave(result: Any) -> Any:
    """Results belong to what comes after, which keeps them as it keeps any tensor."""
    if isinstance(result, TensorBase):
        return _core.ops.alias(result) if _core.in_checkpoint(result) else result
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*map(_leave, result))
    if isinstance(result, (tuple, list)):
        return type(result)(map(_leave, result))
    if isinstance(result, dict):
        return type(result)((key, _leave(value)) for key, value in result.items())
    return result


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function without keeping what its gradient needs; backward computes that again.

    The Python function runs once: backward repeats the recorded operations. An intermediate tensor somebody holds, or
    whose value was asked for inside, is kept.

    Args:
        function: called with the other arguments; its results are tensors, or tuples, lists or dicts of them.
        use_reentrant: only False is available.
        preserve_rng_state: random draws repeat in any case.

    Returns:
        What the function returns.

    Raises:
        NotImplementedError: with use_reentrant=True.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.utils.checkpoint import checkpoint
        >>> x = pf.tensor([0.0, 1.0], requires_grad=True)
        >>> checkpoint(lambda x: (x.exp() * 2).log(), x).sum().backward()
        >>> x.grad
        tensor([1., 1.])
    """
    if use_reentrant:
        raise NotImplementedError(
            "[checkpoint] use_reentrant=True is not available: the form without it computes the same; leave it out"
        )
    if not _core.grad_enabled():
        return function(*args, **kwargs)
    inside = _core.recording_checkpoint(True)
    try:
        result = function(*args, **kwargs)
    finally:
        _core.recording_checkpoint(inside)
    return result if inside else _leave(result)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool = False, preserve_rng_state: bool = True
) -> Any:
    """Call functions one after the other, in checkpointed groups.

    Args:
        functions: functions of one argument, such as a Sequential.
        segments: number of groups; the last one is not checkpointed, as its values are needed first.
        input: of the first function.
        use_reentrant: only False is available.
        preserve_rng_state: random draws repeat in any case.

    Raises:
        ValueError: segments is not positive or exceeds the number of functions.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.utils.checkpoint import checkpoint_sequential
        >>> x = pf.tensor([0.0, 1.0], requires_grad=True)
        >>> checkpoint_sequential([pf.exp, pf.sin, pf.cos, pf.tanh], 2, x).shape
        pyflame.Size([2])
    """
    listed: Sequence[Callable[[Any], Any]] = list(functions.children() if hasattr(functions, "children") else functions)
    if not 0 < segments <= len(listed):
        raise ValueError(
            f"[checkpoint_sequential] {len(listed)} functions, {segments} segments: expected between 1 and as many"
        )
    size = len(listed) // segments

    def run(group: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def call(x: Any) -> Any:
            for function in group:
                x = function(x)
            return x

        return call

    for start in range(0, size * (segments - 1), size):
        group = run(listed[start : start + size])
        input = checkpoint(group, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return run(listed[size * (segments - 1) :])(input)
