"""Each check of the doctor finds what is broken and names a repair."""

import sys
from importlib.metadata import PathDistribution

import pytest

from pyflame.cli.requirements import numbers, satisfies, unmet


def findings(report, check):
    return [finding for finding in report["findings"] if finding["check"] == check]


def test_a_sound_installation_is_sound(json_of):
    report = json_of("doctor")
    assert report["sound"]
    assert {finding["check"] for finding in report["findings"]} == {
        *("versions", "compatibility", "build", "computation", "plugins", "environment", "cache", "sdk")
    }


def test_a_part_for_another_core_is_an_error_with_a_repair(json_of, install, tmp_path):
    env = install("pyflame-onnx", "")
    with open(tmp_path / "site" / "pyflame_onnx-1.2.dist-info" / "METADATA", "a") as metadata:
        metadata.write("Requires-Dist: pyflame-core~=9.1.0\nRequires-Dist: absent-thing>=2\n")
    (core, thing) = findings(json_of("doctor", code=1, **env), "compatibility")
    assert "pyflame-onnx 1.2 needs pyflame-core~=9.1.0, found 0." in core["found"]
    assert core["repair"] == "pip install 'pyflame-core~=9.1.0'"
    assert "found none" in thing["found"]


def test_the_unrelated_project_of_that_name_is_found(json_of, install):
    env = install("pyflame", "")
    (found,) = [row for row in findings(json_of("doctor", code=1, **env), "versions") if row["state"] == "error"]
    assert "unrelated" in found["found"] and "pip uninstall pyflame" in found["repair"]


def test_a_misspelt_variable_and_a_wrong_sdk_are_found(json_of, tmp_path):
    report = json_of("doctor", code=1, PYFLAME_NUM_THREAD="2", PYFLAME_SDK_PATH=str(tmp_path / "none"))
    (variable,) = findings(report, "environment")
    assert variable["state"] == "warning" and "PYFLAME_NUM_THREAD " in variable["found"]
    (sdk,) = findings(report, "sdk")
    assert sdk["state"] == "error" and "PYFLAME_SDK_PATH" in sdk["repair"]


def test_a_broken_plugin_and_a_cache_in_a_bad_place_are_found(json_of, install):
    env = install("bad-one", "raise RuntimeError('no')", backends=[("bad", "bad_one:B")])
    report = json_of("doctor", code=1, PYFLAME_CACHE_DIR="/proc/cache", **env)
    assert findings(report, "plugins")[0]["found"] == "bad is broken: RuntimeError: no"
    assert "PYFLAME_CACHE_DIR" in findings(report, "cache")[0]["repair"]


@pytest.mark.plain_build
def test_slow_kernels_are_a_warning(json_of):
    (found,) = findings(json_of("doctor", PYFLAME_CPU_TIER="baseline"), "build")
    assert (found["state"], found["repair"]) == ("warning", "unset PYFLAME_CPU_TIER")


@pytest.mark.parametrize(
    "version, pins, expected",
    [
        ("1.2.3", "~=1.2.0", True),
        ("1.3.0", "~=1.2.0", False),
        ("1.2", ">=1.2,<2", True),
        ("2.0", ">=1.2,<2", False),
        ("2.0", "==2", True),
        ("2.0.1", "!=2.0.1", False),
        ("2.1rc1", ">2,<=2.1", True),
        ("1.0", "", True),
    ],
)
def test_pins(version, pins, expected):
    assert satisfies(version, pins) is expected


def test_requirements_of_extras_do_not_count(tmp_path):
    (tmp_path / "METADATA").write_text(
        "Name: a\nVersion: 1\nRequires-Dist: nowhere; extra == 'dev'\nRequires-Dist: numpy>=1 ; python_version>'3'\n"
        "Requires-Dist: absent (>=2)\n"
    )
    assert list(unmet(PathDistribution(tmp_path))) == [("absent", ">=2", "")]
    assert numbers("1.2.0rc1") == (1, 2)
    assert sys.version_info >= (3, 11)
