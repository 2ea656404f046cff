"""From a layout file to a compiled program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from .comptime import types as t
from .comptime.faults import Fault
from .comptime.layout import Layout, Tile
from .comptime.literals import suggestion
from .comptime.modules import Instance
from .comptime.scope import Scope
from .comptime.session import LIBRARY, STEP_LIMIT, Session, deep_recursion
from .comptime.values import Value, key_of
from .diagnostics import Diagnostic
from .ir import Program, Route, TileClass
from .lower.checks import check_class, check_configured_once, check_layout_colors
from .lower.link import Linker, ir_span
from .lower.routing import check_routes

ARCHES = ("wse2", "wse3")


def compile_program(
    layout: str | Path,
    arch: str = "wse3",
    params: Mapping[str, object] | None = None,
    colors: Mapping[str, int] | None = None,
    fabric_dims: tuple[int, int] = (0, 0),
    fabric_offsets: tuple[int, int] = (4, 1),
    import_paths: Iterable[str | Path] = (),
    library: Path = LIBRARY,
    step_limit: int = STEP_LIMIT,
    memcpy: bool = True,
) -> tuple[Program | None, list[Diagnostic]]:
    """Compile a layout file and the programs that it puts on its PEs.

    Args:
        layout: path of the file with the layout block.
        arch: "wse2" or "wse3".
        params: values of the layout's parameters; text is read as a number or as `true` and `false`.
        colors: further parameters of type color.
        fabric_dims: width and height of the whole fabric; (0, 0) if it does not matter.
        fabric_offsets: where the rectangle lies in it.
        import_paths: folders in which imports are looked for, after that of the importing file.
        library: folder of the SDK libraries.
        step_limit: how many steps comptime code may take.
        memcpy: whether the host copies and launches, for which the runtime keeps some queues to itself.

    Returns:
        The program, None if there are errors; and all findings.

    Raises:
        ValueError: `arch` is none of the two.

    Example:
        >>> import pyflame as pf
        >>> program, found = pf.csl.compile_program("does_not_exist.csl")
        >>> program is None, found[0].code
        (True, 'import-not-found')
    """
    if arch not in ARCHES:
        raise ValueError(f"[csl] arch is {arch!r}: wse2 and wse3 are known")
    session = Session(arch, tuple(Path(path) for path in import_paths), library, step_limit)
    session.memcpy = memcpy
    program = None
    with deep_recursion():
        try:
            root = _root(session, str(layout), dict(params or {}), dict(colors or {}))
            program = _build(session, root, fabric_dims, fabric_offsets, params or {}, colors or {})
        except Fault as fault:
            session.report.fault(fault)
        except RecursionError:
            session.report.error("call-depth", None, "the program nests deeper than this front end follows")
    if session.report.failed:
        program = None
    return program, session.report.all()


def _root(session: Session, path: str, params: dict[str, object], colors: dict[str, int]) -> Instance:
    file = session.open(path, None)
    values = {name: parameter(name, given) for name, given in params.items()}
    values |= {name: Value(t.COLOR, number) for name, number in colors.items()}
    for name in values:
        if name not in file.params:
            hint = suggestion(name, file.params)
            session.report.warning("unknown-param", None, f"{path} declares no parameter {name!r}", hint)
    for name, decl in file.params.items():  # `--params` has no way to write a color
        if name in params and decl.type is not None and values[name].type == t.COMPTIME_INT:
            type_ = _plain_type(session, file, name)
            if type_ in t.IDS:
                values[name] = Value(type_, values[name].data)
    return Instance(session, file, values, ("layout",))


def _plain_type(session: Session, file: object, name: str) -> t.Type | None:
    """The type of a parameter where it is a plain name."""
    decl = file.params[name]  # type: ignore[attr-defined]
    return t.NAMED_TYPES.get(getattr(decl.type, "id", ""))


def parameter(name: str, given: object) -> Value:
    """The value of a parameter that comes from outside of the language."""
    if isinstance(given, bool):
        return Value(t.BOOL, given)
    if isinstance(given, int):
        return Value(t.COMPTIME_INT, given)
    if isinstance(given, float):
        return Value(t.COMPTIME_FLOAT, given)
    text = str(given).strip()
    if text in ("true", "false"):
        return Value(t.BOOL, text == "true")
    try:
        return Value(t.COMPTIME_INT, int(text, 0))
    except ValueError:
        pass
    try:
        return Value(t.COMPTIME_FLOAT, float(text))
    except ValueError:
        raise Fault(
            "value-range", None, f"parameter {name!r} is {text!r}: a number, true or false belongs there"
        ) from None


def _run_layout(session: Session, root: Instance) -> Layout:
    session.layout = Layout()
    session.prepare(root)
    block = root.file.layout
    if block is None:
        raise Fault("no-layout", None, f"{root.source.path} has no layout block", "give the file with 'layout { ... }'")
    span = root.span(block)
    try:
        session.evaluator.block(block.body, Scope(root, root.scope))
    except Fault as fault:
        session.report.fault(fault)
    if session.rectangle is None:
        raise _quiet(session, Fault("no-layout", span, "the layout sets no rectangle", "call @set_rectangle"))
    return session.layout


def _quiet(session: Session, fault: Fault) -> Fault:
    """A fault that follows from others is not told."""
    fault.reported = session.report.failed
    return fault


def _build(
    session: Session,
    root: Instance,
    fabric: tuple[int, int],
    offsets: tuple[int, int],
    params: Mapping[str, object],
    colors: Mapping[str, int],
) -> Program | None:
    layout = _run_layout(session, root)
    assert session.rectangle is not None
    width, height = session.rectangle
    everywhere = [(x, y) for y in range(height) for x in range(width)]
    missing = next((at for at in everywhere if at not in layout.tiles), None)
    if missing is not None:
        message = f"PE {missing} has no code"
        raise _quiet(session, Fault("no-tile-code", layout.span, message, "call @set_tile_code for every PE"))
    session.layout = None
    classes: dict[object, tuple[int, Linker, TileClass | None]] = {}
    grid: dict[tuple[int, int], int] = {}
    for at in everywhere:
        tile = layout.tiles[at]
        key = (tile.path, tuple((name, key_of(value)) for name, value in sorted(tile.params.items())))
        found = classes.get(key)
        if found is None:
            linker = _linker(session, tile, at)
            compiled = linker.link(layout)
            if compiled is not None:
                check_class(session, linker, layout)
            found = classes[key] = (len(classes), linker, compiled)
        grid[at] = found[0]
    if session.report.failed:
        return None
    ordered = list(classes.values())
    routes = _routes(session, layout, grid, [linker for _, linker, _ in ordered])
    check_layout_colors(session, layout)
    for name, declared in layout.exports.items():
        if name not in layout.exported:
            message = f"no program exports the name {name!r}"
            session.report.warning(
                "unknown-export", declared.span, message, "call @export_symbol in its comptime block"
            )
    check_routes(session, routes, width, height, fabric, offsets)
    return Program(
        arch=session.arch,
        width=width,
        height=height,
        classes=tuple(compiled for _, _, compiled in ordered if compiled is not None),
        grid=tuple(tuple(grid[x, y] for x in range(width)) for y in range(height)),
        routes=tuple(tuple(routes[x, y] for x in range(width)) for y in range(height)),
        files=tuple(source.path for source in session.sources),
        fabric=fabric,
        offsets=offsets,
        params={name: str(value) for name, value in params.items()},
        colors=dict(colors),
        streams=dict(session.streams),
    )


def _linker(session: Session, tile: Tile, at: tuple[int, int]) -> Linker:
    session.members = {}
    instance = session.instance(tile.path, tile.params, ("tile",), tile.span)
    name = f"{Path(tile.path).stem} at PE {at}"
    return Linker(session, instance, name, tile.span)


def _routes(
    session: Session, layout: Layout, grid: dict[tuple[int, int], int], linkers: list[Linker]
) -> dict[tuple[int, int], dict[int, Route]]:
    known: dict[int, Route] = {}
    local = [linker.colors() for linker in linkers]
    routes = {}
    for at, number in grid.items():
        given = layout.colors.get(at, {})
        check_configured_once(session, at, given, local[number])
        configs = local[number] | given
        found = {}
        for color, config in configs.items():
            route = known.get(id(config))
            if route is None:
                route = known[id(config)] = config.at(ir_span(session, config.span.source, config.span.start))
            found[color] = route
        routes[at] = found
    return routes
