"""Exceptions of reading and converting ONNX models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Report


class InvalidOnnxModel(ValueError):
    """A file or model is not valid ONNX: truncated, contradictory, or reaching outside its folder.

    Example:
        >>> import pyflame as pf
        >>> try:
        ...     pf.onnx.check(b"not a model")
        ... except pf.onnx.InvalidOnnxModel as error:
        ...     print("refused")
        refused
    """


class UnsupportedOnnxOp(NotImplementedError):
    """A model uses operators that have no mapping; the text is the report of `pyflame.onnx.check`.

    Attributes:
        report: the `Report`, with every unsupported operator, where it stands and what to do.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report
