"""The compiled form of a CSL program: what the comptime evaluator makes and the simulator runs.

A `Program` is a rectangle of processing elements (PEs). PEs that run the same code with the same parameters share a
`TileClass`: a memory image, functions, tasks and initial state. Each PE has its own routes.

A function is register code. Every call has a frame of 64-bit registers; arguments arrive in registers 0, 1, ... A
value narrower than 64 bits lies in the low bits: unsigned types zero-extended, signed types sign-extended, `bool` 0
or 1, f16 and f32 as their bit patterns. Pointers are byte addresses in the memory of the PE, stored as u16. A DSD is
one 64-bit value (`dsd.pack_dsd`). Two-byte and wider accesses need an even address.

Router registers (`router_read`, `router_write`) are 16-bit words at byte addresses: the configuration of color c at
BASE + 2 c, its switch positions at BASE + 0x40 + 2 c, with BASE 0xfe40 on WSE-2 and 0xf800 on WSE-3.
Configuration: bit 15 point-to-point, 14 in teardown, 13:12 pop mode, 11 swap E/W, 10 swap N/S, 9:5 rx mask, 4:0 tx
mask (masks are `Direction`). Switch: 14:13 current position, 12 ring, then for positions 3, 2, 1 (four bits each, from
bit 11 down) one bit, set for an rx position, and a direction (W 0, E 1, S 2, N 3, ramp 4, invalid 5). A write takes
effect a cycle later.

Filter values: range `min_idx`, `max_idx`; counter `limit1`, `max_counter`, `init_counter`, `count_data`,
`count_control`: it goes from 0 to `limit1` again and again, and a wavelet passes while it is at most `max_counter`.

Instructions are `Instr(op, dst, a, b, imm)`; unused fields are 0. T is one of `SCALARS`.

| op | meaning |
|---|---|
| const | dst = imm (64-bit pattern) |
| move | dst = a |
| add.T sub.T mul.T div.T rem.T | integers wrap; division truncates toward zero, by zero is a run-time diagnostic |
| and.T or.T xor.T not.T | integers |
| shl.T shr.T | integers; shr of a signed type is arithmetic; a shift by the width or more gives 0 or the sign |
| neg.T abs.T min.T max.T | |
| eq.T ne.T lt.T le.T | dst = 0 or 1; any comparison with NaN but ne is 0 |
| lnot | dst = a == 0 |
| cast.T.U | value of type T to U: float to integer truncates toward zero and saturates, anything to bool is `!= 0` |
| sqrt.F exp.F log.F sin.F cos.F tanh.F floor.F ceil.F pow.F | F is f16 or f32; computed in double, rounded once |
| load.T | dst = memory[register a + imm]; a = NO_REG: memory[imm] |
| store.T | memory[register a + imm] = register b; a = NO_REG: memory[imm] |
| copy | memory[register a ...] = memory[register b ...], imm bytes |
| jump | next instruction is imm |
| branch | if register a is not 0, next instruction is imm |
| branch_not | if register a is 0, next instruction is imm |
| call | dst = functions[imm](registers a, a + 1, ... as many as it has parameters) |
| ret | return register a (NO_REG: nothing) |
| activate block unblock | of the id in register a; imm is an `IdSpace` |
| dsd | run dsd_ops[imm] |
| map | run maps[imm] |
| load_dsr | run dsr_loads[imm] |
| dsd_length dsd_stride | dst = DSD a with that field set to register b |
| dsd_base | dst = DSD a with the base in register b; imm, where not 0, is the new element size |
| dsd_offset | dst = DSD a moved by register b (signed) elements of imm bytes |
| assert | register a must not be 0; imm is an index into `strings` |
| trap | the program is stopped with strings[imm] |
| tsc | dst = 48-bit time stamp counter of the PE |
| tsc_enable tsc_disable tsc_reset | |
| coord_x coord_y | dst = position of the PE in the rectangle |
| unblock_cmd_stream | the host's next command may come |
| router_read | dst = 16-bit word at byte address a of the router's registers |
| router_write | 16-bit word at byte address a of the router's registers = b |
| teardown_exit | leave the teardown state of color a |
| random | dst = next 32 random bits of the PE's generator |
| random_seed | the generator starts anew from register a |
| print | append strings[imm] to the PE's line of sim.log; "\\n" ends it; `{}` `{d}` `{x}` `{f16}` `{f32}`: register a |

Operands of a DSD operation step by the element size of the *operation* (`fmovs` by 4 bytes times the stride),
whatever the array was that the descriptor was made over; `size` of a descriptor is that array's and serves checks
alone. A FIFO descriptor has length 0 unless one was set: the other operands decide. Loads and stores of u16 at the
byte addresses of router registers (0xfe40 and up on WSE-2, 0xf800 on WSE-3), which lie above memory, are as
router_read and router_write. A parameter of array type is passed as its address (u16). The count of a shift lies in
register b as a value of type T.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

IR_VERSION = 1
NO_REG = 0xFFFF
MEMORY_BYTES = 49152

SCALARS = {"bool": 1, "i8": 1, "u8": 1, "i16": 2, "u16": 2, "i32": 4, "u32": 4, "i64": 8, "u64": 8, "f16": 2, "f32": 4}


class IdSpace(IntEnum):
    """What an id handed to activate, block or unblock names."""

    LOCAL_TASK = 0
    DATA_TASK = 1
    CONTROL_TASK = 2
    COLOR = 3
    INPUT_QUEUE = 4
    UT = 5


class Direction(IntFlag):
    """Sides of a router as a mask."""

    WEST = 1
    EAST = 2
    SOUTH = 4
    NORTH = 8
    RAMP = 16


@dataclass(frozen=True)
class Instr:
    """One instruction; see the table of the module."""

    op: str
    dst: int = 0
    a: int = 0
    b: int = 0
    imm: int = 0


class OperandKind(IntEnum):
    """Where an operand of a DSD operation comes from."""

    DSD = 0  # register holds a descriptor
    DSR = 1  # number of a data structure register
    SCALAR = 2  # register holds a value
    POINTER = 3  # register holds the address of one value, read and written for every element


class DsrFile(IntEnum):
    """The files of data structure registers."""

    DEST = 0
    SRC0 = 1
    SRC1 = 2


@dataclass(frozen=True)
class Operand:
    """An operand: `value` is a register, or for DSR the number within `file`."""

    kind: OperandKind
    value: int
    file: DsrFile = DsrFile.DEST


@dataclass(frozen=True)
class DsdOptions:
    """Settings of a DSD operation. Ids and values are registers, NO_REG where absent."""

    is_async: bool = False
    activate: int = NO_REG  # a local task id, when it completes
    unblock: int = NO_REG  # an id, when it completes
    unblock_space: IdSpace = IdSpace.LOCAL_TASK
    on_control_activate: int = NO_REG
    ut: int = NO_REG
    index: int = NO_REG  # added to the index in the high half of what a fabout DSD sends
    priority: int = 0
    save_address: bool = False
    single_step: bool = False


@dataclass(frozen=True)
class DsdOp:
    """A builtin such as `fmacs` with its operands: the destination, then the sources."""

    name: str
    operands: tuple[Operand, ...]
    options: DsdOptions = DsdOptions()


@dataclass(frozen=True)
class Map:
    """`@map`: `function` is called once per element, its result goes to `output` (None where it is void).

    An input or output of kind DSD or DSR steps through elements of scalar type `types[i]`; POINTER passes the address.
    """

    function: int
    inputs: tuple[Operand, ...]
    types: tuple[str, ...]
    output: Operand | None
    output_type: str = ""
    options: DsdOptions = DsdOptions()


@dataclass(frozen=True)
class DsrLoad:
    """`@load_to_dsr`: the descriptor in `register` goes into a data structure register, with settings."""

    file: DsrFile
    number: int
    register: int
    options: DsdOptions = DsdOptions()


@dataclass(frozen=True)
class Span:
    """Where something stands in the source: a file of `Program.files`, line and column from 1."""

    file: int = 0
    line: int = 0
    column: int = 0


@dataclass(frozen=True)
class Function:
    """Register code; `spans` has one entry an instruction."""

    name: str
    params: tuple[str, ...]
    result: str
    registers: int
    code: tuple[Instr, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Task:
    """A function bound to an id; that of a data task is a color (WSE-2) or an input queue (WSE-3)."""

    space: IdSpace
    id: int
    function: int
    span: Span = Span()


@dataclass(frozen=True)
class Symbol:
    """A named place in memory. `type` is the CSL type as text; `scalar` the type of one element, `count` how many."""

    name: str
    address: int
    bytes: int
    type: str
    scalar: str
    count: int
    initialized: bool = True
    span: Span = Span()


@dataclass(frozen=True)
class Export:
    """What the host can name: a function, or a pointer stored at `address`, the data itself where `direct`."""

    name: str
    type: str
    writable: bool = False
    function: int = -1
    params: tuple[str, ...] = ()
    address: int = -1
    scalar: str = ""
    direct: bool = False


@dataclass(frozen=True)
class Fifo:
    """A FIFO over `capacity` elements of `size` bytes at `address`. Ids are local tasks, -1 where absent."""

    address: int
    capacity: int
    size: int
    activate_push: int = -1
    activate_pop: int = -1


@dataclass(frozen=True)
class Descriptor:
    """Extents and strides (in elements, outermost first) of a mem4d DSD, or the wraparound of a circular buffer."""

    extents: tuple[int, ...]
    strides: tuple[int, ...] = ()
    wraparound: int = 0


class PopMode(IntEnum):
    """When a router takes a command out of a control wavelet."""

    NO_POP = 0
    ALWAYS_POP = 1
    POP_ON_ADVANCE = 2
    POP_ON_HEADER = 3


@dataclass(frozen=True)
class Filter:
    """What the ramp output of a color lets through; `kind` is "range" or "counter"."""

    kind: str
    values: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """How one router treats one color.

    `positions` are pairs of masks (rx, tx); the first is position 0, and each later one is complete: it has what
    it changes and, for the rest, what the one before it left. `teardown`: nothing passes until the registers are
    written and teardown_exit is called; only a TEARDOWN command, not this start, runs the handler of the class.
    """

    positions: tuple[tuple[Direction, Direction], ...]
    current: int = 0
    ring: bool = False
    pop: PopMode = PopMode.NO_POP
    teardown: bool = False
    swap_x: bool = False
    swap_y: bool = False
    filter: Filter | None = None
    span: Span = Span()


@dataclass(frozen=True)
class TileClass:
    """Code, memory and initial state that some PEs share.

    `memory` is the image from address 0 on; `base` is the first address of it that the program owns. `input_queues` and
    `output_queues` map queue to color where the program initialises them. `active` and `blocked` are (space, id).
    """

    name: str
    memory: bytes
    symbols: tuple[Symbol, ...]
    functions: tuple[Function, ...]
    tasks: tuple[Task, ...]
    exports: tuple[Export, ...]
    dsd_ops: tuple[DsdOp, ...] = ()
    maps: tuple[Map, ...] = ()
    dsr_loads: tuple[DsrLoad, ...] = ()
    descriptors: tuple[Descriptor, ...] = ()
    fifos: tuple[Fifo, ...] = ()
    strings: tuple[str, ...] = ()
    input_queues: dict[int, int] = field(default_factory=dict)
    output_queues: dict[int, int] = field(default_factory=dict)
    active: tuple[tuple[IdSpace, int], ...] = ()
    blocked: tuple[tuple[IdSpace, int], ...] = ()
    initial_dsrs: tuple[
        tuple[DsrFile, int, int, DsdOptions], ...
    ] = ()  # file, number, packed DSD, ids instead of registers
    teardown_handlers: dict[int, int] = field(default_factory=dict)  # color: function
    base: int = 0


@dataclass(frozen=True)
class Program:
    """A rectangle of PEs: `classes[grid[y][x]]` runs at (x, y), `routes[y][x]` maps color to route."""

    arch: str  # "wse2" or "wse3"
    width: int
    height: int
    classes: tuple[TileClass, ...]
    grid: tuple[tuple[int, ...], ...]
    routes: tuple[tuple[dict[int, Route], ...], ...]
    files: tuple[str, ...]
    fabric: tuple[int, int] = (0, 0)
    offsets: tuple[int, int] = (4, 1)
    params: dict[str, str] = field(default_factory=dict)
    colors: dict[str, int] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)  # MEMCPYH2D_1 ... MEMCPYD2H_1: color
    version: int = IR_VERSION
