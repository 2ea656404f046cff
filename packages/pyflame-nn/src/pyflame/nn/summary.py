"""A table of what a model is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyflame import DType, MeshLayout, Tensor, no_grad, zeros

from .module import Module
from .parameter import is_lazy


def bytes_per_pe(tensors: Sequence[Tensor], layout: MeshLayout | None) -> int:
    """What the fullest PE holds of the tensors: a whole one without a layout, which is on one PE."""
    total = 0
    for tensor in tensors:
        own = tensor.layout or layout
        total += tensor.nbytes if own is None or tensor.ndim == 0 else _largest_tile(own, tensor)
    return total


def _largest_tile(layout: MeshLayout, tensor: Tensor) -> int:
    try:
        return layout.memory_per_pe(tensor.shape, tensor.dtype)
    except IndexError:  # a tensor without the dimensions that are split is on every PE
        return tensor.nbytes


def tensors_in(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
    return [tensor for part in parts for tensor in tensors_in(part)]


@dataclass(frozen=True)
class Row:
    """One module of a summary.

    Attributes:
        name: path, empty for the model itself.
        kind: class.
        depth: how many modules it is in.
        output_shapes: of the tensors it returned, none if it was not called.
        parameters: number of elements of its own parameters.
        trainable: how many of those require grad.
        pe_bytes: what the fullest PE holds of its own parameters and buffers and of its output.
    """

    name: str
    kind: str
    depth: int
    output_shapes: tuple[tuple[int, ...], ...]
    parameters: int
    trainable: int
    pe_bytes: int


@dataclass(frozen=True)
class Summary:
    """What `summary` found; printed, it is a table.

    Attributes:
        rows: one for each module, in the order of `named_modules()`.
        total_parameters: number of elements of all parameters, shared ones once.
        trainable_parameters: how many of those require grad.
        parameter_bytes: bytes of all parameters and buffers.
        pe_bytes: what the fullest PE holds of all parameters and buffers and of the largest output.
    """

    rows: tuple[Row, ...]
    total_parameters: int
    trainable_parameters: int
    parameter_bytes: int
    pe_bytes: int

    def _lines(self) -> Iterator[tuple[str, str, str, str]]:
        yield "layer", "output shape", "parameters", "bytes per PE"
        for row in self.rows:
            label = row.name.rpartition(".")[2]
            shapes = ", ".join(str(shape) for shape in row.output_shapes) or "-"
            count = f"{row.parameters:,}" if row.parameters else "-"
            yield "  " * row.depth + (f"{label}: {row.kind}" if label else row.kind), shapes, count, f"{row.pe_bytes:,}"

    def __str__(self) -> str:
        lines = list(self._lines())
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        text = []
        for line in lines:
            cells = [
                line[0].ljust(widths[0]),
                line[1].ljust(widths[1]),
                line[2].rjust(widths[2]),
                line[3].rjust(widths[3]),
            ]
            text.append("  ".join(cells).rstrip())
        rule = "-" * (sum(widths) + 6)
        frozen = self.total_parameters - self.trainable_parameters
        return "\n".join(
            [
                text[0],
                rule,
                *text[1:],
                rule,
                f"parameters: {self.total_parameters:,} ({frozen:,} frozen), {self.parameter_bytes:,} bytes with "
                "buffers",
                f"fullest PE: {self.pe_bytes:,} bytes (parameters, buffers and the largest output)",
            ]
        )

    __repr__ = __str__


def summary(
    module: Module,
    input_shape: Sequence[int] | Sequence[Sequence[int]],
    *,
    dtype: DType | Sequence[DType] | None = None,
    layout: MeshLayout | None = None,
) -> Summary:
    """Return a table of a model's layers: output shapes, numbers of parameters, and bytes per PE.

    The model is called once in evaluation mode; as only shapes are needed, nothing is computed.

    Args:
        module: the model.
        input_shape: of its input with the batch, or a list of them for several inputs.
        dtype: of the input or of each; the default dtype if None.
        layout: where tensors that state no layout are counted; without one they are on one PE.

    Example:
        >>> from pyflame import nn
        >>> print(nn.summary(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (2, 4)))
        layer        output shape  parameters  bytes per PE
        ---------------------------------------------------
        Sequential   (2, 3)                 -            24
          0: Linear  (2, 3)                15            84
          1: ReLU    (2, 3)                 -            24
        ---------------------------------------------------
        parameters: 15 (0 frozen), 60 bytes with buffers
        fullest PE: 84 bytes (parameters, buffers and the largest output)
    """
    several = len(input_shape) > 0 and not isinstance(input_shape[0], int)
    shapes: list[Any] = list(input_shape) if several else [input_shape]
    dtypes: list[Any] = list(dtype) if isinstance(dtype, Sequence) else [dtype] * len(shapes)
    if len(dtypes) != len(shapes):
        raise ValueError(f"[summary] {len(dtypes)} dtypes for {len(shapes)} inputs: expected one, or one each")
    if any(is_lazy(value) for value in (*module.parameters(), *module.buffers())):
        raise ValueError("[summary] a lazy module has no shapes yet: run a batch through the model first")
    outputs: dict[int, list[Tensor]] = {}

    def keep(called: Module, args: tuple[Any, ...], result: Any) -> None:
        outputs.setdefault(id(called), tensors_in(result))

    parts = list(module.named_modules())
    modes = [(part, part.training) for _, part in parts]
    handles = [part.register_forward_hook(keep) for _, part in parts]
    try:
        module.eval()
        with no_grad():
            module(*(zeros(tuple(shape), dtype=kind) for shape, kind in zip(shapes, dtypes)))
    finally:
        for handle in handles:
            handle.remove()
        for part, training in modes:
            part.training = training
    rows = [_row(name, part, outputs.get(id(part), []), layout) for name, part in parts]
    own = [*module.parameters(), *module.buffers()]
    largest = max((bytes_per_pe(found, layout) for found in outputs.values()), default=0)
    return Summary(
        tuple(rows),
        sum(parameter.numel() for parameter in module.parameters()),
        sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad),
        sum(value.nbytes for value in own),
        bytes_per_pe(own, layout) + largest,
    )


def _row(name: str, part: Module, found: list[Tensor], layout: MeshLayout | None) -> Row:
    own = list(part.parameters(recurse=False))
    return Row(
        name,
        type(part).__name__,
        name.count(".") + 1 if name else 0,
        tuple(tuple(tensor.shape) for tensor in found),
        sum(parameter.numel() for parameter in own),
        sum(parameter.numel() for parameter in own if parameter.requires_grad),
        bytes_per_pe([*own, *part.buffers(recurse=False), *found], layout),
    )
