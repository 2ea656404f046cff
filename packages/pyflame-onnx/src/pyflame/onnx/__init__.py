"""ONNX models as trainable PyFlame modules."""

from __future__ import annotations

from .check import check as check
from .errors import InvalidOnnxModel as InvalidOnnxModel, UnsupportedOnnxOp as UnsupportedOnnxOp
from .module import ONNXModel as ONNXModel
from .report import Finding as Finding, Report as Report
