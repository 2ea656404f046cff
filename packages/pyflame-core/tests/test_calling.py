"""Objects that are called through their forward."""

from __future__ import annotations

from typing import Any

import pytest

from pyflame.calling import CallsForward


class Pair(CallsForward):
    _hooks: Any = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return args, kwargs


class Hooks:
    def call(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return target, args, kwargs


def test_arguments_reach_forward() -> None:
    pair = Pair()
    assert pair() == ((), {}) and pair(1) == ((1,), {})
    assert pair(1, 2, key=3) == ((1, 2), {"key": 3}) and pair(key=3) == ((), {"key": 3})


def test_a_forward_of_the_object_itself_comes_first() -> None:
    pair = Pair()
    pair.forward = lambda x: -x  # type: ignore[method-assign]
    assert pair(3) == -3 and pair(*[4]) == -4


def test_hooks_take_the_call() -> None:
    pair = Pair()
    pair._hooks = Hooks()
    assert pair(1) == (pair, (1,), {}) and pair(1, key=2) == (pair, (1,), {"key": 2})
    pair._hooks = None
    assert pair(1) == ((1,), {})


def test_what_forward_raises_arrives() -> None:
    class Refuses(Pair):
        def forward(self, x: Any) -> Any:
            raise ValueError(f"no {x}")

    with pytest.raises(ValueError, match="no 1"):
        Refuses()(1)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        Refuses()()
    with pytest.raises(AttributeError, match="_hooks"):
        CallsForward()()
