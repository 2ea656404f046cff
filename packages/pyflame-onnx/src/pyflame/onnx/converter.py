"""Both converters, between graphs and ONNX models."""

from __future__ import annotations

from .convert import ONNXToPyFlameConverter as ONNXToPyFlameConverter
