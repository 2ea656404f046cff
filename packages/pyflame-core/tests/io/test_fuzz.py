"""Thousands of damaged files of every format: they are read or refused, quickly and with little memory.

Each format is damaged as it lies in the file, and, where checksums would hide what is behind them, inside: the parts of
a file are damaged and put together again with right checksums. `--mutations 2000` runs more.
"""

import io
import json
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame.io.source import VALUES_FLOOR
from pyflame.testing.graphs import random_graph
from pyflame.testing.mutation import mutate

FOLDER = Path(__file__).parents[1] / "references" / "torch"
STATE = {
    "weight": pf.tensor(np.arange(60, dtype=np.float32).reshape(3, 4, 5)),
    "half": pf.ones(7).to(pf.bfloat16),
    "mask": pf.tensor([[True, False, True]]),
    "step": pf.tensor(3),
    "empty": pf.zeros(0, 2),
    "bytes": pf.arange(20).to(pf.uint8),
    "zeros": pf.zeros(500),
}


def saved(obj, format, **options):
    file = io.BytesIO()
    pf.save(obj, file, format=format, **options)
    return file.getvalue()


def split_container(data):
    """Front, values and JSON of a container."""
    metadata, values = struct.unpack_from("<QQ", data, 24)
    return data[:values], data[values:metadata], data[metadata + 16 :]


def sealed_container(data, seed):
    """One part damaged, all checksums right: a reader gets as far as the damage allows."""
    parts = list(split_container(data))
    parts[seed % 3] = mutate(parts[seed % 3], seed)
    front, values, text = parts
    if seed % 3 != 2:
        described = json.loads(text)
        described["front_checksum"] = zlib.crc32(front)
        places = [(one.begin - len(front), one.size) for one in index_of(data)]
        described["checksums"] = [zlib.crc32(values[begin : begin + size]) for begin, size in places]
        text = json.dumps(described).encode()
    return front + values + struct.pack("<QI4x", len(text), zlib.crc32(text)) + text


def index_of(data):
    from pyflame.io.container import read_contents
    from pyflame.io.source import Source

    return read_contents(Source("original", len(data), None, data), data[:8]).stored


def sealed_zip(data, seed):
    """One member damaged, its checksum right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, info.compress_type, archive.read(info)) for info in archive.infolist()]
    chosen = seed % len(members)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for k, (name, kind, content) in enumerate(members):
            archive.writestr(name, mutate(content, seed) if k == chosen and content else content, kind)
    return file.getvalue()


def sealed_header(data, seed):
    """The header of a safetensors file damaged, its length right."""
    length = int.from_bytes(data[:8], "little")
    header = mutate(data[8 : 8 + length], seed)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def read_file(data):
    values = pf.load(io.BytesIO(data))
    for tensor in values.values() if isinstance(values, dict) else ():
        if isinstance(tensor, pf.Tensor):
            tensor.numpy(force=True) if tensor.dtype is not pf.bfloat16 else tensor.float().numpy()


def read_torch(data):
    pf.load_torch_checkpoint(io.BytesIO(data))


NEST = {
    "model": STATE,
    "history": [0.5, (1, None, "text", float("inf"))],
    3: {"layout": pf.ones(4, 2).to(pf.MeshLayout.grid(2, 2))},
}
# What Python objects and buffers of constant size take, whatever is read.
OBJECTS = 512 << 10
GRAPH = random_graph(3, 12)
CASES = {
    "pf": (saved(NEST, "pf"), mutate, read_file),
    "pf, checksums right": (saved(NEST, "pf"), sealed_container, read_file),
    "pf compressed": (saved(STATE, "pf", compress=True), mutate, read_file),
    "pf compressed, checksums right": (saved(STATE, "pf", compress=True), sealed_container, read_file),
    "safetensors": (saved(STATE, "safetensors", metadata={"a": "b"}), mutate, read_file),
    "safetensors, length right": (saved(STATE, "safetensors", metadata={"a": "b"}), sealed_header, read_file),
    "npz": (saved(STATE, "npz", metadata={"a": 1}), mutate, read_file),
    "npz, checksums right": (saved(STATE, "npz", metadata={"a": 1}), sealed_zip, read_file),
    "npz compressed": (saved(STATE, "npz", compress=True), mutate, read_file),
    "npz compressed, checksums right": (saved(STATE, "npz", compress=True), sealed_zip, read_file),
    "torch": ((FOLDER / "views.pt").read_bytes(), mutate, read_torch),
    "torch, checksums right": ((FOLDER / "training.pt").read_bytes(), sealed_zip, read_torch),
    "torch protocol 4, checksums right": ((FOLDER / "protocol4.pt").read_bytes(), sealed_zip, read_torch),
    "graph JSON": (GRAPH.to_json().encode(), mutate, pf.Graph.from_json),
    "graph binary": (GRAPH.to_bytes(), mutate, pf.Graph.from_bytes),
    "graph binary, checksums right": (GRAPH.to_bytes(), sealed_container, pf.Graph.from_bytes),
    "graph binary compressed": (GRAPH.to_bytes(compress=True), sealed_container, pf.Graph.from_bytes),
}


def measured(read, data):
    """Whether data is read, seconds, and bytes that reading took beside the data."""
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    start, good = time.process_time(), True
    try:
        read(data)
    except (pf.SerializationError, pf.GraphError):
        good = False
    seconds = time.process_time() - start
    return good, seconds, tracemalloc.get_traced_memory()[1] - before


@pytest.mark.parametrize("case", CASES)
def test_damaged_files_are_read_or_refused(case, request):
    data, damage, read = CASES[case]
    read(data)
    tracemalloc.start()
    try:
        outcomes = set()
        for seed in range(request.config.getoption("--mutations")):
            damaged = damage(data, seed)
            good, seconds, taken = measured(read, damaged)
            if taken > OBJECTS:  # tables of the interpreter grow now and then: what a file takes, it takes again
                good, seconds, taken = measured(read, damaged)
            assert seconds < 5 and taken <= 4 * len(damaged) + VALUES_FLOOR + OBJECTS, (seed, seconds, taken)
            outcomes.add(good)
        assert False in outcomes
    finally:
        tracemalloc.stop()
