"""The folder of downloaded files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypedDict

from pyflame.config import cache_dir


class CacheInfo(TypedDict):
    """What is in the cache."""

    path: str
    files: dict[str, int]
    size: int


def get_cache_dir() -> Path:
    """Return the folder of downloaded weights, which need not exist yet: `hub` below PYFLAME_CACHE_DIR.

    Example:
        >>> from pyflame import hub
        >>> hub.get_cache_dir().name
        'hub'
    """
    return cache_dir() / "hub"


def cache_info() -> CacheInfo:
    """Return the folder, its files with their sizes in bytes, and the sum of them.

    Example:
        >>> from pyflame import hub
        >>> sorted(hub.cache_info())
        ['files', 'path', 'size']
    """
    folder = get_cache_dir()
    files = {path.name: path.stat().st_size for path in sorted(folder.glob("*")) if path.is_file()}
    return {"path": str(folder), "files": files, "size": sum(files.values())}


def clear_cache(name: str | None = None) -> int:
    """Delete downloaded files.

    Args:
        name: of the registered weights whose file is deleted; all files by default.

    Returns:
        How many bytes were freed.

    Raises:
        WeightsError: no weights are registered under the name.
    """
    from .weights import cached_path, weight_info

    folder = get_cache_dir()
    paths = [path for path in folder.glob("*") if path.is_file()] if name is None else [cached_path(weight_info(name))]
    freed = 0
    for path in paths:
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:  # never downloaded, or deleted by somebody else meanwhile
            continue
        freed += size
    return freed


def check_name(op: str, name: str) -> str:
    """A name that is also a safe file name: it cannot lead out of its folder."""
    if not isinstance(name, str):
        raise TypeError(f"[{op}] name: expected a str, got {type(name).__name__}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", name):
        raise ValueError(
            f"[{op}] {name!r} cannot be a name: it has letters, digits, '.', '_', '+' and '-', begins with a letter or "
            f"digit and is at most 128 long"
        )
    return name
