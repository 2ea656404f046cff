"""A model as a module: its graph run on registered parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.graph import Graph, trace

from .emit import write_source
from .importer import Importer
from .plans import Plans
from .program import Slot
from .proto import Source, read
from .values import OF_ARRAY, Carried, Value, lift, release, to_array, type_of
from .weights import CONSTANT, PARAMETER, Entry


class ONNXModel(nn.Module):
    """An ONNX model as an ordinary module: trainable, traceable, with its weights in `state_dict()`.

    Initializers and large constants are parameters, or buffers where gradients make no sense. A name that cannot be an
    attribute has its other characters replaced by underscores; `onnx_names` tells the original one.

    Args:
        source: a path, the bytes of a file, or a `ModelProto`.

    Attributes:
        input_names: the inputs, in the order `forward` takes them.
        output_names: the outputs, in the order `forward` returns them.
        onnx_names: key of the state dict -> name in the model.
        metadata: producer, documentation and other properties that the file tells.

    Raises:
        InvalidOnnxModel: the source is not a valid model.
        UnsupportedOnnxOp: it uses operators that cannot be imported; the text lists them.

    Example:
        >>> import onnx.parser
        >>> import pyflame as pf
        >>> model = pf.onnx.ONNXModel(onnx.parser.parse_model('''
        ...     <ir_version: 8, opset_import: ["" : 17]>
        ...     scaled (float[N, 2] x) => (float[N, 2] y) <float[2] weight = {2, 3}> { y = Mul(x, weight) }
        ... '''))
        >>> model(pf.ones(1, 2)).tolist()
        [[2.0, 3.0]]
        >>> [name for name, _ in model.named_parameters()]
        ['weight']
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        file = read(source)
        importer = Importer(file)
        self.name = file.name
        self.body = importer.body
        self.metadata = metadata_of(file.proto)
        self.opsets = file.opsets
        self.input_names = [slot.name for slot in self.body.inputs]
        self.output_names = [slot.name for slot in self.body.outputs]
        self.onnx_names = {key: entry.name for key, entry in importer.weights.entries.items()}
        self._entries = importer.weights.entries
        self._constants = {key: e for key, e in importer.weights.entries.items() if e.kind == CONSTANT}
        for key, entry in importer.weights.entries.items():
            register(self, key, entry)
            if entry.kind != CONSTANT:  # the module has the values now: a copy of them would double its size
                entry.array = np.broadcast_to(np.zeros((), entry.array.dtype), entry.array.shape)
        self._plans = Plans(self.body, self)
        self._versions = self._constant_versions()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the model.

        Args:
            args: one tensor per input, in the order of `input_names`; arrays are taken too.
            kwargs: inputs by name.

        Returns:
            The output, or a tuple of them; a sequence is a list.

        Raises:
            TypeError: an input is missing, unknown, or of another dtype than the model declares.
            ValueError: its shape contradicts the model.
        """
        values = [admit(slot, value) for slot, value in zip(self.body.inputs, self._bind(args, kwargs))]
        results = tuple(map(release, self.run_values(values)))
        return results[0] if len(results) == 1 else results

    def run_values(self, values: Sequence[Value]) -> list[Any]:
        """Run the model on values in its own element types; results are not made tensors."""
        if self._versions != self._constant_versions():
            self._refresh()
        return self._plans.run(values)

    @property
    def replays(self) -> int:
        """How many runs were replayed: they recorded what an earlier one did, without looking at the steps again.

        The third run with inputs of the same shapes and dtypes is the first that can be.
        """
        return self._plans.replays

    @property
    def fallback_reasons(self) -> tuple[str, ...]:
        """Why runs with inputs of some shapes go through all steps each time."""
        return self._plans.reasons

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        names = self.input_names
        if len(args) > len(names):
            raise TypeError(f"[onnx] {self.name} takes {len(names)} inputs, {len(args)} were given: {names}")
        given = dict(zip(names, args))
        for name, value in kwargs.items():
            if name not in names or name in given:
                raise TypeError(f"[onnx] {self.name} has no further input {name!r}: its inputs are {names}")
            given[name] = value
        missing = [name for name in names if name not in given]
        if missing:
            raise TypeError(f"[onnx] {self.name}: input {', '.join(map(repr, missing))} is missing")
        return [given[name] for name in names]

    def _constant_versions(self) -> list[tuple[int, int]]:
        buffers = (getattr(self, key) for key in self._constants)
        return [(id(buffer), buffer._version) for buffer in buffers]

    def _refresh(self) -> None:
        """Take the values of constants from their buffers again."""
        for key, entry in self._constants.items():
            array = to_array(getattr(self, key)).astype(entry.array.dtype)
            for body, name in entry.homes:
                body.constants[name] = array
        self._plans.forget()
        self._versions = self._constant_versions()

    @property
    def graph(self) -> Graph:
        """The graph for inputs of the declared sizes; dimensions that are open have the size 1."""
        return self.graph_for(None)

    def graph_for(self, sizes: Mapping[str, int] | None) -> Graph:
        """Trace the model.

        Args:
            sizes: sizes of dimensions by the names the model gives them; 1 for those not given.

        Raises:
            TypeError: an input is not a tensor of a known number of dimensions.
            TraceError: a shape or a branch depends on the elements of an input.
        """
        examples = [example(slot, sizes or {}) for slot in self.body.inputs]
        return trace(self, tuple(examples), example_names=self.input_names).graph

    def info(self) -> dict[str, Any]:
        """Return what the model is, as plain values.

        Example:
            >>> import onnx.parser
            >>> import pyflame as pf
            >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
            >>> pf.onnx.import_onnx(onnx.parser.parse_model(text)).info()["inputs"]
            [{'name': 'x', 'dtype': 'FLOAT', 'shape': ['N']}]
        """
        return {
            "name": self.name,
            "opsets": dict(self.opsets),
            "inputs": list(map(told, self.body.inputs)),
            "outputs": list(map(told, self.body.outputs)),
            "parameters": sum(parameter.numel() for parameter in self.parameters()),
            "nodes": len(self.body.steps),
            "ops": dict(sorted(Counter(step.op for step in self.body.steps).items())),
            "metadata": dict(self.metadata),
        }

    def to_python(self) -> str:
        """Return the source of a module that computes the same, one line per node.

        Its `Model` takes the `state_dict()` of this one.

        Raises:
            NotImplementedError: an operator has no form that can be written out.

        Example:
            >>> import onnx.parser
            >>> import pyflame as pf
            >>> text = '<ir_version: 8, opset_import: ["" : 17]> one (float[N] x) => (float[N] y) { y = Relu(x) }'
            >>> print(pf.onnx.import_onnx(onnx.parser.parse_model(text)).to_python()[-69:])
                def forward(self, x):
                    y = relu(x)
                    return release(y)
            <BLANKLINE>
        """
        return write_source(self.name, self.body, self._entries)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load weights, by the names of `state_dict()` or by those that they have in the ONNX model."""
        keys = {name: key for key, name in self.onnx_names.items()}
        named = {key if key in self.onnx_names else keys.get(key, key): value for key, value in state_dict.items()}
        return super().load_state_dict(named, *args, **kwargs)

    def extra_repr(self) -> str:
        """Say what goes in and what comes out."""
        return f"{self.name}: {', '.join(self.input_names)} -> {', '.join(self.output_names)}"


def register(module: nn.Module, key: str, entry: Entry) -> None:
    """Add a tensor of the model to the module."""
    tensor = lift(entry.array)
    assert isinstance(tensor, Tensor)
    if entry.kind == PARAMETER:
        module.register_parameter(key, nn.Parameter(tensor))
    else:
        module.register_buffer(key, tensor)


def told(slot: Slot) -> dict[str, Any]:
    """Return what a file tells about an input or output."""
    shape = None if slot.shape is None else ["?" if size is None else size for size in slot.shape]
    return {"name": slot.name, "dtype": slot.type.name if slot.type else None, "shape": shape}


def example(slot: Slot, sizes: Mapping[str, int]) -> Tensor:
    """Return zeros of the declared type and shape."""
    if slot.type is None or slot.shape is None:
        raise TypeError(f"[onnx] input {slot.name!r} has no declared type and shape: trace the model with pf.trace")
    shape = [size if isinstance(size, int) else sizes.get(size or "", 1) for size in slot.shape]
    return pf.zeros(shape, dtype=slot.type.dtype)


def metadata_of(model: onnx.ModelProto) -> dict[str, str]:
    """Return what a file tells about itself."""
    told = {
        "producer_name": model.producer_name,
        "producer_version": model.producer_version,
        "domain": model.domain,
        "model_version": str(model.model_version) if model.model_version else "",
        "doc_string": model.doc_string,
    }
    return {**{k: v for k, v in told.items() if v}, **{entry.key: entry.value for entry in model.metadata_props}}


def admit(slot: Slot, value: Any) -> Value:
    """Check an input against what the model declares, and make it a tensor.

    Raises:
        TypeError: it is no tensor, or of another dtype.
        ValueError: its shape contradicts the declared one.
    """
    if value is None or isinstance(value, (list, tuple)):
        return None if value is None else [admit(Slot(slot.name), entry) for entry in value]
    if isinstance(value, np.ndarray):
        if value.dtype not in OF_ARRAY:
            raise TypeError(f"[onnx] input {slot.name!r}: arrays of {value.dtype} cannot be taken")
        value = lift(value)
    if not isinstance(value, (Tensor, Carried)):
        raise TypeError(f"[onnx] input {slot.name!r}: a tensor is needed, not a {type(value).__name__}")
    if slot.type is not None and type_of(value) != slot.type:
        if isinstance(value, Carried) or slot.type.native or value.dtype != slot.type.dtype:
            wanted = slot.type.dtype.name + ("" if slot.type.native else f" (for {slot.type.name})")
            raise TypeError(f"[onnx] input {slot.name!r} has dtype {type_of(value).name}, the model takes {wanted}")
        value = Carried(value, slot.type)
    check_shape(slot, tuple(value.shape))
    return value


def check_shape(slot: Slot, shape: tuple[int, ...]) -> None:
    """Compare a shape with the declared one; sizes that are names can be anything."""
    if slot.shape is None:
        return
    fits = len(shape) == len(slot.shape)
    fits = fits and all(not isinstance(want, int) or want == have for want, have in zip(slot.shape, shape))
    if not fits:
        wanted = ", ".join("?" if size is None else str(size) for size in slot.shape)
        raise ValueError(f"[onnx] input {slot.name!r} has shape {list(shape)}, the model takes [{wanted}]")
