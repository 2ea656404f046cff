"""Hooks on values and on memory."""

from __future__ import annotations

import pyflame as pf


def test_tensor_hook_sees_computation_and_change() -> None:
    x = pf.ones(2) + 1
    seen: list[list[float]] = []
    handle = pf.hooks.register_tensor_hook(x, lambda t: seen.append(t.tolist()))
    assert seen == []
    pf.eval(x)
    x.mul_(3)
    pf.eval(x)
    assert seen == [[2.0, 2.0], [6.0, 6.0]]
    handle.remove()
    x.add_(1).eval()
    assert len(seen) == 2


def test_tensor_hook_of_a_leaf_follows_its_updates() -> None:
    x = pf.ones(2, requires_grad=True)
    seen: list[float] = []
    pf.hooks.register_tensor_hook(x, lambda t: seen.append(t.sum().item()))
    for _ in range(2):
        with pf.no_grad():
            x.add_(1)
        pf.eval(x)
    assert seen[-1] == 6.0


def test_alloc_hook_balances() -> None:
    events: list[pf.hooks.AllocEvent] = []
    with pf.hooks.register_alloc_hook(events.append):
        x = pf.eval(pf.rand(100) + 1)
        assert any(event.kind == "allocate" and event.bytes >= 400 for event in events)
        del x
    count = len(events)
    assert events[-1].kind == "release" and events[-1].op is None
    pf.eval(pf.rand(100))
    assert len(events) == count
