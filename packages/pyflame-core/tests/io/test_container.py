"""The .pf format: what goes in comes out, the layout is the documented one, and damage is found."""

import json
import math
import struct
import zlib

import numpy as np
import pytest

import pyflame as pf
from pyflame.io.container import BLOCK, HEADER

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.pf"


def back(obj, path, **options):
    pf.save(obj, path, **options)
    return pf.load(path)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 0, 3), (20, 30, 4)])
def test_every_dtype_and_shape_survives(path, shape, mmap, compress):
    array = np.random.default_rng(0).integers(0, 2, shape)
    state = {dtype: pf.tensor(array).to(getattr(pf, "bool_" if dtype == "bool" else dtype)) for dtype in DTYPES}
    pf.save(state, path, compress=compress)
    loaded = pf.load(path, mmap=mmap)
    assert list(loaded) == DTYPES
    for dtype, tensor in loaded.items():
        assert tensor.dtype is state[dtype].dtype and tuple(tensor.shape) == shape
        np.testing.assert_array_equal(tensor.float().numpy(), array)


def test_nests_come_back_as_they_were(path):
    obj = {
        "numbers": [0, -1, 2**70, 1.5, -0.0, 1e300, math.inf, -math.inf, True, False, None, "", "ü\n\0"],
        "tuple": (1, (2, ()), []),
        "keys": {1: "one", None: 0, (1, "a"): 2, 2.5: 3},
        "": {},
        "float": {"nan": 1},
        "numpy": [np.float32(0.5), np.int64(3), np.bool_(True)],
    }
    loaded = back(obj, path)
    assert loaded == obj and repr(loaded["keys"]) == repr(obj["keys"]) and str(loaded["numbers"][4]) == "-0.0"
    assert math.isnan(back(float("nan"), path)) and back((), path) == () and back("text", path) == "text"


def test_tensors_keep_what_belongs_to_them(path):
    layout = pf.MeshLayout.row_partition(4)
    x = {
        "layout": pf.ones(8, 2).to(layout),
        "grad": pf.ones(2, requires_grad=True),
        "parameter": pf.Parameter(pf.ones(2)),
        "frozen": pf.Parameter(pf.ones(2), requires_grad=False),
    }
    y = back(x, path)
    assert y["layout"].layout == layout and y["grad"].requires_grad and y["grad"].is_leaf
    assert isinstance(y["parameter"], pf.Parameter) and y["parameter"].requires_grad
    assert isinstance(y["frozen"], pf.Parameter) and not y["frozen"].requires_grad
    assert type(y["grad"]) is pf.Tensor


def test_views_and_pending_tensors_are_saved_by_value(path):
    x = pf.arange(6).reshape(2, 3)
    y = back([x, x.T, x[:, 1], x + 1, x], path)
    assert [t.tolist() for t in y[1:]] == [
        [[0, 3], [1, 4], [2, 5]],
        [1, 4],
        [[1, 2, 3], [4, 5, 6]],
        [[0, 1, 2], [3, 4, 5]],
    ]
    # The first and the last are one tensor, stored once, but not tied to each other afterwards.
    assert len(pf.inspect_file(path).tensors) == 4
    y[0].add_(1)
    assert y[4].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_equal_paths_get_names_of_their_own(path):
    obj = {"a": {"b": pf.ones(1)}, "a.b": pf.zeros(1)}
    assert back(obj, path)["a.b"].tolist() == [0.0]
    assert list(pf.inspect_file(path).tensors) == ["a.b", "a.b#2"]


def test_what_cannot_be_saved_is_named_and_leaves_the_old_file(path):
    pf.save(1, path)
    loop: list = []
    loop.append(loop)
    for obj, error, text in [
        ({"a": [1, object()]}, TypeError, r"a\.1 is a object"),
        (1j, TypeError, "obj is a complex"),
        ({"a": {1, 2}}, TypeError, "a is a set"),
        ({"a": np.ones(2)}, TypeError, "a is a ndarray"),
        (loop, ValueError, "contain itself"),
        ({2**64: 1}, ValueError, "64 bits"),
    ]:
        with pytest.raises(error, match=text):
            pf.save(obj, path)
    with pytest.raises(TypeError, match="metadata x is a tensor"):
        pf.save(1, path, metadata={"x": pf.ones(1)})
    assert pf.load(path) == 1


def test_the_bytes_are_those_of_the_specification(path):
    pf.save({"x": pf.tensor([1.0, 2.0]), "y": pf.tensor([[3]], dtype=pf.int16)}, path, metadata={"by": "me"})
    data = path.read_bytes()
    magic, version, flags, count, metadata, values = struct.unpack("<8sIIQQQ", data[:40])
    assert (magic, version, flags, count) == (b"PYFLAME\0", 1, 4, 2) and data[40:64] == bytes(24)
    index = struct.pack("<I1sBBxxQQQ", 1, b"x", 8, 1, 2, 0, 8) + struct.pack("<I1sBBxxQQQQ", 1, b"y", 3, 2, 1, 1, 64, 2)
    assert data[64 : 64 + len(index)] == index and values % 64 == 0 and not any(data[64 + len(index) : values])
    assert data[values : values + 8] == np.float32([1, 2]).tobytes()
    assert data[values + 64 : values + 66] == b"\3\0"
    length, checksum = struct.unpack_from("<QI4x", data, metadata)
    text = data[metadata + 16 :]
    assert len(text) == length and zlib.crc32(text) == checksum
    described = json.loads(text)
    assert described["tree"] == {"dict": {"x": {"tensor": 0}, "y": {"tensor": 1}}}
    assert described["checksums"] == [zlib.crc32(np.float32([1, 2]).tobytes()), zlib.crc32(b"\3\0")]
    assert described["front_checksum"] == zlib.crc32(data[:values]) and described["notes"] == {"dict": {"by": "me"}}


def test_compression_helps_within_what_readers_unpack(path):
    rows = pf.tensor(np.random.default_rng(0).integers(0, 100, 100_000))  # 7 of 64 bits
    pf.save([rows], path)
    plain = path.stat().st_size
    pf.save([rows, pf.zeros(10_000_000)], path, compress=True)
    assert pf.load(path)[1].numel() == 10_000_000
    pf.save([rows], path, compress=True)
    assert path.stat().st_size < plain / 2 and pf.equal(pf.load(path)[0], rows)


def reseal(data, change_front=lambda front: front, change_text=lambda described: described):
    """A file with another front or metadata, and right checksums."""
    metadata, values = struct.unpack_from("<QQ", data, 24)
    front = change_front(bytearray(data[:values]))
    described = json.loads(data[metadata + BLOCK.size :])
    described["front_checksum"] = zlib.crc32(front)
    text = json.dumps(change_text(described)).encode()
    return bytes(front) + data[values:metadata] + BLOCK.pack(len(text), zlib.crc32(text)) + text


def place(data):
    """Where the metadata begins."""
    return struct.unpack_from("<Q", data, 24)[0]


def patch(offset, form, value):
    def change(front):
        struct.pack_into(form, front, offset, value)
        return front

    return change


def setting(**values):
    return lambda described: {**described, **values}


INDEX = HEADER.size + 4 + 1  # behind the one letter of the first name
SECOND = INDEX + 28 + 5
HOSTILE = {
    "empty": lambda data: b"",
    "header only": lambda data: data[:64],
    "cut off": lambda data: data[:-1],
    "appended": lambda data: data + b"\0",
    "other version": lambda data: data[:8] + b"\2" + data[9:],
    "a bit of the values": lambda data: data.replace(np.float32(1.5).tobytes(), np.float32(2.5).tobytes()),
    "a bit of the metadata": lambda data: data.replace(b'"kind"', b'"kinb"'),
    "a bit of the index": lambda data: data[:68] + b"z" + data[69:],
    "unknown flag": lambda data: reseal(data, patch(12, "<I", 4 | 64)),
    "reserved bytes": lambda data: reseal(data, patch(60, "<I", 1)),
    "too many tensors": lambda data: reseal(data, patch(16, "<Q", 2**60)),
    "too few tensors": lambda data: reseal(data, patch(16, "<Q", 0)),
    "unknown dtype": lambda data: reseal(data, patch(INDEX, "<B", 99)),
    "many dimensions": lambda data: reseal(data, patch(INDEX + 1, "<B", 200)),
    "huge dimension": lambda data: reseal(data, patch(INDEX + 4, "<Q", 2**63)),
    "huge shape, few bytes": lambda data: reseal(data, patch(INDEX + 4, "<Q", 2**60)),
    "another size": lambda data: reseal(data, patch(INDEX + 4, "<Q", 3)),
    "overlap": lambda data: reseal(data, patch(SECOND + 12, "<Q", 0)),
    "place beyond the end": lambda data: reseal(data, patch(INDEX + 12, "<Q", 2**40)),
    "place not aligned": lambda data: reseal(data, patch(INDEX + 12, "<Q", 1)),
    "name of no text": lambda data: reseal(data, patch(68, "<B", 255)),
    "name too long": lambda data: reseal(data, patch(64, "<I", 2**31)),
    "same name": lambda data: reseal(data, lambda front: bytes(front).replace(b"y", b"x")),
    "metadata is a list": lambda data: data[: place(data)] + BLOCK.pack(2, zlib.crc32(b"[]")) + b"[]",
    "tensor that is not there": lambda data: reseal(data, change_text=setting(tree={"tensor": 2})),
    "tensor of a negative number": lambda data: reseal(data, change_text=setting(tree={"tensor": -1})),
    "unknown kind of entry": lambda data: reseal(data, change_text=setting(tree={"code": "exit()"})),
    "key that is a list": lambda data: reseal(data, change_text=setting(tree={"items": [[[], 1]]})),
    "deep tree": lambda data: reseal(data, change_text=setting(tree=json.loads("[" * 300 + "]" * 300))),
    "no checksums": lambda data: reseal(data, change_text=setting(checksums=[])),
    "checksum of another type": lambda data: reseal(data, change_text=setting(checksums=["a", None])),
    "odd extras": lambda data: reseal(data, change_text=setting(tensors=[1, 2])),
    "odd layout": lambda data: reseal(data, change_text=setting(tensors=[{"layout": {"type": "blob"}}, {}])),
    "odd grad": lambda data: reseal(data, change_text=setting(tensors=[{"requires_grad": 1}, {"requires_grad": True}])),
    "notes with a tensor": lambda data: reseal(data, change_text=setting(notes={"tensor": 0}, kind="?")),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(path, case):
    pf.save({"x": pf.tensor([1.5, 2.5]), "y": pf.tensor([1, 2])}, path)
    path.write_bytes(HOSTILE[case](path.read_bytes()))
    with pytest.raises(pf.SerializationError, match="x.pf"):
        pf.load(path)


def test_every_changed_bit_is_found(path):
    pf.save({"x": pf.tensor([1.5, 2.5]), "n": 1}, path)
    whole = path.read_bytes()
    end, values = struct.unpack_from("<QQ", whole, 24)
    for k in range(len(whole)):
        if values + 8 <= k < end or end + 12 <= k < end + 16:  # padding
            continue
        path.write_bytes(whole[:k] + bytes([whole[k] ^ 4]) + whole[k + 1 :])
        with pytest.raises(pf.SerializationError):
            pf.load(path)


def test_a_mapped_file_is_read_when_used_and_never_written(path):
    pf.save({"x": pf.arange(1000), "b": pf.tensor([True, False])}, path)
    before = path.read_bytes()
    x = pf.load(path, mmap=True)["x"]
    x.add_(1)
    x[0] = 5
    assert x[:2].tolist() == [5, 2] and path.read_bytes() == before
    with pytest.raises(TypeError, match="path"), open(path, "rb") as file:
        pf.load(file, mmap=True)


def test_replacing_a_mapped_file_leaves_its_tensors_alone(path):
    pf.save(pf.ones(100_000), path)
    old = pf.load(path, mmap=True)
    pf.save(pf.zeros(100_000), path)
    assert bool((old == 1).all()) and not bool(pf.load(path).any())
