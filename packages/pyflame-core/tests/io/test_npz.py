"""Files for NumPy and from NumPy."""

import io
import zipfile

import numpy as np
import pytest

import pyflame as pf

STATE = {
    "x": pf.tensor([[1.0, 2.0], [3.0, 4.0]]),
    "bf": pf.tensor([1.0, -2.5]).to(pf.bfloat16),
    "n": pf.tensor(3),
    "empty": pf.zeros(0, 4, dtype=pf.float64),
    "b": pf.tensor([True, False]),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.npz"


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("mmap", [False, True])
def test_round_trip(path, mmap, compress):
    pf.save(STATE, path, compress=compress, metadata={"epoch": 3})
    loaded = pf.load(path, mmap=mmap)
    assert list(loaded) == list(STATE)
    for name, tensor in STATE.items():
        assert loaded[name].dtype is tensor.dtype and loaded[name].tolist() == tensor.tolist()
    assert pf.inspect_file(path).metadata == {"epoch": 3}


@pytest.mark.parametrize("compress", [False, True])
def test_numpy_reads_what_we_write(path, compress):
    pf.save({**STATE, "rows": pf.arange(1000)}, path, compress=compress)
    assert zipfile.ZipFile(path).testzip() is None
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {*STATE, "rows", "__pyflame__"}
        np.testing.assert_array_equal(file["x"], STATE["x"].numpy())
        np.testing.assert_array_equal(file["bf"], np.uint16([0x3F80, 0xC020]))
        assert file["__pyflame__"].item() == '{"dtypes": {"bf": "bfloat16"}}'
        assert file["empty"].shape == (0, 4) and file["n"].item() == 3 and file["b"].dtype == bool


def test_a_file_with_nothing_to_say_has_the_tensors_only(path):
    pf.save({"x": pf.ones(2)}, path)
    assert np.load(path).files == ["x"]


def test_stored_values_begin_aligned(path):
    pf.save({"a" * k: pf.ones(k) for k in range(1, 20)}, path)
    whole = path.read_bytes()
    for info in zipfile.ZipFile(path).infolist():
        name, extra = (
            int.from_bytes(whole[info.header_offset + k : info.header_offset + k + 2], "little") for k in (26, 28)
        )
        assert (info.header_offset + 30 + name + extra) % 64 == 0


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_we_read_what_numpy_writes(path, save):
    arrays = {
        "c": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4)),
        "big": np.arange(5, dtype=">i8"),
        "half": np.float16([1, 2]),
        "flags": np.array([[True], [False]]),
        "scalar": np.array(1.5),
        "none": np.empty((3, 0), np.int8),
    }
    save(path, **arrays)
    for name, tensor in pf.load(path).items():
        np.testing.assert_array_equal(tensor.numpy(), arrays[name])


def test_what_cannot_be_a_tensor_is_refused(path):
    for array in (np.array(["text"]), np.array([1j]), np.uint16([1]), np.array([None]), np.zeros(2, "datetime64[s]")):
        np.savez(path, x=array)
        with pytest.raises(pf.SerializationError, match="'x'"):
            pf.load(path)


def test_names_and_objects_that_do_not_fit(path):
    with pytest.raises(ValueError, match="reserve"):
        pf.save({"__pyflame__": pf.ones(1)}, path)
    with pytest.raises(TypeError, match="a dict of tensors"):
        pf.save(pf.ones(1), path)
    with pytest.raises(TypeError, match="'a' is a dict"):
        pf.save({"a": {"b": pf.ones(1)}}, path)


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in members.items():
            zipped.writestr(f"{name}.npy", data)
    return file.getvalue()


def npy(header, values=b""):
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + values


GOOD = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }"
TEXT = "{'descr': '<U2', 'fortran_order': False, 'shape': (), }"
HOSTILE = {
    "no zip": b"PK\3\4 and nothing else",
    "no array": archive(x=b"text"),
    "code in the header": archive(x=npy(GOOD.replace("False", "print(1)"), b"12")),
    "field missing": archive(x=npy("{'descr': '|u1', 'shape': (2,), }", b"12")),
    "negative size": archive(x=npy(GOOD.replace("(2,)", "(-2,)"), b"12")),
    "huge size": archive(x=npy(GOOD.replace("(2,)", "(99999999999999999999,)"), b"12")),
    "many sizes": archive(x=npy(GOOD.replace("(2,)", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2)"), b"12")),
    "values missing": archive(x=npy(GOOD, b"1")),
    "values left over": archive(x=npy(GOOD, b"123")),
    "pickled objects": archive(x=npy(GOOD.replace("|u1", "|O"), b"12")),
    "uint16 that is not said to be bfloat16": archive(x=npy(GOOD.replace("|u1", "<u2"), b"1234")),
    "bomb": archive(x=npy(GOOD.replace("(2,)", "(50000000,)"), bytes(50_000_000))),
    "note is no text": archive(__pyflame__=npy(GOOD, b"12")),
    "note is no object": archive(__pyflame__=npy(TEXT, "[]".encode("utf-32-le"))),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(path, case):
    path.write_bytes(HOSTILE[case])
    with pytest.raises(pf.SerializationError, match="x.npz"):
        pf.load(path)


def change(data, sign, offset, value, size):
    """A zip file with another number in the first record that begins with a sign."""
    place = data.index(sign) + offset
    return data[:place] + value.to_bytes(size, "little") + data[place + size :]


@pytest.mark.parametrize(
    "sign, offset, value, size",
    [
        (b"PK\5\6", 10, 77, 2),
        (b"PK\5\6", 12, 2**31, 4),
        (b"PK\5\6", 16, 2**31, 4),
        (b"PK\5\6", 16, 2**32 - 1, 4),
        (b"PK\5\6", 20, 9, 2),
        (b"PK\1\2", 8, 1, 2),
        (b"PK\1\2", 10, 12, 2),
        (b"PK\1\2", 16, 1, 4),
        (b"PK\1\2", 20, 2**31, 4),
        (b"PK\1\2", 24, 2**31, 4),
        (b"PK\1\2", 24, 2**32 - 1, 4),
        (b"PK\1\2", 28, 9, 2),
        (b"PK\1\2", 42, 1, 4),
        (b"PK\3\4", 26, 3, 2),
    ],
)
def test_damaged_directories_are_refused(path, sign, offset, value, size):
    pf.save({"x": pf.ones(2), "y": pf.ones(2)}, path)
    path.write_bytes(change(path.read_bytes(), sign, offset, value, size))
    with pytest.raises(pf.SerializationError, match="x.npz"):
        pf.load(path)


def test_members_over_each_other_are_refused(path):
    pf.save({"x": pf.ones(2)}, path)
    data = path.read_bytes()
    begin, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    twice = data[begin:end].replace(b"x.npy", b"y.npy")
    whole = data[:end] + twice + data[end:]
    whole = change(change(change(whole, b"PK\5\6", 8, 2, 2), b"PK\5\6", 10, 2, 2), b"PK\5\6", 12, 2 * (end - begin), 4)
    path.write_bytes(whole)
    with pytest.raises(pf.SerializationError, match="disagrees"):
        pf.load(path)
    path.write_bytes(whole.replace(twice, data[begin:end]))
    with pytest.raises(pf.SerializationError, match="twice"):
        pf.load(path)
