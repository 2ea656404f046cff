"""Compile the core for 64-bit ARM and run its tests on an emulator.

    python ci/aarch64.py packages/pyflame-core/tests/test_contract.py -k "matmul or softmax"

Wants Debian's packages for it; names those that are missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "packages" / "pyflame-core"
BUILD = ROOT / "build" / "aarch64"
SYSTEM, OBJECTS, SITE = BUILD / "system", BUILD / "objects", BUILD / "site"
VERSION = "3.11"
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64-static"
SET_UP = "dpkg --add-architecture arm64 && apt-get update && apt-get install g++-aarch64-linux-gnu qemu-user-static"
# What Debian's Python for ARM is made of.
PACKAGES = (
    f"python{VERSION}-minimal libpython{VERSION}-minimal libpython{VERSION}-stdlib libpython{VERSION}-dev "
    "zlib1g libexpat1 libffi8 libssl3 libbz2-1.0 liblzma5 libsqlite3-0 libuuid1 libcrypt1 libc6 libgcc-s1 libstdc++6 "
    "libncursesw6 libtinfo6"
).split()


def run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run([str(part) for part in command], check=True, cwd=cwd)


def fetch_system() -> None:
    """Unpack an ARM Python and its libraries below SYSTEM."""
    if (SYSTEM / ".done").exists():
        return
    packages = BUILD / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    run("apt-get", "download", "-q", *(f"{name}:arm64" for name in PACKAGES), cwd=packages)
    for package in packages.glob("*.deb"):
        run("dpkg-deb", "-x", package, SYSTEM)
    (SYSTEM / ".done").touch()


def compile_core() -> None:
    """Put pyflame with the module for ARM, and what its tests import, into SITE."""
    headers = subprocess.run(
        [sys.executable, "-m", "pybind11", "--cmakedir"], check=True, capture_output=True, text=True
    )
    suffix = f".cpython-{VERSION.replace('.', '')}-aarch64-linux-gnu.so"
    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_C_COMPILER": COMPILER.replace("g++", "gcc"),
        "CMAKE_CXX_COMPILER": COMPILER,
        "CMAKE_C_FLAGS": f"-idirafter {SYSTEM / 'usr' / 'include'}",
        "CMAKE_CXX_FLAGS": f"-idirafter {SYSTEM / 'usr' / 'include'}",
        "Python_EXECUTABLE": sys.executable,
        "Python_INCLUDE_DIR": SYSTEM / "usr" / "include" / f"python{VERSION}",
        "PYTHON_MODULE_EXTENSION": suffix,
        "pybind11_DIR": headers.stdout.strip(),
    }
    run("cmake", "-S", CORE, "-B", OBJECTS, *(f"-D{name}={value}" for name, value in settings.items()))
    run("cmake", "--build", OBJECTS, "-j", str(os.cpu_count() or 1))
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    tests = [name for name in groups["test"] if isinstance(name, str)]
    binary = ["--only-binary", ":all:", "--platform", "manylinux_2_28_aarch64", "--platform", "manylinux2014_aarch64"]
    target = ["--python-version", VERSION, "--implementation", "cp", "--upgrade", "--target", str(SITE)]
    run(sys.executable, "-m", "pip", "install", "--quiet", *binary, *target, "numpy", *tests)
    shutil.copytree(CORE / "src" / "pyflame", SITE / "pyflame", dirs_exist_ok=True)
    shutil.copy(OBJECTS / f"_core{suffix}", SITE / "pyflame")


def main(pytest: Sequence[str]) -> int:
    if missing := [tool for tool in (COMPILER, EMULATOR, "apt-get", "dpkg-deb", "cmake") if shutil.which(tool) is None]:
        sys.exit(f"missing: {', '.join(missing)}; on Debian: {SET_UP}")
    fetch_system()
    compile_core()
    python = [EMULATOR, "-L", SYSTEM, SYSTEM / "usr" / "bin" / f"python{VERSION}"]
    command = [*python, "-m", "pytest", *pytest]
    return subprocess.run([str(part) for part in command], env={**os.environ, "PYTHONPATH": str(SITE)}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
