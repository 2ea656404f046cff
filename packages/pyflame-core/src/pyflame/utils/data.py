"""The names of the part for data loading, where `torch.utils.data` has them."""

import importlib as _importlib
from typing import Any as _Any


def _part() -> _Any:
    root = _importlib.import_module(__name__.split(".")[0])
    return getattr(root, "data")  # noqa: B009  # the root says which distribution to install if it is missing


def __getattr__(name: str) -> object:
    if name.startswith("__"):  # asked for by tools that look at modules, whether the part is here or not
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_part(), name)


def __dir__() -> list[str]:
    return dir(_part())
