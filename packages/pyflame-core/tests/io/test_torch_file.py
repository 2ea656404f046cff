"""Files that PyTorch 2.13 wrote, read without it; ci/make_torch_files.py makes them."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf

FOLDER = Path(__file__).parents[1] / "references" / "torch"
VALUES = np.load(FOLDER / "values.npz")


def flat(value, path):
    if isinstance(value, pf.Tensor):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {name: tensor for key, item in items for name, tensor in flat(item, f"{path}/{key}").items()}


@pytest.mark.parametrize("name", ["dtypes", "protocol4", "views", "training", "parameters", "tensor"])
def test_values_are_those_of_torch(name):
    found = flat(pf.load_torch_checkpoint(FOLDER / f"{name}.pt"), name)
    assert sorted(found) == sorted(path for path in VALUES.files if path.split("/")[0] == name)
    for path, tensor in found.items():
        np.testing.assert_array_equal(tensor.detach().float().numpy(), VALUES[path].astype(np.float32))
        assert tuple(tensor.shape) == VALUES[path].shape


def test_dtypes_and_kinds_are_kept():
    for name, tensor in pf.load_torch_checkpoint(FOLDER / "dtypes.pt").items():
        assert tensor.dtype.name == name
    thawed, frozen = pf.load_torch_checkpoint(FOLDER / "parameters.pt")
    assert isinstance(thawed, pf.Parameter) and thawed.requires_grad
    assert isinstance(frozen, pf.Parameter) and not frozen.requires_grad
    assert pf.load_torch_checkpoint(FOLDER / "tensor.pt").requires_grad


def test_what_is_no_tensor_comes_along():
    training = pf.load_torch_checkpoint(FOLDER / "training.pt")
    plain = {key: value for key, value in training.items() if key not in ("model", "optimizer")}
    assert plain == {
        "epoch": 3,
        "history": [0.5, 0.25],
        "shape": (4, 6),
        "name": "grüße",
        "dtype": pf.float16,
        "device": "cpu",
        "huge": 2**70,
        "flags": (True, None, -1, 300, 70000),
    }
    assert training["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)


def test_load_and_its_siblings_know_the_format(tmp_path):
    assert pf.detect_format(FOLDER / "views.pt") == "torch"
    assert pf.load(FOLDER / "views.pt", mmap=True)["part"].tolist() == [[8.0, 9.0], [14.0, 15.0]]
    info = pf.inspect_file(FOLDER / "training.pt")
    assert info.tensors["model.0.weight"].shape == (3, 4) and info.metadata["epoch"] == 3
    with pytest.raises(ValueError, match="read but not written"):
        pf.save({}, tmp_path / "x.pt")


@pytest.mark.parametrize(
    "name, text",
    [
        ("module", "torch.nn.modules.linear.Linear: only tensors"),
        ("complex", "torch.ComplexFloatStorage"),
        ("before_zip", "before version 1.6"),
        ("script", "TorchScript"),
    ],
)
def test_what_else_torch_writes_is_refused_with_the_reason(name, text):
    with pytest.raises(pf.SerializationError, match=text):
        pf.load_torch_checkpoint(FOLDER / f"refused_{name}.pt")


def rewritten(name, change):
    """A file of torch's with other members: change takes and returns a dict of them, without the folder."""
    with zipfile.ZipFile(FOLDER / f"{name}.pt") as archive:
        members = {info.filename.split("/", 1)[1]: archive.read(info) for info in archive.infolist()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member, data in change(members).items():
            archive.writestr(f"archive/{member}", data)
    return io.BytesIO(file.getvalue())


def test_the_other_byte_order_is_turned():
    def turn(members):
        values = np.frombuffer(members["data/0"], "<f4").astype(">f4").tobytes()
        return {**members, "data/0": values, "byteorder": b"big"}

    views = pf.load_torch_checkpoint(rewritten("views", turn))
    assert views["part"].tolist() == [[8.0, 9.0], [14.0, 15.0]]


def test_storages_must_be_there_and_whole():
    for change in (
        lambda members: {name: data for name, data in members.items() if name != "data/0"},
        lambda members: {**members, "data/0": members["data/0"][:-4]},
        lambda members: {**members, "byteorder": b"middle"},
        lambda members: {name: data for name, data in members.items() if name != "data.pkl"},
    ):
        with pytest.raises(pf.SerializationError):
            pf.load_torch_checkpoint(rewritten("views", change))


def pickled(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/data/0", bytes(16))
    return io.BytesIO(file.getvalue())


STORAGE = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuK\4tQ"


def tensor(offset, size, stride, end=b"\x89)tR."):
    def number(value):
        raw = value.to_bytes(9, "little", signed=True)
        return b"\x8a\x09" + raw

    def numbers(values):
        return b"(" + b"".join(map(number, values)) + b"t"

    start = b"\x80\2ctorch._utils\n_rebuild_tensor_v2\n("
    return start + STORAGE + number(offset) + numbers(size) + numbers(stride) + end


class Exploit:
    def __reduce__(self):
        return os.system, ("touch /tmp/pyflame-was-here",)


HOSTILE = {
    "code": pickle.dumps(Exploit(), 2),
    "code in protocol 4": pickle.dumps(Exploit(), 4),
    "empty": b"",
    "only a stop": b"\x80\2.",
    "two values": b"NN.",
    "mark left": b"(.",
    "unknown opcode": b"\xff.",
    "cut off": b"X\xff\0\0\0abc",
    "no UTF-8": b"X\1\0\0\0\xff.",
    "not memorised": b"h\5.",
    "call of a number": b"K\1)R.",
    "call without a tuple": b"ccollections\nOrderedDict\nK\1R.",
    "call with too much": b"ccollections\nOrderedDict\nK\1\x85R.",
    "items into a number": b"K\1K\2K\3s.",
    "half an item": b"}(K\1u.",
    "key that is a list": b"}]K\1s.",
    "key of many bits": b"}\x8a\x0c" + b"\xff" * 11 + b"\1K\1s.",
    "list in itself": b"]q\0h\0a.",
    "doubling": b")" + b"q\0h\0h\0\x86" * 60 + b".",
    "function as a value": b"ctorch._utils\n_rebuild_tensor_v2\n.",
    "storage as a value": STORAGE + b".",
    "build on a list": b"]Nb.",
    "beyond the storage": tensor(0, [5], [1]),
    "offset beyond": tensor(4, [1], [1]),
    "stride beyond": tensor(0, [2], [4]),
    "negative size": tensor(0, [-1], [1]),
    "negative stride": tensor(3, [2], [-1]),
    "negative offset": tensor(-1, [1], [1]),
    "expanded to much": tensor(0, [2**20, 2**20], [0, 0]),
    "overflow": tensor(0, [2**62, 4], [0, 0]),
    "strides missing": tensor(0, [2], []),
    "grad of integers": tensor(0, [2], [1], b"K\1)tR."),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_pickles_are_refused(case):
    with pytest.raises(pf.SerializationError):
        pf.load_torch_checkpoint(pickled(HOSTILE[case]))
    assert not os.path.exists("/tmp/pyflame-was-here")


def test_the_hostile_pickles_would_be_fine_without_their_fault():
    assert pf.load_torch_checkpoint(pickled(tensor(1, [2], [1]))).tolist() == [0.0, 0.0]
    assert pf.load_torch_checkpoint(pickled(b"]q\0(K\1K\2e.")) == [1, 2]


@pytest.mark.torch
def test_torch_saves_and_we_load(tmp_path):
    torch = pytest.importorskip("torch")
    state = torch.nn.Linear(3, 4).state_dict()
    torch.save(state, tmp_path / "x.pt")
    for name, value in pf.load_torch_checkpoint(tmp_path / "x.pt").items():
        np.testing.assert_array_equal(value.numpy(), state[name].numpy())
