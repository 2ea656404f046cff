"""A program's own script, with cslc, cs_python and the SDK's names for the host script."""

import subprocess
import sys

import pytest

from pyflame.cli import main
from pyflame.csl.commands import environment, run_script, script_of

LAYOUT = """
const memcpy = @import_module("<memcpy/get_params>", .{ .width = 1, .height = 1 });
layout {
  @set_rectangle(1, 1);
  @set_tile_code(0, 0, "pe.csl", .{ .memcpy_params = memcpy.get_params(0) });
  @export_name("y", [*]u32, false);
  @export_name("compute", fn() void);
}
"""
PE = """
param memcpy_params: comptime_struct;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
var y = @zeros([1]u32);
var y_ptr: [*]u32 = &y;
fn compute() void {
  y[0] = 42;
  sys_mod.unblock_cmd_stream();
}
comptime {
  @export_symbol(y_ptr, "y");
  @export_symbol(compute);
}
"""
HOST = """#!/usr/bin/env cs_python
import sys
import numpy as np
from cerebras.sdk.runtime.sdkruntimepybind import MemcpyDataType, MemcpyOrder, SdkRuntime
from cerebras.sdk.sdk_utils import memcpy_view
from cerebras.sdk.debug.debug_util import debug_util
from cerebras.geometry.geometry import IntVector

runner = SdkRuntime(sys.argv[1], cmaddr=None)
runner.load()
runner.run()
runner.launch("compute", nonblock=False)
found = np.zeros(1, np.uint32)
runner.memcpy_d2h(found, runner.get_id("y"), 0, 0, 1, 1, 1, streaming=False,
  order=MemcpyOrder.ROW_MAJOR, data_type=MemcpyDataType.MEMCPY_32BIT, nonblock=False)
runner.stop()
print("found", memcpy_view(found, np.uint16)[0], "seed", runner.simulator is not None)
"""


@pytest.fixture
def folder(tmp_path):
    files = {"layout.csl": LAYOUT, "pe.csl": PE, "run.py": HOST}
    files["commands_wse2.sh"] = "set -e\ncslc --arch=wse2 layout.csl -o out --memcpy\ncs_python run.py out > said\n"
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_script_runs_unchanged(folder):
    assert run_script(script_of(folder, "wse2"), {"sched_seed": 5}) == 0
    assert (folder / "said").read_text().startswith("found 42")


def test_run_on_the_command_line(folder, capfd):
    (folder / "commands.sh").write_text("cslc layout.csl --no-such --arch=wse7\n")
    assert main(["csl", "run", str(folder), "--arch", "wse2", "--mode", "cycle"]) == 0
    assert main(["csl", "run", str(folder / "commands.sh")]) == 2
    assert "wse7" in capfd.readouterr().err
    assert main(["csl", "run", str(folder / "said" / "none")]) == 1


def test_compile_on_the_command_line(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["csl", "compile", "--arch", "wse2", "layout.csl", "-o", "elsewhere"]) == 0
    assert (folder / "elsewhere" / "out.json").is_file()


def test_nothing_of_the_sdk_is_importable_otherwise():
    code = "import importlib.util; print(importlib.util.find_spec('cerebras'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


def test_the_vendor_commands_come_later():
    first = environment()["PATH"].split(":")[0]
    assert first.endswith("pyflame/csl/bin")


def test_a_folder_without_a_script(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"commands_wse3.sh nor commands.sh"):
        script_of(tmp_path, "wse3")


TWO_TASKS = """
task first() void { y[0] = 1; }
task second() void { y[0] = 2; }
fn compute() void {
  y[0] = 3;
  @activate(@get_local_task_id(9));
  @activate(@get_local_task_id(10));
  sys_mod.unblock_cmd_stream();
}
comptime {
  @bind_local_task(first, @get_local_task_id(9));
  @bind_local_task(second, @get_local_task_id(10));
"""


def test_results_of_several_seeds(folder, capfd):
    assert main(["csl", "run", str(folder), "--arch", "wse2", "--seeds", "3"]) == 0
    assert "3 seeds, 0 results differ" in capfd.readouterr().out
    before, _, after = PE.partition("fn compute() void {")
    (folder / "pe.csl").write_text(before + TWO_TASKS + after.partition("comptime {")[2])
    assert main(["csl", "run", str(folder), "--arch", "wse2", "--seeds", "5"]) == 1
    said = capfd.readouterr().out
    assert "y[0] is 2 with scheduler seed 0 and 1 with seed" in said
    assert "PE (0, 0)" in said
    assert "[seed-dependent]" in said
    assert main(["csl", "run", str(folder), "--seeds", "1"]) == 2
