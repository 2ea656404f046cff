"""`pyflame onnx export` and `explain`."""

import subprocess
import sys

import onnx
import pytest

import pyflame as pf
from pyflame.graph.trace import trace


def run(*arguments, folder):
    command = [sys.executable, "-m", "pyflame", "onnx", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nets.py").write_text(
        "import pyflame as pf\n\ndef small():\n    return pf.nn.Linear(4, 2)\n\ndef odd():\n    return pf.lgamma\n"
    )
    return tmp_path


def test_factories_are_exported_with_dynamic_axes(folder):
    done = run(
        "export", "nets:small", "net.onnx", "--input", "x=2x4", "--dynamic", "x:0=batch", "--opset", "18",
        "--output-name", "y", folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    model = onnx.load(folder / "net.onnx")
    assert model.opset_import[0].version == 18 and model.graph.output[0].name == "y"
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert "input x: (batch, 4)" in done.stdout


def test_saved_graphs_are_exported(folder):
    trace(lambda x: pf.relu(x), pf.ones(3)).graph.save(folder / "relu.graph")
    assert run("export", "relu.graph", "relu.onnx", folder=folder).returncode == 0
    assert onnx.load(folder / "relu.onnx").graph.node[0].op_type == "Relu"


def test_explain_has_an_exit_code(folder):
    assert run("explain", "nets:small", "--input", "2x4", folder=folder).returncode == 0
    done = run("explain", "nets:odd", "--input", "3", folder=folder)
    assert done.returncode == 1 and "lgamma" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nets:none", "x.onnx", "--input", "3"], "nets has no 'none'"),
        (["nowhere:net", "x.onnx", "--input", "3"], "there is no module 'nowhere'"),
        (["nets:small", "x.onnx"], "needs --input SHAPE"),
        (["nets:small", "x.onnx", "--input", "2xb"], "expected a shape"),
        (["nets:small", "x.onnx", "--input", "2x4:float3"], "is no dtype"),
        (["nets:small", "x.onnx", "--input", "2x4", "--dynamic", "x"], "expected NAME:AXIS=LABEL"),
        (["nothing", "x.onnx"], "is no file"),
        (["nets.py", "x.onnx"], "nets.py"),
    ],
)
def test_mistakes_are_named(folder, arguments, text):
    done = run("export", *arguments, folder=folder)
    assert done.returncode == 1 and text in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "x.onnx").exists()
