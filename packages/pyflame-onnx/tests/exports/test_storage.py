"""Models on disk: weights inside or beside them, whole or not at all."""

import os

import numpy as np
import onnx
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.onnx import VerificationError, export_onnx
from pyflame.onnx.exports.table import EXPORTS
from pyflame.testing import assert_close


@pytest.fixture
def net():
    return nn.Sequential(nn.Linear(300, 200), nn.ReLU(), nn.Linear(200, 3))


def test_small_models_are_one_file(net, tmp_path):
    export_onnx(net, pf.randn(2, 300), tmp_path / "net.onnx")
    assert os.listdir(tmp_path) == ["net.onnx"]


def test_large_weights_lie_beside_the_model_aligned(net, tmp_path):
    path = tmp_path / "net.onnx"
    written = export_onnx(net, pf.randn(2, 300), path, external_data_threshold=10_000)
    assert sorted(os.listdir(tmp_path)) == ["net.onnx", "net.onnx.data"]
    outside = [one for one in written.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
    assert [one.name for one in outside] == ["0.weight", "2.weight"]  # small ones stay
    places = [{entry.key: entry.value for entry in one.external_data} for one in outside]
    assert all(place["location"] == "net.onnx.data" and int(place["offset"]) % 4096 == 0 for place in places)
    loaded = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(loaded[name], tensor.numpy())


def test_models_with_external_weights_are_read_back(net, tmp_path):
    x = pf.randn(2, 300)
    export_onnx(net, x, tmp_path / "net.onnx", external_data_threshold=10_000)
    assert_close(pf.onnx.import_onnx(tmp_path / "net.onnx")(x), net(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("threshold", [None, 10_000])
def test_a_model_that_is_wrong_leaves_the_old_files(net, tmp_path, monkeypatch, threshold):
    path = tmp_path / "net.onnx"
    export_onnx(net, pf.randn(2, 300), path, external_data_threshold=threshold)
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    monkeypatch.setitem(EXPORTS, "sigmoid", lambda c, x: c.e.op("Tanh", x))
    other = nn.Sequential(nn.Linear(300, 200), nn.Sigmoid())
    with pytest.raises(VerificationError):
        export_onnx(other, pf.randn(2, 300), path, external_data_threshold=threshold)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before


def test_writing_large_models_does_not_hold_weights_twice(tmp_path):
    """The memory of another process, whose model has 256 MB of weights."""
    import subprocess
    import sys

    program = f"""
import resource
import pyflame as pf
from pyflame.onnx import export_onnx
net = pf.nn.Linear(8192, 8192, bias=False)
net.weight.data = pf.ones(8192, 8192)
pf.eval(net.weight)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
export_onnx(net, pf.ones(1, 8192), {str(tmp_path / "big.onnx")!r}, external_data_threshold=1 << 20, verify=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
    assert (tmp_path / "big.onnx.data").stat().st_size == 8192 * 8192 * 4
    assert grown < 128 * 1024  # in KB: half of the weights
