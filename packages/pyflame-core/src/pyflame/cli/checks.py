"""What `pyflame doctor` looks at. A check yields findings; each that needs a repair names it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Literal, NamedTuple

from .. import config
from .._environment import ENVIRONMENT, cache_dir
from .plugins import diagnose
from .requirements import unmet

State = Literal["ok", "warning", "error"]


class Finding(NamedTuple):
    """One result: the check's name, how bad it is, what was found, and what to do."""

    check: str
    state: State
    found: str
    repair: str = ""


def versions() -> Iterator[Finding]:
    import numpy as np

    found = f"Python {sys.version.split()[0]}, NumPy {np.__version__}"
    yield Finding("versions", "ok", f"{found}, {', '.join(' '.join(pair) for pair in config.version_info().items())}")
    for dist in distributions():
        if dist.name == "pyflame" and not any("pyflame-core" in text for text in dist.requires or ()):
            repair = "pip uninstall pyflame, then install PyFlame from its own wheels"
            yield Finding("versions", "error", f"pyflame {dist.version} is an unrelated project of that name", repair)


def compatibility() -> Iterator[Finding]:
    family = [dist for dist in distributions() if dist.name and dist.name.replace("_", "-").split("-")[0] == "pyflame"]
    broken = False
    for dist in family:
        for name, pins, version in unmet(dist):
            broken = True
            found = f"{dist.name} {dist.version} needs {name}{pins}, found {version or 'none'}"
            yield Finding("compatibility", "error", found, f"pip install '{name}{pins}'")
    if not broken:
        yield Finding("compatibility", "ok", f"the requirements of {len(family)} distributions are met")


def build() -> Iterator[Finding]:
    info = config.build_info()
    found = f"{info['compiler']}, {info['build_type']}, runs as {info['cpu_tier']}"
    if info["sanitizers"] or info["build_type"] != "Release":
        repair = "install a release wheel unless you are looking for a bug"
        yield Finding("build", "warning", f"{found}: not built for speed", repair)
    elif info["cpu_tier"] == "baseline":
        repair = (
            "unset PYFLAME_CPU_TIER" if os.environ.get("PYFLAME_CPU_TIER") else "use a processor with AVX2 for speed"
        )
        yield Finding("build", "warning", f"{found}: kernels run without AVX2", repair)
    else:
        yield Finding("build", "ok", found)


def computation() -> Iterator[Finding]:
    import pyflame as pf

    x = pf.ones(2, 3, requires_grad=True)
    (x @ pf.ones(3, 2)).sum().backward()
    if x.grad is not None and x.grad.tolist() == [[2.0] * 3] * 2:
        yield Finding("computation", "ok", "a product and its gradient are right")
    else:
        yield Finding(
            "computation", "error", "a product has a wrong gradient", "reinstall pyflame-core, and report this"
        )


def plugins() -> Iterator[Finding]:
    found = list(diagnose())
    for plugin in found:
        if plugin["problem"]:
            repair = f"update or uninstall {plugin['distribution']}; `pyflame plugins doctor` shows the traceback"
            yield Finding("plugins", "error", f"{plugin['name']} is broken: {plugin['problem']}", repair)
    working = sum(not plugin["problem"] for plugin in found)
    yield Finding("plugins", "ok", f"{working} of {len(found)} work" if found else "none are installed")


def environment() -> Iterator[Finding]:
    unknown = [name for name in os.environ if name.startswith("PYFLAME_") and name not in ENVIRONMENT]
    for name in sorted(unknown):
        yield Finding("environment", "warning", f"{name} is set, but nothing reads it", f"unset {name}, or correct it")
    if not unknown:
        count = sum(name in os.environ for name in ENVIRONMENT)
        yield Finding("environment", "ok", f"{count} PYFLAME_ variables are set, all of them known")


def cache() -> Iterator[Finding]:
    folder = cache_dir()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            yield Finding("cache", "ok", f"{folder} can be written")
    except OSError as error:
        repair = "set PYFLAME_CACHE_DIR to a folder that can be written"
        yield Finding("cache", "warning", f"{folder} cannot be written: {error.strerror}", repair)


def sdk() -> Iterator[Finding]:
    for name in ("PYFLAME_SDK_PATH", "CEREBRAS_SDK_PATH"):
        if path := os.environ.get(name):
            if Path(path).is_dir():
                yield Finding("sdk", "ok", f"{path} ({name})")
            else:
                yield Finding("sdk", "error", f"{name} is {path}, which is no folder", f"correct or unset {name}")
            return
    yield Finding("sdk", "ok", "no Cerebras SDK is set up (PYFLAME_SDK_PATH); the CPU needs none")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    versions,
    compatibility,
    build,
    computation,
    plugins,
    environment,
    cache,
    sdk,
)
