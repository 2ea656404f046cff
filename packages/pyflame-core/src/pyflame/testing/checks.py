"""Checks of what others write: graph passes, functions of tensors with layouts, and memory that is given back."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .. import _core
from .._layouts import to_layout
from .._tensor import Tensor
from ..graph import execute_graph
from ..layout import MeshLayout
from ..ops.creation import from_numpy
from .compare import assert_close
from .graphs import random_arguments, random_graph

if TYPE_CHECKING:
    from ..graph import Graph
    from ..optimize import Pass

_LAYOUTS = (
    MeshLayout.row_partition(2),
    MeshLayout.col_partition(3),
    MeshLayout.grid(2, 2),
    MeshLayout.replicated(2, 2),
)


def check_pass(
    pass_: Pass | Callable[[Graph], Graph],
    *,
    num_graphs: int = 20,
    n_ops: int = 25,
    rtol: float = 1e-5,
    atol: float = 1e-6,
) -> None:
    """Check a graph pass on random graphs: it leaves its operand alone, keeps inputs and results, and is valid.

    Args:
        pass_: pass, or function from graph to graph.
        num_graphs: how many graphs to try.
        n_ops: about how many operations each has.
        rtol, atol: tolerances of the results.

    Raises:
        AssertionError: a graph was changed or gives other results; the message names its seed.
        GraphError: the pass made a graph that breaks a rule of the IR.

    Example:
        >>> import pyflame as pf
        >>> pf.testing.check_pass(pf.optimize.fold_constants, num_graphs=2)
    """
    run: Callable[[Graph], Graph] = pass_ if callable(pass_) else pass_.run
    for seed in range(num_graphs):
        graph = random_graph(seed, n_ops)
        name, before = f"[check_pass] random_graph({seed}, {n_ops})", graph.fingerprint()
        made = run(graph)
        made.validate()
        if graph.fingerprint() != before:
            raise AssertionError(f"{name} was changed: a pass returns a new graph")
        for what in ("inputs", "outputs"):
            kept, now = ([_spec(g, place) for place in getattr(g, what)] for g in (graph, made))
            if kept != now:
                raise AssertionError(f"{name} has {what} {kept}, the pass made {now}")
        arguments = [from_numpy(array) for array in random_arguments(graph, seed)]
        try:
            assert_close(_results(made, arguments), _results(graph, arguments), rtol=rtol, atol=atol, equal_nan=True)
        except AssertionError as error:
            raise AssertionError(f"{name} has other results after the pass: {error}") from None


def _spec(graph: Graph, place: Any) -> Any:
    spec = place.output_spec if hasattr(place, "output_spec") else graph.spec(place)
    return spec.dtype.name, spec.shape


def _results(graph: Graph, arguments: Sequence[Tensor]) -> tuple[Tensor, ...]:
    found = execute_graph(graph, arguments)
    return found if isinstance(found, tuple) else (found,)


def check_layouts(fn: Callable[..., Any], *args: Tensor, layouts: Sequence[MeshLayout] = _LAYOUTS) -> None:
    """Check that a function gives the same values wherever its operands are placed.

    Args:
        fn: a function of tensors that gives one.
        args: its operands.
        layouts: what to place the operands in, all of them in each layout, and each of them alone.

    Raises:
        AssertionError: values, shape or dtype depend on the layout; the message names it.

    Example:
        >>> import pyflame as pf
        >>> pf.testing.check_layouts(pf.matmul, pf.ones(4, 6), pf.ones(6, 4))
    """
    expected = fn(*args)
    for layout in layouts:
        chosen = [range(len(args)), *([k] for k in range(len(args)) if len(args) > 1)]
        for places in chosen:
            moved = [to_layout(x, layout) if k in places else x for k, x in enumerate(args)]
            try:
                assert_close(to_layout(fn(*moved), None), expected, rtol=0.0, atol=0.0, equal_nan=True)
            except AssertionError as error:
                raise AssertionError(f"[check_layouts] with operands {list(places)} in {layout}: {error}") from None


@contextmanager
def assert_no_leak(*, nodes: int = 0, num_bytes: int = 0) -> Iterator[None]:
    """Check that a `with` block leaves no tensors behind: neither memory nor nodes of graphs.

    What the first run of some code caches is no leak: run it once before.

    Args:
        nodes: how many nodes more than before are fine.
        num_bytes: how many bytes more than before are fine.

    Raises:
        AssertionError: there are more.

    Example:
        >>> import pyflame as pf
        >>> with pf.testing.assert_no_leak():
        ...     x = pf.ones(1000).exp().sum().item()
    """
    gc.collect()
    before = _core.stats()
    yield
    gc.collect()
    after = _core.stats()
    for key, what, allowed in (("live_nodes", "nodes", nodes), ("live_bytes", "bytes", num_bytes)):
        more = after[key] - before[key]
        if more > allowed:
            raise AssertionError(
                f"[assert_no_leak] {more} {what} more than before are alive, {allowed} are allowed: "
                "a list, a cache or a closure still holds tensors, or a graph that leads to them"
            )
