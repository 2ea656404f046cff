"""Descriptors that are put together while the program runs."""

from __future__ import annotations

from dataclasses import replace

from ..comptime import types as t
from ..comptime.scope import Result, Scope
from ..comptime.values import DsdValue, Place, Pointer, Register, Value
from ..dsd import DSD_FIELDS
from ..syntax import ast
from .expressions import RunTimeExpressions


class RunTimeDsds(RunTimeExpressions):
    """What `comptime/dsds.py` asks for where a part is in a register."""

    def patched(self, type_: t.Type, value: DsdValue, parts: dict[str, Register]) -> Result:
        if not parts:
            return Value(type_, value)
        if "color" in parts or "queue" in parts:
            value = replace(value, partial=True)
        register = self.emitter.constant(Value(type_, value))
        for field, part in parts.items():
            if field == "base":
                register = self.emitter.compute("dsd_base", register, part.reg, t.size_of(value.element))
            elif field in ("length", "stride"):
                register = self.emitter.compute(f"dsd_{field}", register, part.reg)
            else:
                register = self._field(register, field, part.reg)
        return Register(type_, register)

    def _field(self, register: int, field: str, part: int) -> int:
        """Put a color or queue into a descriptor where that field is 0."""
        low = self.emitter.compute("const", imm=DSD_FIELDS[field][0])
        shifted = self.emitter.compute("shl.u64", part, low)
        return self.emitter.compute("or.u64", register, shifted)

    def _dsd_register(self, dsd: Value | Register) -> int:
        return dsd.reg if type(dsd) is Register else self.emitter.constant(dsd)  # type: ignore[arg-type]

    def change_dsd(self, dsd: Value | Register, field: str, found: int | Register) -> Result:
        register = self._dsd_register(dsd)
        if isinstance(found, Register):
            part = found.reg
        else:
            part = self.emitter.compute("const", imm=found & 0xFFFFFFFFFFFFFFFF)
        return Register(dsd.type, self.emitter.compute(f"dsd_{field}", register, part))

    def change_dsd_base(self, dsd: Value | Register, address: Pointer | Register, element: t.Type) -> Result:
        register = self._dsd_register(dsd)
        if isinstance(address, Register):
            part = address.reg
        else:
            part = self.emitter.constant(Value(t.pointer(element), address))
        return Register(dsd.type, self.emitter.compute("dsd_base", register, part, t.size_of(element)))

    def move_dsd(self, dsd: Value | Register, amount: Value | Register, element: t.Type) -> Result:
        register = self._dsd_register(dsd)
        if type(amount) is Value:
            part = self.emitter.compute("const", imm=amount.data & 0xFFFFFFFFFFFFFFFF)
        else:
            part = amount.reg  # type: ignore[union-attr]
        return Register(dsd.type, self.emitter.compute("dsd_offset", register, part, t.size_of(element)))

    def scaled_register(self, register: Register, factor: int, scope: Scope, node: ast.Node) -> Register:
        if factor == 1:
            return register
        return Register(t.U16, self._times(self._as_address(register), factor))

    def summed_register(self, a: int | Register, b: int | Register, scope: Scope, node: ast.Node) -> Register:
        parts = [
            self._as_address(part) if isinstance(part, Register) else self.emitter.compute("const", imm=part & 0xFFFF)
            for part in (a, b)
            if isinstance(part, Register) or part
        ]
        return Register(t.U16, parts[0] if len(parts) == 1 else self.emitter.compute("add.u16", *parts))

    def offset_address(self, base: Place, offset: int | Register, size: int) -> Register:
        if isinstance(offset, int):
            place = Place(base.type, base.base, base.storage, base.offset + offset * size)
            return Register(t.U16, self.address(place))
        start = self.address(base)
        return Register(t.U16, self.emitter.compute("add.u16", start, self._times(self._as_address(offset), size)))
