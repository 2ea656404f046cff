"""Files that promise more than they are: reading them takes at most four times their size."""

import io
import json
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

import pyflame as pf
from pyflame.io.source import EXPANSION, STRUCTURE_FLOOR, VALUES_FLOOR

SIZE = 2_000_000


def container(tree, index=b"", count=0, values=b"", flags=4):
    front = b"PYFLAME\0" + struct.pack("<II", 1, flags)
    size = 64 + len(index) + -len(index) % 64
    front += struct.pack("<QQQ24x", count, size + len(values), size) + index + bytes(-len(index) % 64)
    checksums = [zlib.crc32(values)] * count
    described = {"front_checksum": zlib.crc32(front), "checksums": checksums, "kind": "object", "tensors": [{}] * count}
    text = json.dumps(described)[:-1].encode() + b', "tree": ' + tree + b"}"
    return front + values + struct.pack("<QI4x", len(text), zlib.crc32(text)) + text


def safetensors(text, values=b""):
    return len(text).to_bytes(8, "little") + text + values


def archive(name, data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(name, data)
    return file.getvalue()


def npy(shape, values):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape},), }}\n".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + values


NOISE = np.random.default_rng(0).bytes(SIZE)
BOMB = zlib.compress(bytes(100_000_000)) + NOISE[: SIZE // 2]
ROW = struct.pack("<I1sBBxxQQQ", 1, b"x", 1, 1, 100_000_000, 0, len(BOMB))
VALUES = {
    "bomb in .pf": container(b'{"tensor": 0}', ROW, 1, BOMB + bytes(-len(BOMB) % 64), flags=5),
    "bomb in .npz": archive("x.npy", npy(100_000_000, bytes(100_000_000))),
    "huge size in .npz": archive("x.npy", npy(10**15, NOISE)),
    "huge size in .safetensors": safetensors(
        b'{"x":{"dtype":"F64","shape":[1000000000000],"data_offsets":[0,8000000000000]}}', NOISE
    ),
    "expanded in .pt": archive(
        "archive/data.pkl", b"\x80\2ctorch._utils\n_rebuild_tensor_v2\n(ctorch\nFloatStorage\nK\1tR." + NOISE
    ),
}
STRUCTURE = {
    "many lists in .pf": container(b"[" + b"[]," * (10 * SIZE) + b"[]]"),
    "many objects in .safetensors": safetensors(b'{"x":[' + b"{}," * (10 * SIZE) + b"{}]}"),
    "deep lists in .pf": container(b"[" * SIZE + b"]" * SIZE),
    "many lists in .pt": archive("archive/data.pkl", b"\x80\2" + b"]" * (10 * SIZE) + NOISE),
}


def peak(data):
    tracemalloc.start()
    try:
        with pytest.raises(pf.SerializationError) as caught:
            pf.load(io.BytesIO(data))
        return tracemalloc.get_traced_memory()[1], str(caught.value)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", VALUES)
def test_values(case):
    data = VALUES[case]
    taken, message = peak(data)
    assert taken <= EXPANSION * len(data) + VALUES_FLOOR + (256 << 10) and len(message) < 500


@pytest.mark.parametrize("case", STRUCTURE)
def test_structure(case):
    data = STRUCTURE[case]
    taken, message = peak(data)
    assert taken <= EXPANSION * len(data) + STRUCTURE_FLOOR and len(message) < 500


def test_large_files_that_are_what_they_say_are_read():
    state = {f"layer{k}": pf.full((1,), float(k)) for k in range(20_000)}
    for format in ("pf", "safetensors", "npz"):
        file = io.BytesIO()
        pf.save(state, file, format=format)
        assert len(pf.load(io.BytesIO(file.getvalue()))) == 20_000
