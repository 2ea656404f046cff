import hashlib
import pickle
import struct
import tarfile
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from pyflame.datasets import CIFAR10, CIFAR100
from pyflame.datasets.batches import read_batch

RANDOM = np.random.default_rng(0)
NAMES = {CIFAR10: [f"kind {i}" for i in range(10)], CIFAR100: [f"fine {i}" for i in range(100)]}


def short(text):
    return b"U" + bytes([len(text)]) + text


def strings(values):
    return b"](" + b"".join(map(short, values)) + b"e"


def numbers(values):
    return b"](" + b"".join(b"K" + bytes([value]) for value in values) + b"e"


def python2_array(array):
    """An array of bytes as Python 2 pickled it: with protocol 2 and strings of bytes."""
    rows, columns = array.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87Rq\x04(K\x01"
        + b"M" + struct.pack("<H", rows) + b"M" + struct.pack("<H", columns) + b"\x86"
        + b"cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87Rq\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T" + struct.pack("<i", array.size) + array.tobytes() + b"tb"
    )  # fmt: skip


def python2_dict(items):
    return b"\x80\x02}q\x01(" + b"".join(short(key) + value for key, value in items) + b"u."


def batch(pixels, labels, fine):
    if not fine:
        return python2_dict([(b"data", python2_array(pixels)), (b"labels", numbers(labels))])
    coarse = [label // 5 for label in labels]
    return python2_dict(
        [(b"fine_labels", numbers(labels)), (b"data", python2_array(pixels)), (b"coarse_labels", numbers(coarse))]
    )


@pytest.fixture(params=[CIFAR10, CIFAR100])
def files(request, tmp_path):
    """A class that expects the checksums of the files made here, the root, and the images and labels in the files."""
    base, fine = request.param, request.param is CIFAR100
    folder = tmp_path / base.base_folder
    folder.mkdir()
    content, changed = {}, {}

    def write(name, data):
        (folder / name).write_bytes(data)
        return hashlib.md5(data).hexdigest()

    for group in ("train_list", "test_list"):
        entries = []
        for name, _ in getattr(base, group):
            pixels = RANDOM.integers(0, 256, (4, 3072)).astype(np.uint8)
            labels = RANDOM.integers(0, len(NAMES[base]), 4).tolist()
            content[name] = pixels, labels
            entries.append((name, write(name, batch(pixels, labels, fine))))
        changed[group] = tuple(entries)
    name, key, _ = base.meta
    meta = python2_dict([(key.encode(), strings([text.encode() for text in NAMES[base]]))])
    changed["meta"] = (name, key, write(name, meta))
    return type(base.__name__, (base,), changed), tmp_path, content


def check(dataset, content, names):
    pixels = np.concatenate([content[name][0] for name in names]).reshape(-1, 3, 32, 32)
    labels = sum((content[name][1] for name in names), [])
    assert len(dataset) == len(pixels) and dataset.targets == labels
    np.testing.assert_array_equal(dataset.data, pixels.transpose(0, 2, 3, 1))
    image, label = dataset[2]
    assert image.shape == (32, 32, 3) and label == labels[2]


@pytest.mark.parametrize("train", [True, False])
def test_the_python_version(files, train):
    kind, root, content = files
    dataset = kind(root, train=train)
    check(dataset, content, [name for name, _ in (kind.train_list if train else kind.test_list)])
    assert dataset.classes == NAMES[kind.__base__] and dataset.class_to_idx[dataset.classes[3]] == 3


def test_the_files_made_here_are_what_pickle_reads(files):
    kind, root, content = files
    name = kind.train_list[0][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the name that NumPy 1 wrote
        found = pickle.loads((root / kind.base_folder / name).read_bytes(), encoding="latin1")
    np.testing.assert_array_equal(found["data"], content[name][0])
    assert found[kind.label_key] == content[name][1]


def test_the_binary_version(files, tmp_path_factory):
    kind, _, content = files
    root = tmp_path_factory.mktemp("binary")
    folder = root / kind.binary_folder
    folder.mkdir()
    (folder / kind.binary_meta).write_text("\n".join(name.replace(" ", "_") for name in NAMES[kind.__base__]) + "\n\n")
    for name, (pixels, labels) in content.items():
        records = [np.array(labels, np.uint8)[:, None], pixels]
        if kind.label_bytes == 2:
            records.insert(0, np.array(labels, np.uint8)[:, None] // 5)
        (folder / f"{name}.bin").write_bytes(np.concatenate(records, 1).tobytes())
    check(kind(root), content, [name for name, _ in kind.train_list])
    check(kind(root, train=False), content, [name for name, _ in kind.test_list])
    path = folder / f"{kind.test_list[0][0]}.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RuntimeError, match="expected a multiple of"):
        kind(root, train=False)
    path.unlink()
    with pytest.raises(RuntimeError, match="has no test"):
        kind(root, train=False)


def test_the_archive_is_unpacked(files, tmp_path_factory):
    kind, root, content = files
    other = tmp_path_factory.mktemp("archive")
    with tarfile.open(other / kind.filename, "w:gz") as tar:
        tar.add(root / kind.base_folder, kind.base_folder)
    whole = type(kind.__name__, (kind,), {"tgz_md5": hashlib.md5((other / kind.filename).read_bytes()).hexdigest()})
    check(whole(other, download=True), content, [name for name, _ in kind.train_list])


def test_damage_is_told(files, monkeypatch):
    kind, root, _ = files
    path = root / kind.base_folder / kind.train_list[-1][0]
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(RuntimeError, match="has MD5"):
        kind(root)
    path.unlink()
    with pytest.raises(RuntimeError, match="unpack the archive again"):
        kind(root)
    monkeypatch.setenv("PYFLAME_OFFLINE", "1")
    with pytest.raises(RuntimeError, match="PYFLAME_OFFLINE"):
        kind(root / "elsewhere", download=True)


def test_what_python_3_writes_is_read_too(tmp_path):
    pixels = RANDOM.integers(0, 256, (3, 3072)).astype(np.uint8)
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": pixels, "labels": [1, 2, 300], "more": None}, 2))
    found = read_batch(tmp_path / "batch")
    np.testing.assert_array_equal(found["data"], pixels)
    assert found["labels"] == [1, 2, 300] and found["more"] is None


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_file_is_called(tmp_path):
    for protocol in range(6):
        (tmp_path / "batch").write_bytes(pickle.dumps({"data": Harm(tmp_path / "harm")}, protocol))
        with pytest.raises(RuntimeError, match="cannot be read as a batch"):
            read_batch(tmp_path / "batch")
    assert not (tmp_path / "harm").exists()


SEED = batch(np.arange(16, dtype=np.uint8).reshape(4, 4), [1, 2, 3, 4], False)


@example([(13, 92)], 35)  # text with an escape that does not exist
@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(SEED) - 1), st.integers(0, 255)), max_size=4), st.integers(0, len(SEED)))
def test_damaged_batches_are_read_or_refused(tmp_path_factory, changes, end):
    content = bytearray(SEED)
    for place, value in changes:
        content[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[:end])
    try:
        assert isinstance(read_batch(path), dict)
    except RuntimeError as error:
        assert str(error).startswith("[CIFAR]")
