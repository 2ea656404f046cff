"""save, load and their siblings, whatever the format."""

import io
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import utils

STATE = {"a": pf.tensor([1.0, 2.0]), "b": pf.tensor([[3]])}
FORMATS = ["pf", "safetensors", "npz"]


class Model:
    def __init__(self):
        self.state = dict(STATE)

    def state_dict(self):
        return self.state

    def load_state_dict(self, state, strict=True):
        self.state, self.strict = state, strict
        return "keys"


@pytest.mark.parametrize("format", FORMATS)
def test_paths_and_file_objects(tmp_path, format):
    path = tmp_path / f"x.{format}"
    pf.save(STATE, path)
    assert pf.detect_format(path) == format and pf.load(str(path))["a"].tolist() == [1.0, 2.0]
    file = io.BytesIO(b"before")
    file.seek(6)
    pf.save(Model(), file, format=format)
    assert file.getvalue()[6:] == path.read_bytes()
    file.seek(6)
    assert pf.load(file)["b"].tolist() == [[3]]


@pytest.mark.parametrize("format", FORMATS)
def test_content_counts_more_than_the_suffix(tmp_path, format):
    path = tmp_path / "x.pt"
    pf.save(STATE, path, format=format)
    assert pf.detect_format(path) == format and pf.load(path).keys() == STATE.keys()
    with pytest.raises(pf.SerializationError):
        pf.load(path, format="pf" if format != "pf" else "npz")


@pytest.mark.parametrize("format", FORMATS)
def test_inspect_tells_without_reading_values(tmp_path, format):
    path = tmp_path / f"x.{format}"
    pf.save(STATE, path, metadata={"by": "me"})
    info = pf.inspect_file(path)
    assert (info.format, info.size_bytes, info.metadata) == (format, path.stat().st_size, {"by": "me"})
    assert {name: (t.shape, t.dtype, t.size_bytes) for name, t in info.tensors.items()} == {
        "a": ((2,), pf.float32, 8),
        "b": ((1, 1), pf.int64, 8),
    }


@pytest.mark.parametrize("mmap", [False, True])
def test_files_of_another_alignment_are_read(tmp_path, mmap):
    path = tmp_path / "x.safetensors"
    header = (
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[2],"data_offsets":[1,17]}}'
    )
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\1" + np.array([1.5, 2.5]).tobytes())
    loaded = pf.load(path, mmap=mmap)
    assert loaded["a"].tolist() == [1] and (loaded["b"] * 2).tolist() == [3.0, 5.0]


@pytest.mark.parametrize("format", FORMATS)
def test_mapped_tensors_share_the_file(tmp_path, format):
    path = tmp_path / f"x.{format}"
    pf.save({"x": pf.zeros(1_000_000)}, path)
    x = pf.load(path, mmap=True)["x"]
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line]
    begin, end = (int(part, 16) for part in mapped[0].split()[0].split("-"))
    assert begin < x.numpy().__array_interface__["data"][0] < end


def test_names_of_formats_and_suffixes(tmp_path):
    with pytest.raises(ValueError, match=r"\.pf, \.safetensors or \.npz"):
        pf.save(STATE, tmp_path / "x.bin")
    with pytest.raises(ValueError, match="file object has no suffix"):
        pf.save(STATE, io.BytesIO())
    with pytest.raises(ValueError, match="no format 'zip'"):
        pf.save(STATE, tmp_path / "x.pf", format="zip")
    with pytest.raises(ValueError, match="never compressed"):
        pf.save(STATE, tmp_path / "x.safetensors", compress=True)
    (tmp_path / "x.txt").write_text("some text")
    for call in (pf.load, pf.detect_format, pf.inspect_file):
        with pytest.raises(pf.SerializationError, match="x.txt: neither content nor suffix"):
            call(tmp_path / "x.txt")
        with pytest.raises(FileNotFoundError):
            call(tmp_path / "none.pf")
    with pytest.raises(TypeError, match="binary mode"), open(tmp_path / "x.txt") as file:
        pf.load(file)
    with pytest.raises(TypeError, match="a path or a binary file"):
        pf.load(3)


def test_an_empty_file_is_damaged_whatever_it_is_called(tmp_path):
    for suffix in (*FORMATS, "pt"):
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(b"")
        for mmap in (False, True):
            with pytest.raises(pf.SerializationError):
                pf.load(path, mmap=mmap)


def test_places_and_pickles(tmp_path):
    pf.save(STATE, tmp_path / "x.pf")
    for place in ("cpu", pf.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage):
        assert pf.load(tmp_path / "x.pf", map_location=place)["b"].item() == 3
    with pytest.raises(RuntimeError, match="cuda"):
        pf.load(tmp_path / "x.pf", map_location="cuda")
    with pytest.raises(NotImplementedError, match="weights_only"):
        pf.load(tmp_path / "x.pf", weights_only=False)


def test_load_into(tmp_path):
    pf.save(Model(), tmp_path / "x.pf")
    model = Model()
    assert pf.load_into(model, tmp_path / "x.pf", strict=False) == "keys"
    assert model.state["a"].tolist() == [1.0, 2.0] and model.strict is False


def test_aliases_for_the_habits_of_torch():
    names = ("save", "load", "load_into", "save_checkpoint", "load_checkpoint", "detect_format")
    assert all(getattr(utils, name) is getattr(pf, name) for name in names)
    with pytest.raises(AttributeError, match="nothing"):
        _ = utils.nothing
    assert utils.checkpoint.__name__ == "pyflame.utils.checkpoint"
