"""Gradients: computing them, when to record for them, and functions with gradients of their own."""

from __future__ import annotations

import importlib as _importlib
import typing as _typing

from .engine import backward as backward, grad as grad
from .modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)

# Imported at first use, for a quick `import pyflame`.
_LATE = {
    "anomaly": "detect_anomaly is_anomaly_enabled set_detect_anomaly",
    "check": "gradcheck gradgradcheck",
    "function": "Function",
    "functional": "",
}
_HOME = {name: module for module, names in _LATE.items() for name in names.split()}

if _typing.TYPE_CHECKING:
    from . import function as function, functional as functional
    from .anomaly import (
        detect_anomaly as detect_anomaly,
        is_anomaly_enabled as is_anomaly_enabled,
        set_detect_anomaly as set_detect_anomaly,
    )
    from .check import gradcheck as gradcheck, gradgradcheck as gradgradcheck
    from .function import Function as Function
else:

    def __getattr__(name: str):
        if name in ("function", "functional"):
            return _importlib.import_module(f"{__name__}.{name}")
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(_importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        return value


def __dir__() -> list[str]:
    late = {"function", "functional", *_HOME}
    return sorted(name for name in {*globals(), *late} if not name.startswith("_"))
