"""Checks of a whole tile class: ids, queues and colors that cannot work together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..comptime.effects import Bind, LocalColor, QueueColor, StateChange, TeardownHandler
from ..comptime.faults import Fault
from ..comptime.values import DsdValue
from ..dsd import DsdKind
from ..ir import IdSpace
from ..syntax.source import Span

if TYPE_CHECKING:
    from ..comptime.layout import Layout
    from ..comptime.routes import RouteConfig
    from ..comptime.session import Session
    from .link import Linker

RESERVED_COLORS = range(21, 24)  # of the runtime that carries the host's commands
RESERVED_TASKS = {27: "the runtime", 28: "the runtime", 29: "teardown", 30: "the runtime"}
RESERVED_QUEUES = {"wse2": ({0}, set()), "wse3": ({0, 1}, {0, 1})}  # input, output


def check_class(session: Session, linker: Linker, layout: Layout) -> None:
    """Report what the parts of one PE's program take from each other or from the runtime."""
    _check_binds(session, linker)
    _check_queues(session, linker)
    _check_uses(session, linker)
    for effect in linker.of(LocalColor):
        _check_color(session, effect.color, effect.span, routed=True)
    handlers: dict[int, Span] = {}
    for effect in linker.of(TeardownHandler):
        if effect.color in handlers:
            session.report.error(
                "duplicate-name", effect.span, f"color {effect.color} has two teardown handlers", "keep one of them"
            )
        handlers[effect.color] = effect.span


def check_configured_once(
    session: Session, at: tuple[int, int], layout: dict[int, RouteConfig], program: dict[int, RouteConfig]
) -> None:
    """Report colors of a PE that the layout and its program configure differently."""
    for color in sorted(layout.keys() & program.keys()):
        if layout[color] != program[color]:
            fault = Fault(
                "duplicate-name",
                program[color].span,
                f"color {color} has one configuration here and another in the layout",
                "keep one of them",
            )
            fault.through(layout[color].span, f"that of the layout for PE {at}")
            session.report.fault(fault)


def check_layout_colors(session: Session, layout: Layout) -> None:
    """Report colors that the layout must not route."""
    for configs in layout.colors.values():
        for color, config in configs.items():
            _check_color(session, color, config.span, routed=True)


def _check_color(session: Session, color: int, span: Span, routed: bool) -> None:
    if color in RESERVED_COLORS:
        session.report.error("reserved-color", span, f"color {color} belongs to the runtime", "colors 0 to 20 are free")
    names = [name for name, stream in session.streams.items() if stream == color]
    if routed and names:
        session.report.error(
            "stream-color-routed",
            span,
            f"color {color} is {names[0]}: the runtime routes it",
            "leave the color of a stream without a configuration",
        )


def _check_binds(session: Session, linker: Linker) -> None:
    taken: dict[tuple[IdSpace, int], Bind] = {}
    for bind in linker.of(Bind):
        key = (bind.space, bind.id)
        library = bind.task.instance.file.library
        if key in taken:
            other = taken[key].task.name
            session.report.error(
                "duplicate-bind",
                bind.span,
                f"{_name(key)} is bound to {other!r} already and now to {bind.task.name!r}",
                "give each task an id of its own",
            )
        taken[key] = bind
        if bind.space == IdSpace.LOCAL_TASK and bind.id in RESERVED_TASKS and not library:
            session.report.error(
                "reserved-task-id",
                bind.span,
                f"local task id {bind.id} belongs to {RESERVED_TASKS[bind.id]}",
                "choose another id",
            )
        if bind.space == IdSpace.DATA_TASK and session.arch == "wse2":
            _check_color(session, bind.id, bind.span, routed=False)
    if session.arch == "wse2":
        for (space, number), bind in taken.items():
            if space == IdSpace.LOCAL_TASK and (IdSpace.DATA_TASK, number) in taken:
                other = taken[IdSpace.DATA_TASK, number].task.name
                session.report.error(
                    "id-clash",
                    bind.span,
                    f"local task id {number} is also the color of data task {other!r}: wse2 has one id space for both",
                    "choose a local task id that is no color in use",
                )


def _name(key: tuple[IdSpace, int]) -> str:
    return f"{key[0].name.lower().replace('_', ' ')} id {key[1]}"


def _check_queues(session: Session, linker: Linker) -> None:
    colors: dict[tuple[bool, int], QueueColor] = {}
    reserved = RESERVED_QUEUES[session.arch] if session.memcpy else (set(), set())
    for effect in linker.of(QueueColor):
        key = (effect.output, effect.queue)
        before = colors.setdefault(key, effect)
        if before.color != effect.color:
            session.report.error(
                "queue-shared",
                effect.span,
                f"{_queue(key)} serves color {before.color} already and now color {effect.color}",
                "give each color a queue of its own",
            )
        _check_color(session, effect.color, effect.span, routed=False)
    for dsd in linker.packer.used():
        if dsd.kind in (DsdKind.FABIN, DsdKind.FABOUT) and not dsd.partial:
            _check_fabric(session, linker, dsd, colors, reserved)
    if session.arch == "wse3":
        for bind in linker.of(Bind):
            if bind.space == IdSpace.DATA_TASK and (False, bind.id) not in colors:
                _uninitialised(session, (False, bind.id), bind.span)


def _check_fabric(
    session: Session,
    linker: Linker,
    dsd: DsdValue,
    colors: dict[tuple[bool, int], QueueColor],
    reserved: tuple[set[int], set[int]],
) -> None:
    key = (dsd.kind == DsdKind.FABOUT, dsd.queue)
    span = linker.span
    if dsd.queue in reserved[key[0]]:
        session.report.error(
            "reserved-queue", span, f"{linker.name}: {_queue(key)} belongs to the runtime", "choose another queue"
        )
    if dsd.color in RESERVED_COLORS:
        _check_color(session, dsd.color, span, routed=False)
    if session.arch != "wse3":
        return
    effect = colors.get(key)
    if effect is None:
        _uninitialised(session, key, span)


def _uninitialised(session: Session, key: tuple[bool, int], span: Span) -> None:
    session.report.warning(  # an error only when a PE comes to use it
        "queue-uninitialised",
        span,
        f"{_queue(key)} is used but has no color",
        "call @initialize_queue(queue, .{ .color = ... }) in a comptime block",
    )


def _queue(key: tuple[bool, int]) -> str:
    return f"{'output' if key[0] else 'input'} queue {key[1]}"


def _check_uses(session: Session, linker: Linker) -> None:
    """Report ids that are activated without a task, and ids that are blocked for good."""
    seen: dict[str, dict[tuple[IdSpace, int], Span]] = {"activate": {}, "block": {}, "unblock": {}}
    uses = [(effect.kind, effect.use, effect.span) for effect in linker.of(StateChange)]
    for code in linker.codes.values():
        uses += [(kind, use, Span(code.source, *at)) for kind, use, at in code.uses]
    for kind, use, span in uses:
        try:
            seen[kind].setdefault(linker.task_id(use, span), span)
        except Fault as fault:
            session.report.fault(fault)
    bound = {(bind.space, bind.id) for bind in linker.of(Bind)}
    for key, span in seen["activate"].items():
        if key not in bound:
            session.report.warning(
                "unbound-activate", span, f"{_name(key)} is activated but no task is bound to it", "bind a task to it"
            )
    for key, span in seen["block"].items():
        if key not in seen["unblock"] and not _unblocked_elsewhere(key, seen["unblock"]):
            session.report.warning(
                "never-unblocked", span, f"{_name(key)} is blocked and nothing unblocks it", "call @unblock"
            )


def _unblocked_elsewhere(key: tuple[IdSpace, int], unblocked: dict[tuple[IdSpace, int], Span]) -> bool:
    """Data tasks are also unblocked through their color or queue."""
    others = (IdSpace.COLOR, IdSpace.INPUT_QUEUE, IdSpace.DATA_TASK)
    return key[0] in others and any((space, key[1]) in unblocked for space in others)
