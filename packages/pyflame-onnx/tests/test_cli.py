import json

import onnx
import pytest

import pyflame as pf
from pyflame.cli import main


@pytest.fixture
def path(small_network, tmp_path):
    onnx.save(small_network, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def test_check_succeeds_where_all_is_supported(path, capsys):
    assert main(["onnx", "check", str(path)]) == 0
    assert "all 10 nodes can be converted" in capsys.readouterr().out


def test_check_fails_with_the_report(parse, tmp_path, capsys):
    onnx.save(parse("g (float[N] x) => (float[N] y) { y = StringNormalizer(x) }"), tmp_path / "m.onnx")
    assert main(["onnx", "check", "--json", str(tmp_path / "m.onnx")]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["findings"][0]["op"] == "StringNormalizer"


def test_info_tells_inputs_and_size(path, capsys):
    assert main(["onnx", "info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "x: FLOAT [N, 3, 8, 8]" in shown and "445" in shown
    assert main(["onnx", "info", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 445


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.npz", "weights.pf"])
def test_import_writes_the_weights(path, tmp_path, name):
    assert main(["onnx", "import", str(path), str(tmp_path / name)]) == 0
    state = pf.load(tmp_path / name)
    assert sorted(state) == sorted(pf.onnx.import_onnx(path).state_dict())


def test_import_writes_source(path, tmp_path):
    assert main(["onnx", "import", str(path), str(tmp_path / "model.py")]) == 0
    assert (tmp_path / "model.py").read_text() == pf.onnx.import_onnx(path).to_python()


def test_damaged_files_are_failures(tmp_path, capsys):
    (tmp_path / "m.onnx").write_bytes(b"\x00" * 20)
    assert main(["onnx", "info", str(tmp_path / "m.onnx")]) == 1
    assert "not an ONNX model" in capsys.readouterr().err


def test_import_names_what_it_can_write(path, tmp_path, capsys):
    assert main(["onnx", "import", str(path), str(tmp_path / "small.txt")]) == 1
    assert "end it in one of .pf, .safetensors, .npz, .py" in capsys.readouterr().err
