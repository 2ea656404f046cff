"""ONNX models as trainable PyFlame modules, and PyFlame models as ONNX files."""

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
from .exporter import (
    ONNXExportConfig as ONNXExportConfig,
    ONNXExporter as ONNXExporter,
    TrainingMode as TrainingMode,
    explain as explain,
    export as export,
    export_onnx as export_onnx,
    export_onnx_from_traced as export_onnx_from_traced,
)
from .exports.program import DynamicShapeError as DynamicShapeError
from .exports.verify import VerificationError as VerificationError
from .module import ONNXModel as ONNXModel
from .report import Finding as Finding, Report as Report
from .to_onnx import (
    PyFlameToONNXConverter as PyFlameToONNXConverter,
    register_op_export as register_op_export,
)
