"""The PYFLAME_ environment variables: what they mean, and those that core applies at import."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import _core

# name -> meaning; other parts of the family read those of theirs
ENVIRONMENT = {
    "PYFLAME_NUM_THREADS": "CPU threads, by default one per physical core",
    "PYFLAME_AMX_FP32": "0 keeps float32 products off the tile unit of the amx tier; 1, the default, allows it",
    "PYFLAME_CPU_TIER": "kernels to use: baseline, avx2, avx512, amx, or neon on ARM; by default the best there is",
    "PYFLAME_DEVICE": "the device that computes, by default cpu",
    "PYFLAME_EAGER": "1: compute every operation at once",
    "PYFLAME_DEBUG": "1: start in debug mode",
    "PYFLAME_GRAPH_LIMIT": "pending operations before they are computed unasked, by default 10000",
    "PYFLAME_OPT_LEVEL": "0 to 3: which graph passes run by default, by default 2",
    "PYFLAME_DETERMINISTIC": "1: use_deterministic_algorithms(True)",
    "PYFLAME_STRICT_NUMERICS": "1: no kernel or fusion that changes rounding",
    "PYFLAME_LOG_LEVEL": "level of the logger pyflame, by default WARNING",
    "PYFLAME_PROFILE": "a path: profile the process and write a Chrome trace there at exit",
    "PYFLAME_CACHE_DIR": "root of all caches, by default pyflame/ in the user's cache folder",
    "PYFLAME_PLUGINS": "plugins to load at import, separated by commas",
    "PYFLAME_ALLOWED_PLUGIN_PREFIXES": "prefixes of the modules that plugins may come from, separated by commas",
    "PYFLAME_DISABLE_ENV_PLUGINS": "1: ignore PYFLAME_PLUGINS and installed plugins",
    "PYFLAME_DATA_DIR": "root of data sets",
    "PYFLAME_OFFLINE": "1: no access to the network",
    "PYFLAME_CSL_TARGET": "target of the CSL code generator",
    "PYFLAME_SDK_PATH": "location of the SDK, else that of CEREBRAS_SDK_PATH",
    "PYFLAME_RUNTIME_ADDRESS": "address of the system, else that of CEREBRAS_RUNTIME_ADDRESS",
    "PYFLAME_MODEL_PATH": "model of the serving container, else that of MODEL_PATH",
    "PYFLAME_HOST": "address the server binds",
    "PYFLAME_PORT": "port the server binds",
    "PYFLAME_API_KEY": "key that server and client share",
}
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _number(name: str, default: int, low: int, high: int, what: str) -> int:
    text = os.environ.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"[config] {name} is {text!r}: expected {what}")
    return int(text)


def optimization_level() -> int:
    """The level of graph passes that PYFLAME_OPT_LEVEL asks for."""
    return _number("PYFLAME_OPT_LEVEL", 2, 0, 3, "a level from 0 to 3")


def cache_dir() -> Path:
    """The root of everything that is cached on disk."""
    if given := os.environ.get("PYFLAME_CACHE_DIR"):
        return Path(given)
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "pyflame"


def apply() -> None:
    """Apply the variables that concern the runtime."""
    if os.environ.get("PYFLAME_EAGER") == "1":
        _core.set_eager(True)
    if os.environ.get("PYFLAME_DEBUG") == "1":
        _core.set_debug(True)
    if limit := _number("PYFLAME_GRAPH_LIMIT", 0, 1, 2**31 - 1, "a positive number of nodes"):
        _core.set_graph_limit(limit)
    optimization_level()  # a wrong value is told here, not at the first pass
    if level := os.environ.get("PYFLAME_LOG_LEVEL", "").upper():
        if level not in _LOG_LEVELS:
            raise ValueError(f"[config] PYFLAME_LOG_LEVEL is {level!r}: expected one of {', '.join(_LOG_LEVELS)}")
        import logging

        logging.getLogger("pyflame").setLevel(level)
    if path := os.environ.get("PYFLAME_PROFILE"):
        from ._trace_file import profile_process

        profile_process(path)


def apply_extensions() -> None:
    """Apply the variables that bring in other people's code, when the package is complete."""
    if os.environ.get("PYFLAME_PLUGINS"):
        from .extend.manager import load_from_environment
        from .extend.plugins import manager

        load_from_environment(manager)
    if device := os.environ.get("PYFLAME_DEVICE"):
        from .backends.active import set_default

        set_default(device)
