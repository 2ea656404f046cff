"""Plans: building them before they are needed, looking at them, and collecting what is recorded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _core
from ._core import TensorBase
from ._replay import MAX_KINDS, Replays as Replays
from ._replay_effects import compiling as compiling, postpone as postpone, when_replayed as when_replayed
from ._replay_state import acts as acts, counts_changes as counts_changes

if TYPE_CHECKING:
    from ._tensor import Tensor
    from .graph.ir import Graph
    from .layout import MeshLayout


@dataclass(frozen=True, slots=True)
class CompilationInfo:
    """A plan that is ready to run.

    Args:
        num_nodes: recorded operations and values.
        num_kernels: steps of the plan.
        kernels: the operations of each step, joined by + where they run as one.
        fused_nodes: operations that share a step with others.
        peak_bytes: memory that a run will need at once, for temporaries, constants and results.
        pass_seconds: what each pass took when the plan was built.
    """

    num_nodes: int
    num_kernels: int
    kernels: tuple[str, ...]
    fused_nodes: int
    peak_bytes: int
    pass_seconds: dict[str, float]

    @property
    def total_seconds(self) -> float:
        """What all passes took."""
        return sum(self.pass_seconds.values())


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, TensorBase):
        yield given  # type: ignore[misc]
    elif isinstance(given, (tuple, list)):
        for item in given:
            yield from _tensors(item)
    elif isinstance(given, dict):
        yield from _tensors(list(given.values()))


def compile_graph(out: Tensor | list[Tensor] | tuple[Tensor, ...], optimize: bool = True) -> CompilationInfo:
    """Build the plan for tensors without running it; evaluating them then finds it.

    Args:
        out: a tensor or several, computed together.
        optimize: False plans every operation as a step of its own, in recorded order, for comparison; that plan is
            not kept.

    Raises:
        TypeError: there is no tensor in `out`.

    Example:
        >>> import pyflame as pf
        >>> pf.compile_graph(pf.exp(pf.rand(4) + 1) * 2).kernels
        ('uniform', 'add+exp+mul')
    """
    listed = list(_tensors(out))
    if not listed:
        raise TypeError(f"[compile_graph] got {type(out).__name__}: expected a tensor or a list of tensors")
    report = _core.compile_report(listed, bool(optimize))
    return CompilationInfo(
        num_nodes=report["nodes"],
        num_kernels=len(report["kernels"]),
        kernels=tuple(report["kernels"]),
        fused_nodes=report["fused_nodes"],
        peak_bytes=report["peak_bytes"],
        pass_seconds=dict(report["passes"]),
    )


def count_change(attribute: bool = True) -> None:
    """Say that something compiled functions may have read has changed.

    Args:
        attribute: of an object whose class was given to `counts_changes`: compiled functions compare these.

    Example:
        >>> import pyflame as pf
        >>> pf.compilation.count_change()
    """
    _core.count_change(attribute)


def value_key(tensors: list[Tensor]) -> bytes | None:
    """Return bytes that stay the same as long as the tensors do, with the values they have now.

    They hold for these objects: keep the list beside the bytes.

    Returns:
        None where a value is pending, or where gradients of a tensor are recorded.

    Example:
        >>> import pyflame as pf
        >>> tensors = [pf.zeros(2), pf.eval(pf.ones(2))]
        >>> pf.compilation.value_key(tensors) is None
        True
        >>> before = pf.compilation.value_key(pf.eval(tensors))
        >>> pf.eval(tensors[0].add_(1.0)).tolist(), pf.compilation.value_key(tensors) == before
        ([1.0, 1.0], False)
    """
    return _core.value_key(tensors)


class CompiledFunction:
    """What `compile` returns: called like the function, with a plan ready for each kind of arguments."""

    def __init__(self, function: Callable[..., Any], dynamic: bool, layout: MeshLayout | None) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function, self._dynamic, self._layout = function, dynamic, layout
        self._plans: dict[Any, CompilationInfo] = {}
        self._replays = Replays(function)

    @property
    def replays(self) -> int:
        """How many calls were replayed, without running the function's Python code."""
        return self._replays.count

    @property
    def fallback_reasons(self) -> tuple[str, ...]:
        """Why calls of some kinds of arguments run the function each time."""
        return self._replays.reasons

    @property
    def plans(self) -> tuple[CompilationInfo, ...]:
        """What was compiled, one entry for each of the first 64 kinds of arguments."""
        return tuple(self._plans.values())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._layout is not None:
            args, kwargs = self._placed(args), self._placed(kwargs)
        replayed = self._replays.count
        result = self._replays.call(args, kwargs)
        if self._replays.count != replayed:
            return result
        kind = self._kind((args, kwargs))
        if kind not in self._plans and len(self._plans) < MAX_KINDS:
            outputs = list(_tensors(result))
            if outputs:
                self._plans[kind] = compile_graph(outputs)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def _placed(self, given: Any) -> Any:
        if isinstance(given, TensorBase):
            return given.to_layout(self._layout)  # type: ignore[attr-defined]
        if isinstance(given, (tuple, list)):
            return type(given)(map(self._placed, given))
        if isinstance(given, dict):
            return {key: self._placed(item) for key, item in given.items()}
        return given

    def _kind(self, given: Any) -> Any:
        if isinstance(given, TensorBase):
            return (given.ndim if self._dynamic else tuple(given.shape)), given.dtype, given.requires_grad
        if isinstance(given, (tuple, list)):
            return tuple(map(self._kind, given))
        if isinstance(given, dict):
            return tuple((key, self._kind(item)) for key, item in given.items())
        return type(given)


def compile(fn_or_module: Any = None, *, dynamic: bool = False, layout: MeshLayout | None = None) -> Any:
    """Return a callable that computes the same, without running Python code where that can be avoided.

    The first call with arguments of a kind (shapes, dtypes, layouts, gradients wanted, values of everything that is no
    tensor) runs the function, builds its plan, and keeps what it records. Further calls of that kind record the same
    without running it, as long as what it read beside its arguments is unchanged: global variables, variables of
    enclosing functions, and the attributes, parameters and buffers of modules. Random draws move on, changes in place
    happen, and gradients flow as if it had run. It may be a whole training step: `backward` leaves gradients, and the
    `step` of optimizers and schedulers is called each time. A function that asks for values of tensors, prints, reads
    parameters after an optimizer's step, or reads or changes what cannot be watched runs each time; `fallback_reasons`
    says why. It can be used as a decorator. Threads may share it; while one of them makes the first calls of a kind,
    others must leave the parameters, buffers and other tensors that the function reads alone.

    Args:
        fn_or_module: a function or module; attributes of a module can be reached as before.
        dynamic: show one plan for all sizes of arguments with the same number of dimensions.
        layout: convert tensor arguments to this layout.

    Raises:
        TypeError: the argument cannot be called.

    Example:
        >>> import pyflame as pf
        >>> @pf.compile
        ... def f(x):
        ...     return pf.tanh(x) * 2
        >>> _ = f(pf.rand(3)), f(pf.rand(3)), f(pf.rand(4))
        >>> [plan.kernels for plan in f.plans]
        [('uniform', 'tanh+mul'), ('uniform', 'tanh+mul')]
        >>> f.replays, f.fallback_reasons
        (1, ())
    """
    if fn_or_module is None:
        return functools.partial(compile, dynamic=dynamic, layout=layout)
    if not callable(fn_or_module):
        raise TypeError(f"[compile] got {type(fn_or_module).__name__}: expected a function or a module")
    return CompiledFunction(fn_or_module, dynamic, layout)


def get_graph_stats(t: Tensor) -> dict[str, int]:
    """Count what a pending tensor will need.

    Returns:
        num_nodes, num_ops and estimated_memory_bytes, the bytes of all values of the graph.

    Example:
        >>> import pyflame as pf
        >>> pf.get_graph_stats(pf.rand(4).exp())["num_ops"]
        2
    """
    from .graph import get_graph

    graph = get_graph(t)
    return {
        "num_nodes": graph.num_nodes,
        "num_ops": graph.num_ops,
        "estimated_memory_bytes": graph.estimated_memory_bytes,
    }


class GraphScope:
    """What is recorded while the scope is active. It keeps all of it alive, until `clear` or its own end."""

    def __init__(self) -> None:
        self._collected = _core.Collected()

    def __len__(self) -> int:
        return len(self._collected)

    @property
    def num_ops(self) -> int:
        """How many operations were recorded."""
        return len(self._collected)

    @property
    def results(self) -> list[Tensor]:
        """The tensors recorded inside that nothing else inside depends on."""
        return self._collected.results()

    @property
    def graph(self) -> Graph:
        """What leads to the results."""
        from .graph import get_graph

        return get_graph(*self.results)

    def clear(self) -> None:
        """Forget what was recorded."""
        self._collected.clear()


_active: list[GraphScope] = []


def create_graph() -> GraphScope:
    """Make a scope that nothing is recorded in yet; see `reuse_graph`.

    Example:
        >>> import pyflame as pf
        >>> len(pf.create_graph())
        0
    """
    return GraphScope()


@contextmanager
def reuse_graph(g: GraphScope) -> Iterator[GraphScope]:
    """Record into a scope inside a `with` block, in addition to what it has.

    Raises:
        RuntimeError: the scope is active already.

    Example:
        >>> import pyflame as pf
        >>> scope = pf.create_graph()
        >>> for _ in range(2):
        ...     with pf.reuse_graph(scope):
        ...         x = pf.rand(2) * 3
        >>> scope.num_ops
        4
    """
    if g in _active:
        raise RuntimeError("[reuse_graph] the scope is active already: leave it first")
    g._collected.enter()
    _active.append(g)
    try:
        yield g
    finally:
        _active.remove(g)
        g._collected.leave()


@contextmanager
def graph_scope() -> Iterator[GraphScope]:
    """Collect what is recorded inside a `with` block.

    Example:
        >>> import pyflame as pf
        >>> with pf.graph_scope() as scope:
        ...     y = pf.rand(2).exp()
        >>> scope.graph.num_ops
        2
    """
    with reuse_graph(GraphScope()) as scope:
        yield scope


def current_graph() -> GraphScope | None:
    """Return the innermost active scope, None outside of all.

    Example:
        >>> import pyflame as pf
        >>> pf.current_graph() is None
        True
    """
    return _active[-1] if _active else None
