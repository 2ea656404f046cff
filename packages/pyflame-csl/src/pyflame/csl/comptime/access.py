"""Parts of values: fields, elements, what a pointer points at, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax import ast
from . import types as t
from .faults import Fault
from .literals import suggestion
from .parts import part, with_part, zero_of
from .scope import Local, Result, Scope
from .values import Place, Pointer, Register, Storage, Value, copied, flat_index

if TYPE_CHECKING:
    from .base import Base
    from .modules import Instance
else:
    Base = object


class Access(Base):
    """Reading parts of values, and finding where they lie."""

    def member(self, node: ast.Member, scope: Scope, want: t.Type | None) -> Result:
        return self.read(self._member(node, scope), scope, node)

    def _member(self, node: ast.Member, scope: Scope) -> Value | Register | Place | Storage:
        located = self.locate(node.object, scope)
        base: Result = Register(located.type, located.reg) if isinstance(located, Local) else located
        name = node.name.id
        found: Value | Place | None = self.field_of(base, node.name, scope)
        if found is not None:
            return found
        if type(base) is Place and not t.is_runtime(base.type):
            base = self.load(base, scope, node)
        if type(base) is Value:
            if base.type == t.MODULE:
                return self.module_member(base.data, node.name, scope)
            if base.type == t.STRUCT:
                if name in base.data:
                    return base.data[name]
                hint = suggestion(name, base.data)
                raise Fault("unknown-field", scope.span(node.name), f"the struct has no field {name!r}", hint)
            if base.type == t.TYPE and isinstance(base.data, t.EnumType):
                return self.enum_member(base.data, node.name, scope)
        raise Fault("unknown-field", scope.span(node.name), f"a value of type {base.type} has no field {name!r}")

    def module_member(self, instance: Instance, name: ast.Name, scope: Scope) -> Value | Storage:
        found = instance.get(name.id, scope.span(name))
        if found is None:
            raise Fault(
                "unknown-field",
                scope.span(name),
                f"{instance.source.path} declares no {name.id!r}",
                suggestion(name.id, instance.file.decls),
            )
        return found

    def index(self, node: ast.Index, scope: Scope, want: t.Type | None) -> Result:
        found = self.locate(node, scope)
        return self.load(found, scope, node) if type(found) is Place else found  # type: ignore[return-value]

    def deref(self, node: ast.Deref, scope: Scope, want: t.Type | None) -> Result:
        found = self.locate(node, scope)
        assert type(found) is Place
        return self.load(found, scope, node)

    def address_of(self, node: ast.Unary, scope: Scope) -> Result:
        operand = node.operand
        if isinstance(operand, ast.Name) and scope.lookup(operand.id) is None:
            storage = scope.instance.storage_of(operand.id)
            if storage is not None:
                return Value(t.pointer(storage.type, storage.const), Pointer(storage))
        found = self.locate(operand, scope)
        if type(found) is Value and isinstance(found.type, t.FunctionType):
            return found
        if type(found) is not Place:
            raise Fault(
                "not-assignable", scope.span(operand), "this value has no address", "put it into a variable first"
            )
        if found.base is None:
            assert found.storage is not None
            return Value(t.pointer(found.type, found.const), Pointer(found.storage, found.offset))
        return self.address_at_run_time(found)

    def locate(self, node: ast.Expr, scope: Scope) -> Value | Register | Local | Place:
        """Where the value of an expression lies, if it lies anywhere."""
        if isinstance(node, ast.Name):
            found = self.binding(node, scope)
            return self.place_of(found)
        if isinstance(node, ast.Member):
            return self.place_of(self._member(node, scope))
        if isinstance(node, ast.Index):
            return self._element(node, scope)
        if isinstance(node, ast.Deref):
            pointer = self.rvalue(self.eval(node.pointer, scope), scope, node)
            return self.pointed(pointer, scope, node)
        return self.eval(node, scope)

    @staticmethod
    def place_of(found: Value | Register | Local | Place | Storage) -> Value | Register | Local | Place:
        return Place(found.type, None, found, 0, found.const) if type(found) is Storage else found  # type: ignore[return-value]

    def pointed(self, pointer: Value | Register, scope: Scope, node: ast.Node) -> Place:
        """What `pointer` points at."""
        type_ = pointer.type
        if not isinstance(type_, t.PointerType):
            raise Fault("type-mismatch", scope.span(node), f"a value of type {type_} is no pointer")
        if type(pointer) is Value:
            return Place(type_.pointee, None, pointer.data.storage, pointer.data.offset, type_.const)
        assert type(pointer) is Register
        return Place(type_.pointee, pointer.reg, None, 0, type_.const)

    def _element(self, node: ast.Index, scope: Scope) -> Value | Register | Place:
        base = self.locate(node.object, scope)
        many = False
        if isinstance(base.type, t.PointerType):
            many = base.type.many
            loaded = self.load(base, scope, node) if type(base) is Place else base
            if type(loaded) is Local:
                loaded = Register(loaded.type, loaded.reg)
            base = self.pointed(loaded, scope, node)  # type: ignore[arg-type]
        type_ = base.type
        if many:
            return self._offset(base, type_, None, node, scope)  # type: ignore[arg-type]
        if isinstance(type_, t.ArrayType):
            return self._offset(base, type_.element, type_, node, scope)  # type: ignore[arg-type]
        if type(base) is Value and type_ == t.STRUCT:
            position = self.integer(node.indices[0], scope)
            if len(node.indices) == 1 and str(position) in base.data:
                return base.data[str(position)]
            raise Fault("index-bounds", scope.span(node), f"the struct has no position {position}")
        raise Fault("type-mismatch", scope.span(node.object), f"a value of type {type_} has no elements")

    def _offset(
        self, base: Value | Place, element: t.Type, array: t.ArrayType | None, node: ast.Index, scope: Scope
    ) -> Value | Register | Place:
        rank = len(array.shape) if array else 1
        if len(node.indices) != rank:
            what = f"an array of rank {rank}" if array else "a pointer"
            raise Fault("wrong-arity", scope.span(node), f"{what} takes {rank} indices, {len(node.indices)} are given")
        indices = [self.rvalue(self.eval(index, scope), scope, index) for index in node.indices]
        for index, where in zip(indices, node.indices, strict=True):
            if index.type not in t.INT_LIKE:
                raise Fault("type-mismatch", scope.span(where), f"an index of type {index.type} is no integer")
        if all(type(index) is Value for index in indices):
            known = [index.data for index in indices]  # type: ignore[union-attr]
            if array is not None:
                for size, at, where in zip(array.shape, known, node.indices, strict=True):
                    if not 0 <= at < size:
                        raise Fault("index-bounds", scope.span(where), f"index {at} is outside of 0..{size - 1}")
                flat = flat_index(array, known)
            else:
                flat = known[0]
            if type(base) is Value:
                return self._value_element(base, element, flat)
            assert type(base) is Place
            size = t.size_of(element) or t.total_of(element)
            return Place(element, base.base, base.storage, base.offset + flat * size, base.const)
        return self.element_at_run_time(base, element, array, indices, node, scope)

    @staticmethod
    def _value_element(base: Value, element: t.Type, flat: int) -> Value:
        if isinstance(element, t.ArrayType):
            return Value(element, base.data[flat * element.total : (flat + 1) * element.total])
        return Value(element, base.data[flat])

    def load_comptime(self, place: Place, scope: Scope, node: ast.Node) -> Value:
        """The value in a variable, as far as it is known while compiling."""
        storage = place.storage
        if storage is None or storage.value is None or self._may_have_changed(storage):
            name = storage.name if storage else "this"
            raise Fault("comptime-required", scope.span(node), f"the value of {name!r} is not known while compiling")
        value = storage.value
        if place.offset == 0 and place.type == storage.type:
            return copied(value) if not place.const else value
        return self._part(value, place, scope, node)

    def _may_have_changed(self, storage: Storage) -> bool:
        """Whether run-time code asks for a variable of a module, which then holds more than its initial value."""
        return self.session.running and storage.placed and not storage.const and storage.instance is not None

    @staticmethod
    def _part(value: Value, place: Place, scope: Scope, node: ast.Node) -> Value:
        found = part(value, place.offset, place.type)
        if found is None:
            raise Fault("comptime-required", scope.span(node), "this cannot be read while compiling through a pointer")
        return found

    def store_comptime(self, place: Place, value: Value, scope: Scope, node: ast.Node) -> None:
        """Put a value into a comptime variable, or a part of one."""
        storage = place.storage
        assert storage is not None
        if place.offset == 0 and place.type == storage.type:
            storage.value = copied(value)
            return
        if storage.value is None:
            if not t.in_memory(storage.type):
                raise Fault("comptime-required", scope.span(node), f"{storage.name!r} has no value yet")
            storage.value = zero_of(storage.type)
        self._part(storage.value, place, scope, node)  # checks that it lies inside
        storage.value = with_part(storage.value, place.offset, value)
