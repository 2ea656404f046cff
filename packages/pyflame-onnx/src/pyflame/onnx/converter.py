"""Both converters, between graphs and ONNX models."""

from __future__ import annotations

from .convert import ONNXToPyFlameConverter as ONNXToPyFlameConverter
from .exporter import (
    ONNXExportConfig as ONNXExportConfig,
    ONNXExporter as ONNXExporter,
    export as export,
    export_onnx as export_onnx,
    export_onnx_from_traced as export_onnx_from_traced,
)
from .to_onnx import PyFlameToONNXConverter as PyFlameToONNXConverter, register_op_export as register_op_export
