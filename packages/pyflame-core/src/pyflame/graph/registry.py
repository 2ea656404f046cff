"""The registry of operations as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _core
from ..dtypes import DType, all_dtypes
from ..errors import GraphError

if TYPE_CHECKING:
    from ..ops.named import NamedOp
    from .parts import TensorSpec

# Names other frameworks use, accepted wherever an operation is looked up by name.
ALIASES = {
    "concat": "cat",
    "maxpool2d": "max_pool2d",
    "avgpool2d": "avg_pool2d",
    "batchnorm2d": "batch_norm",
    "layernorm": "layer_norm",
}
# Records that stand for values, not for operations.
_PLACES = {"leaf", "input", "output", "function", "function_output", "barrier"}
_CATEGORIES = {"to_layout": "layout"}


class AttrInfo(NamedTuple):
    """An attribute an operation declares.

    `kind` is one of int, bool, float, dtype, ints (a tuple), dim (an int or None), dims (a tuple), scalar, layout, str,
    graph, and any: None, a bool, number, text, dtype or tuple.
    """

    name: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class OpInfo:
    """What is known about an operation.

    Args:
        name: canonical name, that of the Python function.
        category: family, such as elementwise or reduction.
        inputs: names of the tensor operands.
        variadic: whether the last operand stands for any number.
        attrs: attributes.
        dtypes: dtypes it computes in, after promotion of its operands.
        formula: expression of an elementwise operation, empty for others.
        gradient: gradient rule in words or as expressions of g (gradient), y (result) and the operands.
        differentiable: whether gradients flow.
        aliases: other names.
        is_view: whether the result can share the operand's memory.
        is_random: whether it draws random numbers.
        multiple_outputs: whether it makes more than one tensor.
    """

    name: str
    category: str
    inputs: tuple[str, ...]
    variadic: bool
    attrs: tuple[AttrInfo, ...]
    dtypes: tuple[DType, ...]
    formula: str
    gradient: str
    differentiable: bool
    aliases: tuple[str, ...]
    is_view: bool
    is_random: bool
    multiple_outputs: bool

    @property
    def schema(self) -> str:
        """The signature as text.

        Example:
            >>> op("tril").schema
            'tril(x, diagonal: int = ...) -> Tensor'
        """
        operands = [*self.inputs[:-1], "*" + self.inputs[-1]] if self.variadic else list(self.inputs)
        attrs = [f"{attr.name}: {attr.kind}{'' if attr.required else ' = ...'}" for attr in self.attrs]
        return f"{self.name}({', '.join(operands + attrs)}) -> {'tuple' if self.multiple_outputs else 'Tensor'}"

    def shape_rule(self, *operands: TensorSpec, **attrs: Any) -> tuple[TensorSpec, ...]:
        """The types of the results, by the types of the operands.

        Args:
            operands: types of the tensor operands.
            attrs: attributes.

        Raises:
            GraphError: the operands do not fit the operation.

        Example:
            >>> from pyflame import TensorSpec, float32
            >>> op("matmul").shape_rule(TensorSpec((2, 3), float32), TensorSpec((3, 4), float32))[0].shape
            (2, 4)
        """
        from .ir import Graph

        graph = Graph()
        places = [graph.create_input(spec.shape, spec.dtype, layout=spec.layout) for spec in operands]
        return graph.create_op(self.name, places, attrs).outputs

    @property
    def is_elementwise(self) -> bool:
        """Whether each element of the result depends on one element of each operand."""
        return self.category == "elementwise"


# An operation the optimiser makes: a graph run as one step.
FUSED = OpInfo(
    name="fused",
    category="custom",
    inputs=("operands",),
    variadic=True,
    attrs=(AttrInfo("kind", "str", True), AttrInfo("body", "graph", True)),
    dtypes=all_dtypes,
    formula="",
    gradient="that of the body",
    differentiable=True,
    aliases=(),
    is_view=False,
    is_random=False,
    multiple_outputs=False,
)
_table: dict[str, OpInfo] = {}


def _load() -> None:
    for entry in _core.describe_ops():
        name = entry["name"]
        if (
            name in _PLACES or entry["holder"] or entry["fused"]
        ):  # made of others, or standing for others that have their own entries
            continue
        formulas = entry["formulas"]
        if entry["no_grad_reason"] is not None:
            gradient = f"none: {entry['no_grad_reason']}"
        elif len(formulas) > 1:
            gradient = "; ".join(f"d{x} = {rule}" for x, rule in zip(entry["inputs"], formulas[1:]))
        else:
            gradient = "a rule in the core"
        kinds = {"layout": "layout"} if name == "to_layout" else {}
        _table[name] = OpInfo(
            name=name,
            category=_CATEGORIES.get(name, entry["category"]),
            inputs=tuple(entry["inputs"]),
            variadic=entry["variadic"],
            attrs=tuple(AttrInfo(attr, kinds.get(attr, kind), required) for attr, kind, required in entry["attrs"]),
            dtypes=tuple(entry["dtypes"]),
            formula=formulas[0] if formulas else "",
            gradient=gradient,
            differentiable=entry["differentiable"],
            aliases=tuple(alias for alias, target in ALIASES.items() if target == name),
            is_view=entry["is_view"],
            is_random=entry["is_random"],
            multiple_outputs=entry["multiple_outputs"],
        )
    _table[FUSED.name] = FUSED


def _named_info(op: NamedOp) -> OpInfo:
    return OpInfo(
        name=op.name,
        category=op.category,
        inputs=("operands",),
        variadic=True,
        attrs=tuple(AttrInfo(attr, "any", required) for attr, required in op.attrs),
        dtypes=all_dtypes,
        formula="",
        gradient="a rule in Python" if op.differentiable else "none: made without a vjp",
        differentiable=op.differentiable,
        aliases=(),
        is_view=False,
        is_random=False,
        multiple_outputs=op.num_outputs > 1,
    )


def ops() -> tuple[OpInfo, ...]:
    """Every operation a graph may hold.

    Example:
        >>> "matmul" in {info.name for info in ops()}
        True
    """
    _load()
    from ..ops import named

    return (*_table.values(), *map(_named_info, named.named_ops()))


def op(name: str) -> OpInfo:
    """An operation by its name or an alias of it.

    Args:
        name: such as "matmul" or "concat".

    Raises:
        GraphError: no operation has this name.

    Example:
        >>> op("concat").name, op("mul").gradient
        ('cat', 'da = g * b; db = g * a')
    """
    from ..ops import named

    if not _table:
        _load()
    info = _table.get(ALIASES.get(name, name))
    if info is None and (made := named.find(name)):  # these come and go while the program runs
        info = _named_info(made)
    if info is None:
        raise GraphError(f"[graph] {name!r} is no operation: pyflame.ir.ops() lists them")
    return info
