"""A file is the old one or the new one, whatever happens while it is written."""

import os
import random
import stat
import subprocess
import sys
import time

import pytest

import pyflame as pf

# Saves 1, 2, 3, ... to one file until it is killed; each file is 400 kB of its number.
WRITER = """
import sys
import pyflame as pf

path, number = sys.argv[1], int(sys.argv[2])
while True:
    number += 1
    pf.save({"x": pf.full((100_000,), float(number)), "number": number}, path)
    print("saved", flush=True)
"""


def test_killed_fifty_times_while_saving(tmp_path):
    path, number, rng, parts = tmp_path / "x.pf", 0, random.Random(0), 0
    pf.save({"x": pf.zeros(100_000), "number": 0}, path)
    for _ in range(50):
        arguments = [sys.executable, "-c", WRITER, str(path), str(number)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(rng.uniform(0, 0.03))
            writer.kill()
        loaded = pf.load(path)
        assert loaded["number"] > number and bool((loaded["x"] == loaded["number"]).all())
        number = loaded["number"]
        for part in tmp_path.glob(".x.pf.*.part"):
            part.unlink()
            parts += 1
    assert parts > 10  # most kills came in the middle of a save


def test_a_failed_write_leaves_the_old_file_and_no_trace(tmp_path, monkeypatch):
    path = tmp_path / "x.pf"
    pf.save({"x": pf.ones(1)}, path)

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        pf.save({"x": pf.zeros(1)}, path)
    monkeypatch.undo()
    assert pf.load(path)["x"].tolist() == [1.0] and os.listdir(tmp_path) == ["x.pf"]


def test_permissions_are_kept_and_new_files_have_those_of_any_other(tmp_path):
    path, other = tmp_path / "x.pf", tmp_path / "other"
    pf.save(1, path)
    other.write_bytes(b"")
    assert path.stat().st_mode == other.stat().st_mode
    path.chmod(0o640)
    pf.save(2, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 and pf.load(path) == 2


def test_a_link_goes_on_pointing_at_its_target(tmp_path):
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "real.pf", tmp_path / "link.pf"
    pf.save(1, target)
    link.symlink_to(target)
    pf.save(2, link)
    assert link.is_symlink() and pf.load(target) == 2 and os.listdir(tmp_path / "data") == ["real.pf"]
