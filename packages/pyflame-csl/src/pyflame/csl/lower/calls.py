"""Calls in run-time code: functions are specialised by what they can only know while compiling."""

from __future__ import annotations

from collections.abc import Hashable

from ..comptime import types as t
from ..comptime.calls import MAX_CALL_DEPTH, check_arity
from ..comptime.evaluator import Evaluator
from ..comptime.faults import Fault
from ..comptime.literals import suggestion
from ..comptime.registry import BUILTINS, KNOWN_NAMES
from ..comptime.scope import Binding, Result, Scope
from ..comptime.sharing import MAX_CANDIDATES, Record, verified
from ..comptime.values import VOID_VALUE, FunctionRef, Place, Register, Value, key_of
from ..syntax import ast
from .code import FunctionCode
from .registry import RUN_TIME_BUILTINS
from .statements import RunTimeStatements

# Ids are baked in where they are known: what uses them costs nothing then, and descriptors want them so.
_BAKED = t.IDS | {t.DIRECTION}


class RunTimeCalls(RunTimeStatements):
    """Calls of functions and builtins as instructions."""

    nesting = 0  # how many callers are being lowered

    def call(self, node: ast.Call, scope: Scope, want: t.Type | None) -> Result:
        ref = self.callee(node, scope)
        return self.emit_call(ref, node, scope)

    def emit_call(self, ref: FunctionRef, node: ast.Call, scope: Scope) -> Result:
        emitter, base = self.emitter, self.emitter.top
        inner = Scope(ref.instance)
        signature = self.signature(ref)
        binding: list[Binding] = []
        types: list[t.Type] = []
        try:
            for position, (param, arg) in enumerate(zip(ref.decl.params, node.args, strict=True)):
                type_ = signature[0][position] if signature else self.session.evaluator.type(param.type, inner)
                bound = self._argument(type_, param.comptime, arg, scope)
                binding.append(bound)
                types.append(bound.type)
                if param.name is not None:
                    inner.names[param.name.id] = bound
            if signature:
                result = signature[1]
            else:
                result = self.session.evaluator.type(ref.decl.result, inner) if ref.decl.result else t.VOID
            if not t.is_runtime(result):
                return self._at_comptime(ref, binding, node, scope)
            code = self.specialised(ref, binding, types, result)
        except Fault as fault:
            fault.through(scope.span(node), f"in the call of {ref.name!r} here")
            raise
        emitter.top = base
        register = emitter.allocate()
        emitter.span = (node.start, node.end)
        emitter.emit("call", register, base)
        emitter.relocate("function", code)
        self.function.calls[id(code)] = code
        if t.in_memory(result):  # the callee's memory, which its next call overwrites
            storage = self.static(f"{ref.name}.result", result, scope.span(node))
            self.put(Place(result, None, storage, 0), Place(result, register, None, 0), scope.span(node))
            emitter.top = base
            return Place(result, None, storage, 0)
        return VOID_VALUE if result == t.VOID else Register(result, register)

    def _argument(self, type_: t.Type, comptime: bool, arg: ast.Expr, scope: Scope) -> Value | Register:
        """A baked-in value, or the register that the callee will find its argument in."""
        emitter = self.emitter
        slot = emitter.allocate()
        found = self.coerced(self.rvalue(self.eval(arg, scope, type_), scope, arg), type_, scope.span(arg))
        if comptime and type(found) is Place and found.base is None and found.const:
            found = self.load_comptime(found, scope, arg)
        if type(found) is Value and not is_known(found):
            if comptime:
                raise Fault("comptime-required", scope.span(arg), "this argument must be known while compiling")
            return self._fields(found, slot, arg, scope)
        type_ = found.type
        if comptime or not t.is_runtime(type_) or type_ == t.VOID or (type(found) is Value and type_ in _BAKED):
            if type(found) is not Value:
                raise Fault("comptime-required", scope.span(arg), "this argument must be known while compiling")
            emitter.top = slot
            return found
        emitter.move(slot, self.reg(found, scope, arg), slot + 1)
        emitter.top = slot + 1
        return Register(type_, slot)

    def _fields(self, struct: Value, slot: int, arg: ast.Expr, scope: Scope) -> Value:
        """An anonymous struct as an argument: what is not known of its fields in registers from `slot` on."""
        emitter = self.emitter
        fields: dict[str, Result] = {}
        held: list[int] = []
        for name, entry in struct.data.items():
            fields[name] = entry
            if type(entry) is Value:
                if not is_known(entry):
                    raise Fault("comptime-required", scope.span(arg), f"the struct in field {name!r} must be known")
                continue
            fields[name] = _argument_at(entry.type, slot + len(held))
            source = self.reg(entry, scope, arg)
            held.append(emitter.allocate())
            emitter.emit("move", held[-1], source)
        for position, source in enumerate(held):  # none of these is overwritten before its turn
            emitter.emit("move", slot + position, source)
        emitter.top = slot + len(held)
        return Value(t.STRUCT, fields)

    def _at_comptime(self, ref: FunctionRef, binding: list[Binding], node: ast.Call, scope: Scope) -> Value:
        known = []
        for bound, arg in zip(binding, node.args, strict=True):
            if type(bound) is Register:
                value = self.dry(lambda arg=arg: self.eval(arg, scope))  # type: ignore[misc]
                if type(value) is not Value:
                    raise Fault("comptime-required", scope.span(arg), f"{ref.name!r} runs while compiling only")
                bound = value
            assert type(bound) is Value
            if not is_known(bound):
                raise Fault("comptime-required", scope.span(arg), f"{ref.name!r} runs while compiling only")
            known.append(bound)
        with self.session.inside(running=True):
            return self.session.evaluator.run(ref, known, node, scope)

    def specialised(
        self, ref: FunctionRef, binding: list[Binding], types: list[t.Type], result: t.Type
    ) -> FunctionCode:
        """The code of a function for these baked-in arguments and argument types."""
        key: tuple[Hashable, ...] = (
            id(ref.decl),
            *(_shape(bound) for bound in binding),
        )
        cache = ref.instance.lowered
        code = cache.get(key)
        if code is None:
            code = self._shared(ref, key)
        if code is None:
            if self.nesting >= MAX_CALL_DEPTH:
                message = f"specialised calls nest deeper than {MAX_CALL_DEPTH}"
                raise Fault("call-depth", ref.span, message, "end the recursion in its comptime arguments")
            code = cache[key] = FunctionCode(ref.name, ref, source=ref.instance.source)
            outer, self.session.record = self.session.record, Record()
            candidates = ref.instance.family.functions.setdefault(key, [])
            candidates.append((self.session.record, code))
            try:
                inner = type(self)(self.session)
                inner.nesting = self.nesting + 1
                inner.lower(code, binding, types, result)
            finally:
                self.session.record = outer
        if self.session.record is not None:
            self.session.record.calls[id(code)] = (ref, binding, types, result, code)
        if code.failed:
            fault = Fault("unknown-name", None, "")
            fault.reported = True
            raise fault
        return code

    def _shared(self, ref: FunctionRef, key: Hashable) -> FunctionCode | None:
        """The code that another tile class has for this function, if all it depends on is the same here."""
        cache = ref.instance.lowered
        outer, self.session.record = self.session.record, None
        try:
            for record, code in ref.instance.family.functions.get(key, [])[-MAX_CANDIDATES:]:
                if not verified(record, self.session.members):
                    continue
                cache[key] = code  # for functions that call themselves
                if all(self._same_callee(*call) for call in record.calls.values()):
                    return code
                del cache[key]
        except Fault:  # told again when the function is lowered here
            cache.pop(key, None)
        finally:
            self.session.record = outer
        return None

    def _same_callee(
        self, ref: FunctionRef, binding: list[Binding], types: list[t.Type], result: t.Type, code: FunctionCode
    ) -> bool:
        here = self.session.members.get(ref.instance.family)
        if here is ref.instance:
            return True
        if here is None:
            return False
        found = here.get(ref.name)
        assert isinstance(found, Value)
        return self.specialised(found.data, binding, types, result) is code

    def lower(self, code: FunctionCode, binding: list[Binding], types: list[t.Type], result: t.Type) -> None:
        raise NotImplementedError

    def builtin_call(self, node: ast.BuiltinCall, scope: Scope, want: t.Type | None) -> Result:
        found = RUN_TIME_BUILTINS.get(node.name) or BUILTINS.get(node.name)
        if found is None or not self.allowed(node, scope):
            hint = suggestion(node.name, KNOWN_NAMES | BUILTINS.keys())
            raise Fault("unknown-builtin", scope.span(node), f"there is no builtin @{node.name}", hint)
        low, high, handler = found
        check_arity(node, scope, low, high)
        outer, self.emitter.span = self.emitter.span, (node.start, node.end)
        result = handler(self, node, scope, want)
        self.emitter.span = outer
        return result

    HANDLERS = Evaluator.HANDLERS | {ast.Call: call, ast.BuiltinCall: builtin_call}


def is_known(value: Value) -> bool:
    """Whether no field of a struct lies in a register or in memory."""
    return value.type != t.STRUCT or all(type(entry) is Value and is_known(entry) for entry in value.data.values())


def _shape(bound: Binding) -> Hashable:
    """What the code of a function depends on of an argument: its type, or its value where that is baked in."""
    if type(bound) is not Value:
        return bound.type
    if is_known(bound):
        return key_of(bound)
    return tuple((name, _shape(entry)) for name, entry in bound.data.items())


def _argument_at(type_: t.Type, register: int) -> Register | Place:
    """An argument in a register, which holds the address of what is larger."""
    return Place(type_, register, None, 0, const=True) if t.in_memory(type_) else Register(type_, register)


def bind_parameters(lowering: RunTimeCalls, code: FunctionCode, binding: list[Binding], types: list[t.Type]) -> Scope:
    """The scope of a function's body: known arguments as values, the others in registers 0, 1, ..."""
    scope = Scope(code.ref.instance)
    scalars: list[str] = []

    def taken(type_: t.Type) -> Register | Place:
        scalars.append("u16" if t.in_memory(type_) else t.scalar_of(type_))
        return _argument_at(type_, lowering.emitter.allocate())

    for param, bound, type_ in zip(code.ref.decl.params, binding, types, strict=True):
        found: Binding
        if type(bound) is not Value:
            found = taken(type_)
        elif is_known(bound):
            found = bound
        else:
            fields = {name: e if type(e) is Value else taken(e.type) for name, e in bound.data.items()}
            found = Value(t.STRUCT, fields)
        if param.name is not None:
            scope.names[param.name.id] = found
    code.params = tuple(scalars)
    for name in lowering.addressed & scope.names.keys():
        found = scope.names[name]
        if type(found) is Register:  # its address is taken: it moves into memory
            storage = lowering.static(name, found.type, code.ref.span)
            lowering.emitter.store(found.type, None, storage, 0, found.reg)
            scope.names[name] = Place(found.type, None, storage, 0, const=True)
    return scope
