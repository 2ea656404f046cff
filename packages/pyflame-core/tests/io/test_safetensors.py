"""Files that the reference library reads and writes, and files that nobody should believe."""

import json
import os
import random

import numpy as np
import pytest

import pyflame as pf

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def sample(dtype, shape=(3, 4)):
    values = np.random.default_rng(0).integers(0, 100, shape)
    return (values % 2 == 0) if dtype == "bool" else values.astype(dtype)


def build(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(begin, end, dtype="U8", shape=None):
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.safetensors"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 0, 3), (2, 3, 4)])
def test_every_dtype_and_shape_survives(path, dtype, shape):
    array = sample(dtype, shape)
    pf.save({"x": pf.tensor(array)}, path)
    back = pf.load(path)["x"]
    assert back.dtype is getattr(pf, dtype) and tuple(back.shape) == shape
    np.testing.assert_array_equal(back.numpy(), array)


def test_bfloat16_survives_bit_for_bit(path):
    x = pf.tensor(np.float32([1.0, -2.5, 3e38, np.nan, np.inf, 1e-40])).to(pf.bfloat16)
    pf.save({"x": x}, path)
    back = pf.load(path)["x"]
    assert back.dtype is pf.bfloat16
    np.testing.assert_array_equal(back.float().numpy(), x.float().numpy())


def test_views_and_pending_tensors_are_saved_by_value(path):
    x = pf.arange(6).reshape(2, 3)
    pf.save({"t": x.T, "pending": x + 1, "part": x[:, 1]}, path)
    back = pf.load(path)
    assert back["t"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert back["pending"].tolist() == [[1, 2, 3], [4, 5, 6]] and back["part"].tolist() == [1, 4]


def test_modules_are_saved_as_their_state_dict(path):
    class Model:
        def state_dict(self):
            return {"weight": pf.ones(2)}

    pf.save(Model(), path, metadata={"epoch": "3"})
    assert pf.load(path)["weight"].tolist() == [1.0, 1.0]


def test_the_reference_library_reads_what_we_write(path):
    reference = pytest.importorskip("safetensors.numpy")
    safe_open = pytest.importorskip("safetensors").safe_open
    arrays = {f"{dtype} ü": sample(dtype) for dtype in DTYPES} | {"empty": np.empty((0, 2), np.float32)}
    pf.save({name: pf.tensor(array) for name, array in arrays.items()}, path, metadata={"ключ": "значение"})
    back = reference.load_file(path)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)
    with safe_open(path, "np") as file:
        assert file.metadata() == {"ключ": "значение"}


def test_we_read_what_the_reference_library_writes(path):
    reference = pytest.importorskip("safetensors.numpy")
    arrays = {dtype: sample(dtype) for dtype in DTYPES}
    reference.save_file(arrays, path, metadata={"a": "b"})
    back = pf.load(path)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name].numpy(), array)


def test_bfloat16_agrees_with_the_reference_library(path):
    reference = pytest.importorskip("safetensors")
    x = pf.tensor([1.0, -2.5]).to(pf.bfloat16)
    pf.save({"x": x}, path)
    ((name, stored),) = reference.deserialize(path.read_bytes())
    assert (name, stored["dtype"], stored["shape"]) == ("x", "BF16", [2])
    assert bytes(stored["data"]) == np.uint16([0x3F80, 0xC020]).tobytes()


HOSTILE = {
    "empty": b"",
    "seven bytes": b"1234567",
    "no header": bytes(8),
    "header longer than the file": (1000).to_bytes(8, "little") + b"{}",
    "header of 2**64 bytes": b"\xff" * 8 + b"{}",
    "not JSON": build(b"{]"),
    "not an object": build([1]),
    "not UTF-8": build(b'{"\xff": 1}'),
    "deep": build(b'{"x":' + b"[" * 100_000 + b"}"),
    "name twice": build(b'{"x": %b, "x": %b}' % ((json.dumps(entry(0, 1)).encode(),) * 2), b"1"),
    "entry is a list": build({"x": [1]}),
    "field missing": build({"x": {"dtype": "U8", "shape": [1]}}, b"1"),
    "field too many": build({"x": entry(0, 1) | {"evil": 1}}, b"1"),
    "unknown dtype": build({"x": entry(0, 1, "C64")}, b"1"),
    "dtype is a list": build({"x": entry(0, 1, ["U8"])}, b"1"),
    "negative size": build({"x": entry(0, 1, shape=[-1])}, b"1"),
    "size is a bool": build({"x": entry(0, 1, shape=[True])}, b"1"),
    "size is a float": build({"x": entry(0, 1, shape=[1.0])}, b"1"),
    "huge size": build({"x": entry(0, 1, shape=[2**62, 2**62])}, b"1"),
    "integer of many digits": build(
        b'{"x": {"dtype": "U8", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 1]}}', b"1"
    ),
    "too many dimensions": build({"x": entry(0, 1, shape=[1] * 17)}, b"1"),
    "one offset": build({"x": {"dtype": "U8", "shape": [1], "data_offsets": [0]}}, b"1"),
    "offsets backwards": build({"x": {"dtype": "U8", "shape": [0], "data_offsets": [1, 0]}}, b"1"),
    "wrong length": build({"x": entry(0, 3, "F32", [1])}, b"123"),
    "beyond the end": build({"x": entry(0, 100)}, b"1"),
    "bytes left over": build({"x": entry(0, 1)}, b"12"),
    "overlap": build({"x": entry(0, 2), "y": entry(1, 3)}, b"123"),
    "gap": build({"x": entry(0, 1), "y": entry(2, 3)}, b"123"),
    "metadata of numbers": build({"__metadata__": {"a": 1}}),
    "metadata is a list": build({"__metadata__": ["a"]}),
    "bool of two": build({"x": entry(0, 1, "BOOL")}, b"\x02"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(path, case):
    path.write_bytes(HOSTILE[case])
    with pytest.raises(pf.SerializationError, match="x.safetensors"):
        pf.load(path)


def test_damaged_files_are_read_or_refused_but_nothing_else(path):
    pf.save({"a": pf.tensor(sample("float32")), "b": pf.tensor(sample("int16")), "c": pf.tensor(True)}, path)
    whole, rng = path.read_bytes(), random.Random(1)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(pf.SerializationError):
            pf.load(path)
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            tensors = pf.load(path)
        except pf.SerializationError:
            continue
        assert all(tensor.numpy().nbytes <= len(whole) for tensor in tensors.values())


def test_what_cannot_be_saved_is_refused_and_leaves_the_old_file(path):
    pf.save({"x": pf.ones(1)}, path)
    for obj, error in [
        (pf.ones(1), TypeError),
        ({"x": 1}, TypeError),
        ({1: pf.ones(1)}, TypeError),
        ({"__metadata__": pf.ones(1)}, ValueError),
    ]:
        with pytest.raises(error):
            pf.save(obj, path)
    with pytest.raises(TypeError, match="strings only"):
        pf.save({}, path, metadata={"epoch": 1})
    assert pf.load(path)["x"].tolist() == [1.0] and os.listdir(path.parent) == ["x.safetensors"]


def test_a_failed_write_leaves_no_trace(path, monkeypatch):
    pf.save({"x": pf.ones(1)}, path)

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        pf.save({"x": pf.zeros(1)}, path)
    monkeypatch.undo()
    assert pf.load(path)["x"].tolist() == [1.0] and os.listdir(path.parent) == ["x.safetensors"]


def test_new_files_have_the_rights_of_any_other(path):
    pf.save({}, path)
    other = path.with_name("other")
    other.write_bytes(b"")
    assert path.stat().st_mode == other.stat().st_mode and pf.load(path) == {}
