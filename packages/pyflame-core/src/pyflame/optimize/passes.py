"""Passes by name, their order, and what they did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from .._environment import optimization_level
from .._journal import note
from ..graph.ir import Graph
from ..layout import LayoutConstraints
from .algebra import simplify_algebra
from .common_subexpressions import eliminate_common_subexpressions
from .constants import fold_constants
from .dead_code import eliminate_dead_code
from .fusion import fuse_operations
from .layouts import optimize_layouts


class Pass:
    """A step of optimisation: a function from graph to graph that leaves its argument as it is.

    Args:
        name: for reports; by default the function's.
        function: what to run; subclasses define `run` instead.

    Example:
        >>> import pyflame as pf
        >>> Pass("nothing", lambda g: g)
        <Pass 'nothing'>
    """

    def __init__(self, name: str | None = None, function: Callable[[Graph], Graph] | None = None) -> None:
        self.name: str = name or str(getattr(function, "__name__", type(self).__name__))
        self._function = function

    def run(self, g: Graph) -> Graph:
        """The optimised graph.

        Raises:
            NotImplementedError: the pass has neither a function nor a `run` of its own.
        """
        if self._function is None:
            raise NotImplementedError(f"[optimize] {type(self).__name__} has no function and defines no run(g)")
        return self._function(g)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


class ConstantFolding(Pass):
    """`fold_constants` as a pass."""

    def __init__(self) -> None:
        super().__init__("fold_constants", fold_constants)


class DeadCodeElimination(Pass):
    """`eliminate_dead_code` as a pass."""

    def __init__(self) -> None:
        super().__init__("eliminate_dead_code", eliminate_dead_code)


class CommonSubexpressionElimination(Pass):
    """`eliminate_common_subexpressions` as a pass."""

    def __init__(self) -> None:
        super().__init__("eliminate_common_subexpressions", eliminate_common_subexpressions)


class AlgebraicSimplification(Pass):
    """`simplify_algebra` as a pass."""

    def __init__(self) -> None:
        super().__init__("simplify_algebra", simplify_algebra)


class OperatorFusion(Pass):
    """`fuse_operations` as a pass."""

    def __init__(self) -> None:
        super().__init__("fuse_operations", fuse_operations)


class LayoutOptimization(Pass):
    """`optimize_layouts` as a pass.

    Args:
        constraints: limits and preferences of the planner.
    """

    def __init__(self, constraints: LayoutConstraints | None = None) -> None:
        super().__init__("optimize_layouts", lambda g: optimize_layouts(g, constraints))


@dataclass(frozen=True, slots=True)
class PassReport:
    """What one pass did.

    Args:
        name: of the pass.
        nodes_before: nodes of the graph it got.
        nodes_after: nodes of the graph it made.
        seconds: how long it took.
    """

    name: str
    nodes_before: int
    nodes_after: int
    seconds: float


class PassManager:
    """Runs passes in order and reports on each.

    Args:
        passes: passes, or names of registered ones.
        validate: check the graph after every pass.

    Example:
        >>> import pyflame as pf
        >>> g = pf.get_graph(pf.ones(4) + 0)
        >>> manager = PassManager(["fold_constants", "eliminate_dead_code"])
        >>> _ = manager.run(g)
        >>> [report.name for report in manager.report]
        ['fold_constants', 'eliminate_dead_code']
    """

    def __init__(self, passes: Sequence[Pass | str], *, validate: bool = False) -> None:
        self.passes = tuple(get_pass(item) if isinstance(item, str) else item for item in passes)
        self.validate = validate
        self.report: tuple[PassReport, ...] = ()

    def run(self, g: Graph) -> Graph:
        """The optimised graph; `report` then tells what each pass did.

        Args:
            g: graph; it stays as it is.

        Raises:
            GraphError: with `validate`, a pass broke a rule of the IR.
        """
        reports = []
        for item in self.passes:
            before, start = g.num_nodes, perf_counter()
            g = item.run(g)
            reports.append(PassReport(item.name, before, g.num_nodes, perf_counter() - start))
            if self.validate:
                g.validate()
        self.report = tuple(reports)
        return g


_registry: dict[str, Pass] = {
    item.name: item
    for item in (
        ConstantFolding(),
        DeadCodeElimination(),
        CommonSubexpressionElimination(),
        AlgebraicSimplification(),
        OperatorFusion(),
        LayoutOptimization(),
    )
}


def register_pass(name: str, pass_: Pass | Callable[[Graph], Graph]) -> None:
    """Make a pass known by a name, for `PassManager`.

    Args:
        name: new name.
        pass_: pass, or function from graph to graph.

    Raises:
        ValueError: the name is taken.

    Example:
        >>> import pyflame as pf
        >>> pf.optimize.register_pass("nothing", lambda g: g)
        >>> PassManager(["nothing"]).passes
        (<Pass 'nothing'>,)
    """
    if name in _registry:
        raise ValueError(f"[register_pass] the name {name!r} is taken")
    _registry[name] = pass_ if isinstance(pass_, Pass) else Pass(name, pass_)
    note(lambda: _registry.pop(name, None))


def get_pass(name: str) -> Pass:
    """A registered pass.

    Args:
        name: such as "fold_constants".

    Raises:
        ValueError: no pass has this name.

    Example:
        >>> get_pass("fold_constants").name
        'fold_constants'
    """
    if name not in _registry:
        raise ValueError(f"[optimize] there is no pass named {name!r}: choose one of {', '.join(_registry)}")
    return _registry[name]


def default_passes(level: int | None = None) -> list[Pass]:
    """The passes of an optimisation level.

    Args:
        level: 0 none, 1 dead code and constants, 2 also common subexpressions and algebra, 3 also fusion;
            None for that of PYFLAME_OPT_LEVEL, which is 2 unless set.

    Raises:
        ValueError: there is no such level.

    Example:
        >>> [item.name for item in default_passes(1)]
        ['eliminate_dead_code', 'fold_constants']
    """
    level = optimization_level() if level is None else level
    if level not in range(4):
        raise ValueError(f"[default_passes] there is no level {level}: choose 0, 1, 2 or 3")
    names = {
        0: [],
        1: ["eliminate_dead_code", "fold_constants"],
        2: ["eliminate_dead_code", "simplify_algebra", "fold_constants", "eliminate_common_subexpressions"],
    }
    names[3] = [*names[2], "fuse_operations"]
    return [_registry[name] for name in names[level]]
