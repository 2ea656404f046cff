"""A `Program` as flat arrays, the form in which the compiled simulator takes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import _sim
from ..ir import (
    IR_VERSION,
    SCALARS,
    DsdOp,
    DsdOptions,
    Function,
    Map,
    Operand,
    OperandKind,
    Program,
    Route,
    TileClass,
)

_OPS = {name: number for number, name in enumerate(_sim.OPS)}
_DSD_OPS = {name: number for number, name in enumerate(_sim.DSD_OPS)}
_SCALARS = {name: number for number, name in enumerate(SCALARS)}
_FILTERS = {"range": 1, "counter": 2}
_NO_OPERAND = Operand(OperandKind.SCALAR, 0)


def scalar_number(name: str) -> int:
    """The number by which the simulator knows the scalar type `name`; TypeError if there is none."""
    if name not in _SCALARS:
        raise TypeError(f"[csl] {name!r} is not a scalar type: {', '.join(SCALARS)}")
    return _SCALARS[name]


def _table(rows: Iterable[Sequence[int]], columns: int) -> np.ndarray[Any, Any]:
    flat = [value if value < 1 << 63 else value - (1 << 64) for row in rows for value in row]
    return np.array(flat, dtype=np.int64).reshape(-1, columns)


def _options(options: DsdOptions) -> list[int]:
    return [
        int(options.is_async),
        options.activate,
        options.unblock,
        int(options.unblock_space),
        options.on_control_activate,
        options.ut,
        options.index,
        options.priority,
        int(options.save_address),
        int(options.single_step),
    ]


def _operand(operand: Operand) -> list[int]:
    return [int(operand.kind), operand.value, int(operand.file)]


def _dsd_op(op: DsdOp) -> list[int]:
    if op.name not in _DSD_OPS:
        raise ValueError(f"[csl] unknown DSD operation {op.name!r}")
    operands = list(op.operands) + [_NO_OPERAND] * (4 - len(op.operands))
    if len(operands) != 4:
        raise ValueError(f"[csl] {op.name} has {len(op.operands)} operands, up to 4 are possible")
    cells = [cell for operand in operands for cell in _operand(operand)]
    return [_DSD_OPS[op.name], len(op.operands), *cells, *_options(op.options)]


def _map_operands(entry: Map) -> list[list[int]]:
    rows = []
    if entry.output is not None:
        rows.append([*_operand(entry.output), scalar_number(entry.output_type)])
    rows += [[*_operand(operand), scalar_number(name)] for operand, name in zip(entry.inputs, entry.types, strict=True)]
    return rows


def _code(functions: Sequence[Function]) -> dict[str, Any]:
    code: list[Sequence[int]] = []
    spans: list[Sequence[int]] = []
    heads: list[Sequence[int]] = []
    params: list[Sequence[int]] = []
    for function in functions:
        if len(function.spans) != len(function.code):
            raise ValueError(
                f"[csl] function {function.name}: {len(function.code)} instructions, {len(function.spans)} spans"
            )
        params += [[scalar_number(name)] for name in function.params]
        registers = max(function.registers, len(function.params), 1)
        has_result = function.result not in ("", "void")
        heads.append([len(code), len(function.code), registers, len(function.params), int(has_result)])
        for instr in function.code:
            if instr.op not in _OPS:
                raise ValueError(f"[csl] function {function.name}: unknown instruction {instr.op!r}")
            code.append((_OPS[instr.op], instr.dst, instr.a, instr.b, instr.imm))
        spans += [(span.file, span.line, span.column) for span in function.spans]
    return {
        "code": _table(code, 5),
        "spans": _table(spans, 3),
        "functions": _table(heads, 5),
        "params": _table(params, 1),
        "function_names": [function.name for function in functions],
    }


def _class(tile: TileClass) -> dict[str, Any]:
    for descriptor in tile.descriptors:
        if len(descriptor.extents) > 4 or len(descriptor.strides) != len(descriptor.extents):
            raise ValueError(f"[csl] class {tile.name}: a descriptor has up to 4 extents and as many strides")
    return {
        "name": tile.name,
        "memory": bytes(tile.memory),
        "symbol_names": [symbol.name for symbol in tile.symbols],
        "symbols": _table([(s.address, s.bytes, int(s.initialized)) for s in tile.symbols], 3),
        **_code(tile.functions),
        "tasks": _table([(int(task.space), task.id, task.function) for task in tile.tasks], 3),
        "dsd_ops": _table([_dsd_op(op) for op in tile.dsd_ops], 24),
        "maps": _table(
            [
                [entry.function, len(_map_operands(entry)), int(entry.output is not None), *_options(entry.options)]
                for entry in tile.maps
            ],
            13,
        ),
        "map_operands": _table([row for entry in tile.maps for row in _map_operands(entry)], 4),
        "dsr_loads": _table([[int(x.file), x.number, x.register, *_options(x.options)] for x in tile.dsr_loads], 13),
        "initial_dsrs": _table(
            [[int(file), number, dsd, *_options(options)] for file, number, dsd, options in tile.initial_dsrs], 13
        ),
        "descriptors": _table(
            [
                [
                    len(d.extents),
                    *(tuple(d.extents) + (0,) * (4 - len(d.extents))),
                    *(tuple(d.strides) + (0,) * (4 - len(d.strides))),
                    d.wraparound,
                ]
                for d in tile.descriptors
            ],
            10,
        ),
        "fifos": _table([(f.address, f.capacity, f.size, f.activate_push, f.activate_pop) for f in tile.fifos], 5),
        "strings": list(tile.strings),
        "input_queues": _table(tile.input_queues.items(), 2),
        "output_queues": _table(tile.output_queues.items(), 2),
        "teardown_handlers": _table(tile.teardown_handlers.items(), 2),
        "active": _table([(int(space), id) for space, id in tile.active], 2),
        "blocked": _table([(int(space), id) for space, id in tile.blocked], 2),
    }


def _route(route: Route) -> list[int]:
    positions = [(int(rx), int(tx)) for rx, tx in route.positions]
    while len(positions) > 1 and positions[-1] == (0, 0):  # invalid: the one before it is the last
        positions.pop()
    if not 1 <= len(positions) <= 4:
        raise ValueError(f"[csl] a route has {len(positions)} positions, 1 to 4 are possible")
    cells = [cell for pair in positions + [(0, 0)] * (4 - len(positions)) for cell in pair]
    values = dict(route.filter.values) if route.filter else {}
    if route.filter is None:
        kind, first, second = 0, 0, 0
    elif route.filter.kind == "counter":
        kind, first, second = 2, values.get("limit1", 0), values.get("max_counter", 0)
    elif route.filter.kind == "range":
        kind, first, second = 1, values.get("min_idx", 0), values.get("max_idx", 0xFFFF)
    else:
        raise ValueError(f"[csl] unknown filter {route.filter.kind!r}: one of {', '.join(_FILTERS)}")
    return [
        *(len(positions), *cells, route.current, int(route.ring), int(route.pop)),
        *(int(route.teardown), int(route.swap_x), int(route.swap_y), kind, first, second),
        *(values.get("init_counter", 0), int(values.get("count_data", 0)), int(values.get("count_control", 0))),
    ]


def _mask(streams: dict[str, int], prefix: str) -> int:
    return sum(1 << color for color in {color for name, color in streams.items() if name.startswith(prefix)})


def encode(program: Program) -> dict[str, Any]:
    """The arrays of `program`; ValueError for what cannot be encoded."""
    if program.version != IR_VERSION:
        raise ValueError(f"[csl] the program has IR version {program.version}, this simulator reads {IR_VERSION}")
    if program.arch not in ("wse2", "wse3"):
        raise ValueError(f"[csl] unknown architecture {program.arch!r}: wse2 or wse3")
    numbers: dict[int, int] = {}
    rows: list[Sequence[int]] = []
    places: list[Sequence[int]] = []
    for y, line in enumerate(program.routes):
        for x, routes in enumerate(line):
            for color, route in routes.items():
                if id(route) not in numbers:
                    numbers[id(route)] = len(rows)
                    rows.append(_route(route))
                places.append((y * program.width + x, color, numbers[id(route)]))
    return {
        "wse3": program.arch == "wse3",
        "width": program.width,
        "height": program.height,
        "files": list(program.files),
        "classes": [_class(tile) for tile in program.classes],
        "grid": np.array([number for line in program.grid for number in line], dtype=np.int64),
        "routes": _table(rows, 21),
        "places": _table(places, 3),
        "h2d_streams": _mask(program.streams, "MEMCPYH2D"),
        "d2h_streams": _mask(program.streams, "MEMCPYD2H"),
    }
