"""The names of `pyflame.autograd.checkpoint`: recomputing instead of keeping what a backward pass needs."""

import importlib as _importlib


def __getattr__(name: str) -> object:
    home = "pyflame.autograd.checkpoint"
    if name in ("checkpoint", "checkpoint_sequential"):
        try:
            return getattr(_importlib.import_module(home), name)
        except ModuleNotFoundError as error:
            if error.name != home:
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
