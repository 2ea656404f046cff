"""Build hook: compile native/ into pyflame.csl._sim."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pybind11
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs CMake, and puts the module into the wheel or, for an editable install, beside the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        # Outside any temporary folder, so that a second build compiles only what changed.
        folder = Path(self.root, "build", f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}")
        configure = [
            *("cmake", "-S", self.root, "-B", str(folder), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"),
            f"-DPython_EXECUTABLE={sys.executable}",
            f"-Dpybind11_DIR={pybind11.get_cmake_dir()}",
        ]
        subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", str(folder)], check=True)
        built, name = folder / f"_sim{suffix}", f"pyflame/csl/_sim{suffix}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version == "editable":
            shutil.copyfile(built, Path(self.root, "src", name))
        else:
            build_data["force_include"][str(built)] = name
