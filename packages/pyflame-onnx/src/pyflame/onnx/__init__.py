"""ONNX models as trainable PyFlame modules."""

from __future__ import annotations

from .check import check as check
from .convert import (
    ONNXImporter as ONNXImporter,
    ONNXToPyFlameConverter as ONNXToPyFlameConverter,
    import_onnx as import_onnx,
    register_op_import as register_op_import,
    supported_ops as supported_ops,
)
from .errors import InvalidOnnxModel as InvalidOnnxModel, UnsupportedOnnxOp as UnsupportedOnnxOp
from .module import ONNXModel as ONNXModel
from .report import Finding as Finding, Report as Report
