"""What can be chosen about an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import onnx
import onnx.defs

MIN_OPSET = 13


class TrainingMode(Enum):
    """The mode a module is exported in, as torch.onnx.TrainingMode.

    Example:
        >>> TrainingMode["EVAL"]
        <TrainingMode.EVAL: 0>
    """

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


@dataclass(frozen=True)
class ONNXExportConfig:
    """How a model is exported.

    Args:
        input_names: names of the inputs; those not given keep the names of the function's arguments.
        output_names: names of the outputs; by default "output", or "output_0" and so on.
        dynamic_axes: {name: {axis: label}} or {name: [axes]}: axes whose size may change; equal labels, equal sizes.
        dynamic_shapes: the same as torch.export has it: {name: {axis: label or Dim}}, or a tuple in argument order.
        opset_version: version of the standard operators.
        do_constant_folding: compute what depends on constants alone beforehand.
        verbose: print what is written.
        training: mode of the module while it is exported.
        export_params: store the weights in the model; without, they are inputs.
        keep_initializers_as_inputs: list stored weights as inputs too.
        recompose: write known compositions as the operators for them.
        verify: run the model and compare with the original, at several sizes of the dynamic axes.
        runtime: "onnxruntime" or "reference", by which it is run; None for the first where it is installed.
        tolerance: share of a result's largest value by which it may differ; None for one that fits its dtype.
        external_data_threshold: bytes of weights from which on they lie in a file of their own; None for 2 GB.
        metadata: notes to store in the model.
        dynamic: make the first axis dynamic, named "batch", in every input where it is as long as in the first.

    Example:
        >>> ONNXExportConfig(opset_version=20).opset_version
        20
    """

    input_names: Sequence[str] | None = None
    output_names: Sequence[str] | None = None
    dynamic_axes: Mapping[str, Any] | None = None
    dynamic_shapes: Mapping[str, Any] | Sequence[Any] | None = None
    opset_version: int = 17
    do_constant_folding: bool = True
    verbose: bool = False
    training: TrainingMode = TrainingMode.EVAL
    export_params: bool = True
    keep_initializers_as_inputs: bool = False
    recompose: bool = True
    verify: bool = True
    runtime: str | None = None
    tolerance: float | None = None
    external_data_threshold: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    dynamic: bool = False

    def __post_init__(self) -> None:
        newest = onnx.defs.onnx_opset_version()
        if not MIN_OPSET <= self.opset_version <= newest:
            raise ValueError(
                f"[onnx] opset_version is {self.opset_version}: exports are for {MIN_OPSET} to {newest}, the newest "
                f"of onnx {onnx.__version__}"
            )
