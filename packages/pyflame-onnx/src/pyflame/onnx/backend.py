"""The interface by which ONNX's own test suite, and tools built on it, run models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.base import Backend, BackendRep

from .module import ONNXModel, admit
from .values import Value, to_array


class PyFlameRep(BackendRep):
    """A model that is ready to run on arrays.

    Args:
        model: what to run.
    """

    def __init__(self, model: ONNXModel) -> None:
        self.model = model

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Run the model.

        Args:
            inputs: one array per input, in order, or a dict of them by name; sequences are lists.

        Returns:
            One array per output, in the model's own element types.
        """
        slots = self.model.body.inputs
        if isinstance(inputs, dict):
            given = [inputs.get(slot.name) for slot in slots]
        else:
            given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        values: list[Value] = [admit(slot, as_value(value)) for slot, value in zip(slots, given)]
        values += [None] * (len(slots) - len(values))
        return tuple(to_array(value) for value in self.model.run_values(values))


def as_value(value: Any) -> Any:
    """Return what a test gives: arrays, protos, or lists of them."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, (list, tuple)):
        return [as_value(entry) for entry in value]
    return None if value is None else np.asarray(value)


class PyFlameBackend(Backend):
    """PyFlame as a backend of `onnx.backend`.

    Example:
        >>> import numpy as np, onnx.parser
        >>> from pyflame.onnx.backend import PyFlameBackend
        >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
        >>> PyFlameBackend.run_model(onnx.parser.parse_model(text), [np.array([-1, 2], np.float32)])
        (array([0., 2.], dtype=float32),)
    """

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> PyFlameRep:
        """Import a model.

        Raises:
            InvalidOnnxModel: it is not valid.
            UnsupportedOnnxOp: it uses operators that cannot be imported.
        """
        return PyFlameRep(ONNXModel(model))

    @classmethod
    def run_model(cls, model: onnx.ModelProto, inputs: Sequence[Any], device: str = "CPU", **kwargs: Any) -> Any:
        """Import and run a model."""
        return cls.prepare(model, device).run(inputs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether models run on a device: only the CPU's values reach NumPy."""
        return device.split(":")[0] == "CPU"
