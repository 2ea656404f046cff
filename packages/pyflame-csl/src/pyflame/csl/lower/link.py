"""From a module instance to a tile class: which functions and variables it needs, where they lie, what its state is."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..comptime import types as t
from ..comptime.effects import (
    Bind,
    ExportSymbol,
    InitialDsr,
    LocalColor,
    QueueColor,
    StateChange,
    SymbolName,
    TaskUse,
    TeardownHandler,
)
from ..comptime.faults import Fault
from ..comptime.modules import Instance
from ..comptime.routes import RouteConfig
from ..comptime.values import FunctionRef, Storage, Value
from ..ir import (
    SCALARS,
    DsdOptions,
    DsrFile,
    Export,
    Fifo,
    Function,
    IdSpace,
    Instr,
    Span as IrSpan,
    Symbol,
    Task,
    TileClass,
)
from ..syntax.source import Source, Span
from .code import FunctionCode
from .function import lower_root
from .memory import Memory, Packer, check_size, place, pointed_at, reached

if TYPE_CHECKING:
    from ..comptime.layout import Layout
    from ..comptime.session import Session

_FILES = {t.DSR_DEST: DsrFile.DEST, t.DSR_SRC0: DsrFile.SRC0, t.DSR_SRC1: DsrFile.SRC1}


def ir_span(session: Session, source: Source, start: int) -> IrSpan:
    """A place in the source as the compiled program names it."""
    position = source.position(start)
    return IrSpan(session.file_number(source), position.line, position.column)


class Linker:
    """Builds one tile class."""

    def __init__(self, session: Session, root: Instance, name: str, span: Span) -> None:
        self.session = session
        self.root = root
        self.name = name
        self.span = span
        self.report = session.report
        self.instances = self._instances()
        self.effects = [effect for instance in self.instances for effect in instance.effects]
        self.bound: dict[Hashable, list[Bind]] = {}
        self.codes: dict[int, FunctionCode] = {}
        self.strings: dict[str, int] = {}

    def _instances(self) -> list[Instance]:
        found: dict[Instance, None] = {}
        waiting = [self.root]
        while waiting:
            instance = waiting.pop()
            if instance not in found:
                found[instance] = None
                waiting.extend(reversed(list(instance.children)))
        return list(found)

    def of(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def colors(self) -> dict[int, RouteConfig]:
        """Routes that the program configures itself."""
        return {effect.color: effect.config for effect in self.of(LocalColor)}

    def link(self, layout: Layout) -> TileClass | None:
        """The tile class; None where it has errors."""
        for bind in self.of(Bind):
            self.bound.setdefault(task_key(bind.task), []).append(bind)
        exports = self.exports(layout)
        tasks = [(bind, self.code(bind.task)) for bind in self.of(Bind)]
        handlers = {effect.color: self.code(effect.handler) for effect in self.of(TeardownHandler)}
        functions = {
            effect.name: self.code(effect.target) for effect in exports if isinstance(effect.target, FunctionRef)
        }
        if self.report.failed:
            return None
        self._close()
        families = {instance.family: number for number, instance in enumerate(self.instances)}
        memory = place(reached(self._storages(exports), families))
        instructions = sum(len(code.code) for code in self.codes.values())
        check_size(memory, instructions, self.span, self.name, self.report)
        if self.report.failed:
            return None
        packer = self.packer = Packer(memory)
        numbers = {key: number for number, key in enumerate(self.codes)}
        tables: dict[str, list[Any]] = {"dsd_ops": [], "maps": [], "dsr_loads": []}
        linked = [self._function(code, memory, packer, numbers, tables) for code in self.codes.values()]
        initial = [self._initial_dsr(effect, packer) for effect in self.of(InitialDsr)]
        return TileClass(
            name=self.name,
            memory=packer.image(),
            symbols=self._symbols(memory),
            functions=tuple(linked),
            tasks=tuple(
                Task(bind.space, bind.id, numbers[id(code)], self._at(bind.span)) for bind, code in tasks if code
            ),
            exports=tuple(self._export(effect, layout, memory, functions, numbers) for effect in exports),
            dsd_ops=tuple(tables["dsd_ops"]),
            maps=tuple(tables["maps"]),
            dsr_loads=tuple(tables["dsr_loads"]),
            descriptors=tuple(packer.descriptors),  # type: ignore[arg-type]
            fifos=tuple(self._fifo(buffer, memory) for buffer in packer.fifos),
            strings=tuple(self.strings),
            input_queues={effect.queue: effect.color for effect in self.of(QueueColor) if not effect.output},
            output_queues={effect.queue: effect.color for effect in self.of(QueueColor) if effect.output},
            active=self._state("activate", ()),
            blocked=self._state("block", ("unblock",)),
            initial_dsrs=tuple(initial),
            teardown_handlers={color: numbers[id(code)] for color, code in handlers.items() if code},
            base=memory.order and memory.addresses[memory.order[0]] or memory.end,
        )

    def code(self, ref: FunctionRef) -> FunctionCode | None:
        found = lower_root(self.session, ref)
        if found is not None:
            self.codes.setdefault(id(found), found)
        return found

    def _close(self) -> None:
        """Add the functions that functions call."""
        waiting = list(self.codes.values())
        while waiting:
            for key, callee in waiting.pop().calls.items():
                if key not in self.codes:
                    self.codes[key] = callee
                    waiting.append(callee)

    def exports(self, layout: Layout) -> list[ExportSymbol]:
        """Exports of this class, each name once and known to the layout."""
        chosen: dict[str, ExportSymbol] = {}
        for effect in self.of(ExportSymbol):
            other = chosen.get(effect.name)
            if other is not None and (other.target is effect.target or effect.direct):
                continue  # `export var` beside `@export_symbol`, which is what the host asks for
            if other is not None and not other.direct:
                self.report.error("duplicate-name", effect.span, f"{effect.name!r} is exported twice by one program")
                continue
            declared = layout.exports.get(effect.name)
            if declared is None and not effect.direct:
                self.report.error(
                    "unknown-export",
                    effect.span,
                    f"the layout does not know the exported name {effect.name!r}",
                    f'declare it there with @export_name("{effect.name}", ...)',
                )
                continue
            if declared is not None:
                self._check_export(effect, declared.type)
            chosen[effect.name] = effect
        layout.exported |= chosen.keys()
        return list(chosen.values())

    def _check_export(self, effect: ExportSymbol, declared: t.Type) -> None:
        if isinstance(effect.target, FunctionRef):
            signature = self.session.evaluator.signature(effect.target)
            found: t.Type = t.function(*signature) if signature else t.FUNCTION
        else:
            found = effect.target.type
        same = found == declared
        if isinstance(found, t.PointerType) and isinstance(declared, t.PointerType):
            same = t.element_of(found.pointee) == t.element_of(declared.pointee)
        if not same:
            self.report.error(
                "type-mismatch", effect.span, f"{effect.name!r} has type {found}, the layout declares it as {declared}"
            )

    def _storages(self, exports: list[ExportSymbol]) -> list[Storage]:
        found: dict[Storage, None] = {}
        for code in self.codes.values():
            for reloc in code.relocs:
                if reloc.kind == "addr":
                    found[reloc.target] = None
                elif reloc.kind == "dsd":
                    found.update(dict.fromkeys(dsd_storages(reloc.target)))
        for effect in exports:
            if isinstance(effect.target, Storage):
                found[effect.target] = None
        for named in self.of(SymbolName):
            found[named.storage] = None
        for loaded in self.of(InitialDsr):
            found.update(dict.fromkeys(dsd_storages(loaded.dsd)))
        return list(found)

    def task_id(self, use: TaskUse, span: Span | None = None) -> tuple[IdSpace, int]:
        """Space and number of an id, or of the id that a task is bound to."""
        if use.task is None:
            return use.space or IdSpace.LOCAL_TASK, use.id
        binds = self.bound.get(task_key(use.task), [])
        if len(binds) != 1:
            what = "is not bound to an id" if not binds else "is bound to more than one id"
            raise Fault("unbound-task", span or use.task.span, f"task {use.task.name!r} {what}", "name the id instead")
        return binds[0].space, binds[0].id

    def _text(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def _function(
        self, code: FunctionCode, memory: Memory, packer: Packer, numbers: dict[int, int], tables: dict[str, list[Any]]
    ) -> Function:
        if code.linked is None:
            spans: dict[int, IrSpan] = {}
            for start, _ in code.starts:
                if start not in spans:
                    spans[start] = ir_span(self.session, code.source, start)
            code.linked = [Instr(*entry) for entry in code.code], tuple(spans[start] for start, _ in code.starts)
        instructions = list(code.linked[0])
        bases = {kind: len(entries) for kind, entries in tables.items()}
        for reloc in code.relocs:
            before = instructions[reloc.at]
            kind = reloc.kind
            if kind == "addr":
                value = (before.imm + memory.addresses[reloc.target]) & 0xFFFF
            elif kind == "dsd":
                value = packer.dsd(reloc.target)
            elif kind == "function":
                value = numbers[id(reloc.target)]
            elif kind == "string":
                value = self._text(reloc.target)
            elif kind in ("task", "space"):
                try:
                    space, number = self.task_id(reloc.target, Span(code.source, *code.starts[reloc.at]))
                except Fault as fault:
                    self.report.fault(fault)
                    continue
                value = int(space) if kind == "space" else number
            else:
                value = before.imm + bases[kind]
            instructions[reloc.at] = Instr(before.op, before.dst, before.a, before.b, value)
        tables["dsd_ops"] += [replace(op, options=self._options(op.options, use)) for op, use in code.dsd_ops]
        tables["dsr_loads"] += [replace(op, options=self._options(op.options, use)) for op, use in code.dsr_loads]
        tables["maps"] += [
            replace(entry, function=numbers[id(callee)], options=self._options(entry.options, use))
            for entry, callee, use in code.maps
        ]
        return Function(
            code.name, code.params, code.result, max(code.registers, 1), tuple(instructions), code.linked[1]
        )

    def _options(self, options: DsdOptions, use: TaskUse | None) -> DsdOptions:
        if use is None:
            return options
        try:
            return replace(options, unblock_space=self.task_id(use)[0])
        except Fault as fault:
            self.report.fault(fault)
            return options

    def _at(self, span: Span) -> IrSpan:
        return ir_span(self.session, span.source, span.start)

    def _symbols(self, memory: Memory) -> tuple[Symbol, ...]:
        names = {storage: storage.name for storage in memory.order}
        symbols = [self._symbol(name, storage, memory) for storage, name in names.items()]
        symbols += [self._symbol(named.name, named.storage, memory) for named in self.of(SymbolName)]
        return tuple(symbols)

    def _symbol(self, name: str, storage: Storage, memory: Memory) -> Symbol:
        inner = t.element_of(storage.type)
        scalar, size = t.copied_as(inner), t.size_of(storage.type)
        return Symbol(
            name,
            memory.addresses[storage],
            size,
            str(storage.type),
            scalar,
            size // max(SCALARS.get(scalar, 0), 1),
            storage.value is not None,
            self._at(storage.span),
        )

    def _export(
        self,
        effect: ExportSymbol,
        layout: Layout,
        memory: Memory,
        functions: dict[str, FunctionCode | None],
        numbers: dict[int, int],
    ) -> Export:
        declared = layout.exports.get(effect.name)
        writable = declared is not None and declared.writable
        if isinstance(effect.target, FunctionRef):
            code = functions[effect.name]
            assert code is not None
            type_ = str(declared.type) if declared else "fn"
            return Export(effect.name, type_, writable, numbers[id(code)], code.params)
        storage = effect.target
        pointer = isinstance(storage.type, t.PointerType)
        inner = storage.type.pointee if isinstance(storage.type, t.PointerType) else storage.type
        return Export(
            effect.name,
            str(declared.type if declared else storage.type),
            writable,
            address=memory.addresses[storage],
            scalar=t.copied_as(t.element_of(inner)),
            direct=not pointer,
        )

    def _fifo(self, buffer: Any, memory: Memory) -> Fifo:
        storage = buffer.storage
        ids = []
        for wanted in (buffer.activate_push, buffer.activate_pop):
            use = None
            if isinstance(wanted, FunctionRef):
                use = TaskUse(None, 0, wanted)
            elif isinstance(wanted, int):
                use = TaskUse(IdSpace.LOCAL_TASK, wanted)
            ids.append(-1 if use is None else self.task_id(use)[1])
        size = t.size_of(buffer.element)
        return Fifo(memory.addresses[storage], t.size_of(storage.type) // size, size, *ids)

    def _state(self, kind: str, undone: tuple[str, ...]) -> tuple[tuple[IdSpace, int], ...]:
        found: dict[tuple[IdSpace, int], None] = {}
        for effect in self.of(StateChange):
            if effect.kind != kind and effect.kind not in undone:
                continue
            try:
                key = self.task_id(effect.use, effect.span)
            except Fault as fault:
                self.report.fault(fault)
                continue
            if effect.kind == kind:
                found[key] = None
            else:
                found.pop(key, None)
        return tuple(found)

    def _initial_dsr(self, effect: InitialDsr, packer: Packer) -> tuple[DsrFile, int, int, DsdOptions]:
        given = effect.options
        if lost := sorted(given.keys() - {"async", "save_address", "activate", "unblock"}):
            what = f"@load_to_dsr in a comptime block does not take .{lost[0]}"
            raise Fault("unsupported", effect.span, what, "load the DSR in a function or task")
        values: dict[str, Any] = {
            "is_async": given.get("async", False),
            "save_address": given.get("save_address", False),
        }
        if "activate" in effect.options:
            values["activate"] = self.task_id(effect.options["activate"], effect.span)[1]
        if "unblock" in effect.options:
            values["unblock_space"], values["unblock"] = self.task_id(effect.options["unblock"], effect.span)
        return _FILES[effect.kind], effect.number, packer.dsd(effect.dsd), DsdOptions(**values)


def task_key(ref: FunctionRef) -> Hashable:
    """A task as all tile classes that share its code name it."""
    return id(ref.decl), id(ref.instance.family)


def dsd_storages(value: Any) -> list[Storage]:
    """The variables that a descriptor names."""
    return pointed_at(Value(t.MEM1D, value))
