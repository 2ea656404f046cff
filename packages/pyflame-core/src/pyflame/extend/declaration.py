"""Operations a user declares: a function of tensors under a name, with whatever else is known about it beside it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _core
from .._journal import note
from .._tensor import Tensor
from ..ops.host import Spec
from ..ops.named import NO_ATTRS, NamedOp, packed, put_back, unpacked

_call = _core.call
_set_grad_enabled = _core.set_grad_enabled
_NAMES = "operand_names"  # attribute of calls whose tensors are not simply the first parameters

# The parts a declaration may leave out, and what to pass for each.
_PARTS = {
    "backward_fn": "backward_fn=, a function of the gradients and the inputs",
    "csl_template": "csl_template=, the source of a CSL kernel",
    "shape_fn": "shape_fn=, a function from the inputs' shapes to the result's",
    "dtype_fn": "dtype_fn=, a function from the inputs' dtypes to the result's",
    "batch_fn": "batch_fn=, a function of the batched inputs and their batch dimensions",
    "cost_fn": "cost_fn=, a function from the inputs' shapes to (flops, bytes)",
    "onnx": "onnx=, a mapping with the keys 'export' and 'import'",
}


@dataclass(frozen=True)
class CSLTemplateInfo:
    """The CSL kernel of an operation.

    Args:
        source: text of the template.
        entry: name of the task or function to call; by default the operation's name.
        path: where the text was read, for messages.
    """

    source: str
    entry: str = ""
    path: str | None = None

    @classmethod
    def read(cls, template: str | Path | CSLTemplateInfo) -> CSLTemplateInfo:
        """A template from its text, or from the file a Path names.

        Args:
            template: text, path or template.

        Example:
            >>> CSLTemplateInfo.read("task main() void {}").source
            'task main() void {}'
        """
        if isinstance(template, CSLTemplateInfo):
            return template
        if isinstance(template, Path):
            return cls(template.read_text(), path=str(template))
        return cls(template)


class CustomOp(NamedOp):
    """A declared operation, called like its forward function. `register_custom_op` makes them.

    In graphs, traces and exports a call is one node with the operation's name; for computing, the CPU backend looks
    through it and fuses what the forward function recorded.
    """

    __slots__ = (
        "_parameters",
        "backward_fn",
        "batch_fn",
        "cost_fn",
        "csl_template",
        "dtype_fn",
        "forward_fn",
        "onnx",
        "shape_fn",
    )

    def __init__(
        self,
        name: str,
        forward_fn: Callable[..., Any],
        backward_fn: Callable[..., Any] | None = None,
        csl_template: CSLTemplateInfo | None = None,
        *,
        shape_fn: Callable[..., Any] | None = None,
        dtype_fn: Callable[..., Any] | None = None,
        batch_fn: Callable[..., Any] | None = None,
        cost_fn: Callable[..., Any] | None = None,
        onnx: Mapping[str, Any] | None = None,
        num_outputs: int = 1,
        override: bool = False,
    ) -> None:
        self.forward_fn = forward_fn
        self.backward_fn = backward_fn
        self.csl_template = csl_template
        self.shape_fn = shape_fn
        self.dtype_fn = dtype_fn
        self.batch_fn = batch_fn
        self.cost_fn = cost_fn
        self.onnx = onnx
        self._parameters: tuple[str, ...] | None = None
        previous = self._enter(name, num_outputs, "custom", override=override)
        note(lambda: put_back(self, previous))

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the forward function and record the call.

        Args:
            args: tensors, then options.
            options: what the forward function takes besides: None, bools, numbers, text, dtypes, tuples of these.

        Raises:
            TypeError: an option is of another type, or the forward function returned no tensors.
        """
        operands, data = args, NO_ATTRS
        if options:
            operands, data = self._bound(args, options)
        else:
            for arg in args:
                if not isinstance(arg, Tensor):
                    operands, data = self._bound(args, options)
                    break
        if self.backward_fn is None:
            results = self.forward_fn(*args, **options)
        else:
            before = _set_grad_enabled(False)
            try:
                results = self.forward_fn(*args, **options)
            finally:
                _set_grad_enabled(before)
        if self.num_outputs != 1 or not isinstance(results, Tensor):
            results = self._checked(results)
        if _core.is_debug():
            self._check_rules(operands, data, results)
        return _call(self._number, results, operands, data, self.backward_fn is None)

    @property
    def attrs(self) -> tuple[tuple[str, bool], ...]:
        """Names of the parameters: each may be an attribute where it is given no tensor."""
        return (*((name, False) for name in self._names()), (_NAMES, False))

    @property
    def differentiable(self) -> bool:
        """Whether gradients flow: through `backward_fn`, or through what the forward function records."""
        return True

    def replay(self, operands: Sequence[Tensor], attrs: Mapping[str, Any]) -> Any:
        """Record the operation as a graph holds it."""
        values, options = self._arguments(operands, dict(attrs))
        return self(*values, **options)

    def decompose(self, operands: Sequence[Tensor], attrs: Mapping[str, Any]) -> Any:
        """What the forward function records: for backends that have no kernel of this name."""
        values, options = self._arguments(operands, dict(attrs))
        return self.forward_fn(*values, **options)

    def need(self, part: str) -> Any:
        """A part of the declaration that the caller cannot do without.

        Args:
            part: such as "csl_template" or "onnx".

        Raises:
            NotImplementedError: the operation was declared without it.
        """
        value = getattr(self, part)
        if value is None:
            raise NotImplementedError(f"[{self.name}] was declared without {part}: register it with {_PARTS[part]}")
        return value

    def cost(self, *shapes: tuple[int, ...], **options: Any) -> tuple[float, float]:
        """Floating-point operations and bytes moved, for inputs of these shapes.

        Raises:
            NotImplementedError: the operation was declared without cost_fn.
        """
        flops, moved = self.need("cost_fn")(*shapes, **options)
        return float(flops), float(moved)

    def batched(self, args: Sequence[Any], dims: Sequence[int | None], **options: Any) -> Any:
        """Results and their batch dimensions, by the batching rule.

        Args:
            args: inputs, with a further dimension where `dims` names one.
            dims: for each input the batch dimension, or None.

        Raises:
            NotImplementedError: the operation was declared without batch_fn.
        """
        return self.need("batch_fn")(tuple(args), tuple(dims), **options)

    def infer(self, *specs: Spec, **options: Any) -> tuple[Spec, ...]:
        """Types of the results, by the declared rules; without dtype_fn they have the dtype of the first input.

        Raises:
            NotImplementedError: the operation was declared without shape_fn.
        """
        found = self.need("shape_fn")(*(tuple(spec.shape) for spec in specs), **options)
        shapes = [found] if self.num_outputs == 1 else self._several(found, "shape_fn")
        if self.dtype_fn is None:
            return tuple(Spec(tuple(shape), specs[0].dtype) for shape in shapes)
        made = self.dtype_fn(*(spec.dtype for spec in specs), **options)
        dtypes = [made] if self.num_outputs == 1 else self._several(made, "dtype_fn")
        return tuple(Spec(tuple(shape), dtype) for shape, dtype in zip(shapes, dtypes))

    def _names(self) -> tuple[str, ...]:
        if self._parameters is None:
            parameters = inspect.signature(self.forward_fn).parameters.values()
            variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            self._parameters = tuple(p.name for p in parameters if p.kind not in variable)
        return self._parameters

    def _bound(self, args: tuple[Any, ...], options: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], bytes]:
        """Tensors in the order of the parameters, and everything else as attributes."""
        names = self._names()
        given = dict(zip(names, args)) | dict(options)
        rest = args[len(names) :]
        if any(not isinstance(item, Tensor) for item in rest):
            raise TypeError(f"[{self.name}] options must have a parameter's name: pass them by keyword")
        operands = {name: value for name, value in given.items() if isinstance(value, Tensor)}
        attrs = {name: value for name, value in given.items() if name not in operands}
        if tuple(operands) != names[: len(operands)]:
            if rest:
                raise TypeError(f"[{self.name}] tensors come first, then options by keyword")
            attrs[_NAMES] = tuple(operands)
        return (*operands.values(), *rest), packed(self.name, attrs)

    def _arguments(self, operands: Sequence[Tensor], attrs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What `_bound` took apart: positional arguments, and options by keyword."""
        names = attrs.pop(_NAMES, None)
        if names is None:
            return list(operands), attrs
        given = attrs | dict(zip(names, operands))
        return [], {name: given[name] for name in self._names() if name in given}

    def _checked(self, results: Any) -> Any:
        found = (results,) if self.num_outputs == 1 else self._several(results, "forward_fn")
        for k, result in enumerate(found):
            if not isinstance(result, Tensor):
                raise TypeError(
                    f"[{self.name}] forward_fn gave {type(result).__name__} for output {k}: expected a Tensor"
                )
        return found[0] if self.num_outputs == 1 else found

    def _check_rules(self, operands: Sequence[Tensor], data: bytes, results: Any) -> None:
        """In debug mode: what shape_fn says against what forward_fn made."""
        if self.shape_fn is None:
            return
        options = {key: value for key, value in unpacked(data) if key != _NAMES}
        specs = [Spec(tuple(operand.shape), operand.dtype) for operand in operands]
        stated = self.infer(*specs, **options)
        made = (results,) if self.num_outputs == 1 else results
        for k, (spec, result) in enumerate(zip(stated, made)):
            wrong_dtype = self.dtype_fn is not None and spec.dtype is not result.dtype
            if tuple(spec.shape) != tuple(result.shape) or wrong_dtype:
                raise RuntimeError(
                    f"[{self.name}] forward_fn gave {result.dtype.name} {tuple(result.shape)} for output {k}, its "
                    f"rules say {spec.dtype.name} {tuple(spec.shape)}"
                )

    def _pull_back(
        self, grads: tuple[Tensor, ...], operands: tuple[Tensor, ...], data: bytes, needed: list[bool], line: int
    ) -> list[Tensor | None]:
        try:
            attrs = dict(unpacked(data))
            names = attrs.get(_NAMES)
            values, options = self._arguments(operands, attrs)
            if names is not None:  # backward_fn reads its inputs in the order of the parameters
                values, options = list(options.values()), {}
            found = self.need("backward_fn")(*grads, *values, **options)
            listed = list(found) if isinstance(found, tuple | list) else [found]
            if names is not None and len(listed) == len(values):
                listed = [gradient for gradient, value in zip(listed, values) if isinstance(value, Tensor)]
            if len(listed) > len(operands) and all(item is None for item in listed[len(operands) :]):
                del listed[len(operands) :]
            return self._gradients(listed, operands, needed, "backward_fn")
        except BaseException as error:
            self._explain(error, line, "the gradient of ")
            raise
