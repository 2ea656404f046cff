"""`|i, j|{m, n} -> A[...]`: which address and strides an affine access has."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from ..dsd import DsdKind
from ..ir import Descriptor
from ..syntax import ast
from . import types as t
from .faults import Fault
from .scope import Local, Scope
from .values import DsdValue, Place, Pointer, Register, Value

if TYPE_CHECKING:
    from .evaluator import Evaluator

Constant = int | Register
MAX_VARIABLES = 4


class _Affine:
    """`constant + sum(coefficients[i] * variable[i])`."""

    def __init__(self, constant: Constant, coefficients: list[int]) -> None:
        self.constant = constant
        self.coefficients = coefficients

    @property
    def fixed(self) -> bool:
        return not any(self.coefficients)


class _Reader:
    def __init__(self, ev: Evaluator, scope: Scope, names: list[str]) -> None:
        self.ev = ev
        self.scope = scope
        self.names = names

    def read(self, node: ast.Expr) -> _Affine:
        zero = [0] * len(self.names)
        if isinstance(node, ast.Name) and node.id in self.names:
            return _Affine(0, [int(name == node.id) for name in self.names])
        if not any(isinstance(leaf, ast.Name) and leaf.id in self.names for leaf in ast.walk(node)):
            found = self.ev.rvalue(self.ev.eval(node, self.scope), self.scope, node)
            if found.type not in t.INT_LIKE:
                raise Fault("type-mismatch", self.scope.span(node), f"an index of type {found.type} is no integer")
            return _Affine(found.data if type(found) is Value else found, zero)  # type: ignore[arg-type]
        if isinstance(node, ast.Unary) and node.op == "-":
            return self.scaled(self.read(node.operand), -1, node)
        if isinstance(node, ast.Binary) and node.op in ("+", "-"):
            left, right = self.read(node.left), self.read(node.right)
            if node.op == "-":
                right = self.scaled(right, -1, node)
            sums = [a + b for a, b in zip(left.coefficients, right.coefficients, strict=True)]
            return _Affine(self.add(left.constant, right.constant, node), sums)
        if isinstance(node, ast.Binary) and node.op == "*":
            left, right = self.read(node.left), self.read(node.right)
            if right.fixed and isinstance(right.constant, int):
                return self.scaled(left, right.constant, node)
            if left.fixed and isinstance(left.constant, int):
                return self.scaled(right, left.constant, node)
        raise Fault(
            "not-affine",
            self.scope.span(node),
            f"{self.scope.span(node).text} is not a sum of constants times the variables",
            "tensor_access takes affine indices only",
        )

    def scaled(self, form: _Affine, factor: int, node: ast.Node) -> _Affine:
        constant = form.constant
        if isinstance(constant, Register):
            constant = self.ev.scaled_register(constant, factor, self.scope, node)
        else:
            constant *= factor
        return _Affine(constant, [entry * factor for entry in form.coefficients])

    def add(self, a: Constant, b: Constant, node: ast.Node) -> Constant:
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        return self.ev.summed_register(a, b, self.scope, node)


def tensor_access(
    ev: Evaluator, kind: DsdKind, node: ast.TensorAccess, scope: Scope
) -> tuple[DsdValue, dict[str, Register]]:
    """The descriptor of a tensor access, and the parts that only run time knows."""
    names = [name.id for name in node.variables]
    if len(names) > MAX_VARIABLES or len(names) != len(node.extents):
        where = scope.span(node)
        raise Fault("wrong-arity", where, f"{len(names)} variables with {len(node.extents)} extents; four at most")
    extents = [_extent(ev, extent, scope) for extent in node.extents]
    target = node.target
    if not isinstance(target, ast.Index):
        raise Fault("not-affine", scope.span(target), "a tensor access names an element, such as A[i]")
    base, element, shape = _array(ev, target, scope)
    if len(target.indices) != len(shape):
        where = scope.span(target)
        raise Fault("wrong-arity", where, f"the array has rank {len(shape)}, {len(target.indices)} indices are given")
    reader = _Reader(ev, scope, names)
    forms = [reader.read(index) for index in target.indices]
    offset: Constant = 0
    strides = [0] * len(names)
    for position, form in enumerate(forms):
        step = math.prod(shape[position + 1 :])
        scaled = reader.scaled(form, step, target)
        offset = reader.add(offset, scaled.constant, target)
        strides = [a + b for a, b in zip(strides, scaled.coefficients, strict=True)]
    parts: dict[str, Register] = {}
    address: Pointer | None = None
    size = t.size_of(element)
    if isinstance(offset, int) and base.base is None and base.storage is not None:
        address = Pointer(base.storage, base.offset + offset * size)
    else:
        parts["base"] = ev.offset_address(base, offset, size)
    value = DsdValue(kind, base=address, element=element)
    return (_one(value, extents, strides, parts, node, scope) if kind == DsdKind.MEM1D else _many(
        value, extents, strides, node, scope)), parts  # fmt: skip


def _extent(ev: Evaluator, node: ast.Expr, scope: Scope) -> Constant:
    found = ev.rvalue(ev.eval(node, scope), scope, node)
    if type(found) is Value:
        if found.type not in t.INT_LIKE:
            raise Fault("type-mismatch", scope.span(node), f"an extent of type {found.type} is no integer")
        if not 0 <= found.data <= 0xFFFF:
            raise Fault("extent-range", scope.span(node), f"extent {found.data} is outside of 0..65535")
        return found.data
    return ev.coerced(found, t.U16, scope.span(node))  # type: ignore[return-value]


def _array(ev: Evaluator, target: ast.Index, scope: Scope) -> tuple[Place, t.Type, tuple[int, ...]]:
    base = ev.locate(target.object, scope)
    if isinstance(base.type, t.PointerType):
        many = base.type.many
        loaded = ev.load(base, scope, target) if type(base) is Place else base
        if type(loaded) is Local:
            loaded = Register(loaded.type, loaded.reg)
        base = ev.pointed(loaded, scope, target)  # type: ignore[arg-type]
        if many:
            return base, t.element_of(base.type), (0,)
    if type(base) is not Place or not isinstance(base.type, t.ArrayType):
        raise Fault("type-mismatch", scope.span(target.object), f"an array belongs here, this is a {base.type}")
    if isinstance(base.type.element, t.ArrayType):
        raise Fault("unsupported", scope.span(target), "arrays of arrays have no tensor access", "use one array type")
    if not t.scalar_of(base.type.element):
        raise Fault("type-mismatch", scope.span(target.object), f"{base.type} has no elements for a descriptor")
    return base, base.type.element, base.type.shape


def _check_stride(stride: int, node: ast.TensorAccess, scope: Scope) -> None:
    if not -128 <= stride <= 127:
        raise Fault(
            "stride-range",
            scope.span(node),
            f"stride {stride} is outside of -128..127",
            "copy the elements together first, or transpose the array",
        )


def _one(
    value: DsdValue,
    extents: list[Constant],
    strides: list[int],
    parts: dict[str, Register],
    node: ast.TensorAccess,
    scope: Scope,
) -> DsdValue:
    """One stride for all variables."""
    if len(extents) == 1:
        _check_stride(strides[0], node, scope)
        extent = extents[0]
        if isinstance(extent, Register):
            parts["length"] = extent
            extent = 1
        return replace(value, length=extent, stride=strides[0])
    known = [extent for extent in extents if isinstance(extent, int)]
    if len(known) != len(extents):
        raise Fault("comptime-required", scope.span(node), "extents of several variables must be known")
    for position in range(len(known) - 1):
        if known[position] > 1 and strides[position] != strides[position + 1] * known[position + 1]:
            where = scope.span(node)
            raise Fault("not-affine", where, "these variables do not make one stride", "use a mem4d_dsd")
    _check_stride(strides[-1], node, scope)
    length = math.prod(known)
    if length > 0xFFFF:
        raise Fault("extent-range", scope.span(node), f"extent {length} is outside of 0..65535")
    return replace(value, length=length, stride=strides[-1])


def _many(
    value: DsdValue, extents: list[Constant], strides: list[int], node: ast.TensorAccess, scope: Scope
) -> DsdValue:
    if not all(isinstance(extent, int) for extent in extents):
        raise Fault("comptime-required", scope.span(node), "the extents of a mem4d_dsd must be known while compiling")
    known = tuple(int(extent) for extent in extents)  # type: ignore[arg-type]
    length = math.prod(known)
    if length > 0xFFFF:
        raise Fault("extent-range", scope.span(node), f"{length} elements are more than 65535")
    return replace(value, length=length, table=Descriptor(known, tuple(strides)))
