"""Checks that a compiled program is well formed, so that the simulator can trust every index in it."""

from __future__ import annotations

from .ir import (
    MEMORY_BYTES,
    NO_REG,
    SCALARS,
    DsdOptions,
    DsrFile,
    Function,
    IdSpace,
    Operand,
    OperandKind,
    Program,
    TileClass,
)

_T = tuple(SCALARS)
_INT = tuple(name for name in _T if name[0] in "iu")
_FLOAT = ("f16", "f32")
# name: fields that are registers; `?` after one that may be absent.
_PLAIN = {
    "const": "d", "move": "da", "lnot": "da", "copy": "ab", "jump": "", "branch": "a", "branch_not": "a", "call": "d",
    "ret": "a?", "activate": "a", "block": "a", "unblock": "a", "dsd": "", "map": "", "load_dsr": "", "assert": "a",
    "trap": "", "tsc": "d", "tsc_enable": "", "tsc_disable": "", "tsc_reset": "", "coord_x": "d", "coord_y": "d",
    "unblock_cmd_stream": "", "router_read": "da", "router_write": "ab", "teardown_exit": "a", "random": "d",
    "random_seed": "a", "print": "a",
    "dsd_length": "dab", "dsd_base": "dab", "dsd_stride": "dab", "dsd_offset": "dab",
}  # fmt: skip
_TYPED = {
    **dict.fromkeys("add sub mul div rem min max".split(), ((*_INT, *_FLOAT), "dab")),
    **dict.fromkeys("eq ne lt le".split(), (_T, "dab")),
    **dict.fromkeys("and or xor".split(), (("bool", *_INT), "dab")),
    **dict.fromkeys("shl shr".split(), (_INT, "dab")),
    "not": (("bool", *_INT), "da"),
    **dict.fromkeys("neg abs".split(), ((*_INT, *_FLOAT), "da")),
    **dict.fromkeys("sqrt exp log sin cos tanh floor ceil".split(), (_FLOAT, "da")),
    "pow": (_FLOAT, "dab"),
    "load": (_T, "da?"),
    "store": (_T, "a?b"),
}
OPERATIONS: dict[str, str] = dict(_PLAIN)
OPERATIONS |= {f"{name}.{kind}": fields for name, (kinds, fields) in _TYPED.items() for kind in kinds}
OPERATIONS |= {f"cast.{source}.{target}": "da" for source in _T for target in _T}
COLORS, QUEUES, DSRS = 24, 8, 16
MAX_PES = 1 << 20


class VerifyError(ValueError):
    """A compiled program with an index or value outside of its range."""


def _check(condition: bool, text: str) -> None:
    if not condition:
        raise VerifyError(text)


def verify(program: Program) -> None:
    """Raise `VerifyError` where a program is not well formed."""
    _check(program.arch in ("wse2", "wse3"), f"arch is {program.arch!r}")
    width, height = program.width, program.height
    _check(0 < width and 0 < height and width * height <= MAX_PES, f"the rectangle is {width} x {height}")
    for name, grid in (("grid", program.grid), ("routes", program.routes)):
        _check(len(grid) == height and all(len(row) == width for row in grid), f"the {name} has another size")
    for row in program.grid:
        _check(all(0 <= number < len(program.classes) for number in row), "a PE names a class that does not exist")
    checked: set[int] = set()
    for line in program.routes:
        for here in line:
            for color, route in here.items():
                _check(0 <= color < COLORS, f"color {color} does not exist")
                if id(route) not in checked:
                    checked.add(id(route))
                    _check(1 <= len(route.positions) <= 4, "a route has 1 to 4 positions")
                    _check(0 <= route.current < len(route.positions), "a route stands at a position it does not have")
    for tile in program.classes:
        _verify_class(tile, len(program.files))


def _verify_class(tile: TileClass, files: int) -> None:
    _check(len(tile.memory) <= MEMORY_BYTES and 0 <= tile.base <= MEMORY_BYTES, f"{tile.name}: the memory is too large")
    count = len(tile.functions)
    for function in tile.functions:
        _verify_function(tile, function, files)
    numbers = [task.function for task in tile.tasks] + [entry.function for entry in tile.maps]
    numbers += list(tile.teardown_handlers.values())
    _check(all(0 <= number < count for number in numbers), f"{tile.name}: a function does not exist")
    for export in tile.exports:
        _check(-1 <= export.function < count, f"{tile.name}: export {export.name!r} names no function")
        _check(-1 <= export.address < MEMORY_BYTES, f"{tile.name}: export {export.name!r} lies outside of memory")
        _check(export.scalar in ("", *SCALARS), f"{tile.name}: export {export.name!r} has no known type")
    for task in tile.tasks:
        _check(0 <= task.id < 64, f"{tile.name}: task id {task.id} does not exist")
    for symbol in tile.symbols:
        inside = 0 <= symbol.address and 0 <= symbol.bytes and symbol.address + symbol.bytes <= MEMORY_BYTES
        _check(inside, f"{tile.name}: symbol {symbol.name!r} lies outside of memory")
    for fifo in tile.fifos:
        inside = 0 <= fifo.address and fifo.size in (1, 2, 4, 8) and 0 < fifo.capacity
        _check(inside and fifo.address + fifo.capacity * fifo.size <= MEMORY_BYTES, f"{tile.name}: a FIFO is misplaced")
    for descriptor in tile.descriptors:
        _check(1 <= len(descriptor.extents) <= 4, f"{tile.name}: a descriptor has 1 to 4 extents")
        _check(len(descriptor.strides) in (0, len(descriptor.extents)), f"{tile.name}: extents and strides differ")
        _check(all(0 <= extent <= 0xFFFF for extent in descriptor.extents), f"{tile.name}: an extent is out of range")
        _check(all(abs(stride) <= 0xFFFF for stride in descriptor.strides), f"{tile.name}: a stride is out of range")
    for queues in (tile.input_queues, tile.output_queues):
        for queue, color in queues.items():
            _check(0 <= queue < QUEUES and 0 <= color < COLORS, f"{tile.name}: queue {queue} or color {color}")
    _check(all(0 <= number < 64 for _, number in (*tile.active, *tile.blocked)), f"{tile.name}: an id does not exist")
    for file, number, packed, options in tile.initial_dsrs:
        _check(0 <= number < DSRS and isinstance(file, DsrFile), f"{tile.name}: DSR {number} does not exist")
        _check(0 <= packed < 1 << 64, f"{tile.name}: a descriptor has more than 64 bits")
        _verify_options(options, NO_REG, tile.name)
    _check(all(0 <= color < COLORS for color in tile.teardown_handlers), f"{tile.name}: a color does not exist")


def _verify_options(options: DsdOptions, registers: int, name: str) -> None:
    ids = (options.activate, options.unblock, options.on_control_activate, options.ut, options.index)
    _check(all(0 <= entry < registers or entry == NO_REG for entry in ids), f"{name}: an option has no register")
    _check(0 <= options.priority <= 3, f"{name}: priority {options.priority} does not exist")
    _check(isinstance(options.unblock_space, IdSpace), f"{name}: an id has no space")


def _verify_operand(operand: Operand, registers: int, name: str) -> None:
    limit = DSRS if operand.kind == OperandKind.DSR else registers
    _check(0 <= operand.value < limit, f"{name}: operand {operand.value} does not exist")


def _verify_function(tile: TileClass, function: Function, files: int) -> None:
    name, code, registers = f"{tile.name}: {function.name}", function.code, function.registers
    _check(0 < registers < NO_REG and len(function.params) <= registers, f"{name}: {registers} registers")
    _check(all(scalar in SCALARS for scalar in function.params), f"{name}: a parameter has no known type")
    _check(function.result in ("void", *SCALARS), f"{name}: the result has no known type")
    _check(len(function.spans) == len(code), f"{name}: an instruction has no place in the source")
    _check(bool(code) and code[-1].op in ("ret", "jump", "trap"), f"{name}: the code runs over its end")
    _check(all(0 <= span.file < files for span in function.spans), f"{name}: a file does not exist")
    tables = {
        "call": len(tile.functions), "dsd": len(tile.dsd_ops), "map": len(tile.maps), "load_dsr": len(tile.dsr_loads),
        "assert": len(tile.strings), "trap": len(tile.strings), "print": len(tile.strings),
        "jump": len(code), "branch": len(code), "branch_not": len(code),
        "activate": len(IdSpace), "block": len(IdSpace), "unblock": len(IdSpace),
    }  # fmt: skip
    for instr in code:
        fields = OPERATIONS.get(instr.op)
        _check(fields is not None, f"{name}: there is no operation {instr.op!r}")
        assert fields is not None
        for at, letter in enumerate(fields):
            if letter == "?":
                continue
            register = instr.dst if letter == "d" else instr.a if letter == "a" else instr.b
            absent = fields[at + 1 : at + 2] == "?" and register == NO_REG
            _check(0 <= register < registers or absent, f"{name}: register {register} of {instr.op} does not exist")
        limit = tables.get(instr.op)
        _check(limit is None or 0 <= instr.imm < limit, f"{name}: {instr.op} {instr.imm} does not exist")
        if instr.op == "call":
            needed = instr.a + len(tile.functions[instr.imm].params)
            _check(0 <= instr.a and needed <= registers, f"{name}: a call takes registers that do not exist")
        elif instr.op == "dsd":
            entry = tile.dsd_ops[instr.imm]
            for operand in entry.operands:
                _verify_operand(operand, registers, name)
            _verify_options(entry.options, registers, name)
        elif instr.op == "map":
            mapped = tile.maps[instr.imm]
            _check(len(mapped.types) == len(mapped.inputs), f"{name}: a map has inputs without a type")
            for operand in (*mapped.inputs, *([mapped.output] if mapped.output else [])):
                _verify_operand(operand, registers, name)
            _verify_options(mapped.options, registers, name)
        elif instr.op == "load_dsr":
            loaded = tile.dsr_loads[instr.imm]
            _check(0 <= loaded.register < registers and 0 <= loaded.number < DSRS, f"{name}: a DSR load")
            _verify_options(loaded.options, registers, name)
