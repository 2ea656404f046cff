"""How each ONNX operator is computed: one module per family of operators.

A map is a Python function that takes what the node takes and its attributes by keyword, decorated with the versions of
the operator it implements. `find` looks a map up by the version that a model's opset selects.
"""

from __future__ import annotations

from . import (
    activation as activation,
    cast as cast,
    control as control,
    convolution as convolution,
    creation as creation,
    elementwise as elementwise,
    image as image,
    index as index,
    legacy as legacy,
    linear as linear,
    logic as logic,
    normalization as normalization,
    pooling as pooling,
    quantize as quantize,
    recurrent as recurrent,
    reduce as reduce,
    regions as regions,
    resize as resize,
    sampling as sampling,
    sequence as sequence,
    shape as shape,
    signal as signal,
    text as text,
    training as training,
    trees as trees,
)
from .registry import Map as Map, find as find, maps as maps, operator as operator, supported as supported
