"""Other names for what lives elsewhere, so that habits from `torch.utils` carry over."""

import importlib as _importlib

from ..io import (
    detect_format as detect_format,
    load as load,
    load_checkpoint as load_checkpoint,
    load_into as load_into,
    save as save,
    save_checkpoint as save_checkpoint,
)


def __getattr__(name: str) -> object:
    if name in ("checkpoint", "data"):
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
