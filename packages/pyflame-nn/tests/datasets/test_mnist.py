import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, strategies as st

import pyflame as pf
from pyflame.data import DataLoader, transforms
from pyflame.datasets import MNIST, FashionMNIST
from pyflame.datasets.mnist import parse_idx

RANDOM = np.random.default_rng(0)
PARTS = {"train": 12, "t10k": 5}


def idx(array, code=8):
    big = array.astype(array.dtype.newbyteorder(">"))
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + big.tobytes()


@pytest.fixture(params=[MNIST, FashionMNIST])
def files(request, tmp_path):
    """A class that expects the checksums of the files made here, the root, and the arrays in the files."""
    base = request.param
    folder = tmp_path / base.__name__ / "raw"
    folder.mkdir(parents=True)
    arrays, resources = {}, []
    for name, _ in base.resources:
        part = name.split("-")[0]
        shape = (PARTS[part], 28, 28) if "images" in name else (PARTS[part],)
        arrays[name] = RANDOM.integers(0, 256 if "images" in name else 10, shape).astype(np.uint8)
        content = gzip.compress(idx(arrays[name]))
        (folder / name).write_bytes(content)
        resources.append((name, hashlib.md5(content).hexdigest()))
    return type(base.__name__, (base,), {"resources": tuple(resources)}), tmp_path, arrays


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("compressed", [True, False])
def test_both_parts_are_read(files, train, compressed):
    kind, root, arrays = files
    if not compressed:
        for path in list((root / kind.__name__ / "raw").iterdir()):
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
    dataset = kind(root, train=train)
    part = "train" if train else "t10k"
    images, labels = arrays[f"{part}-images-idx3-ubyte.gz"], arrays[f"{part}-labels-idx1-ubyte.gz"]
    assert len(dataset) == len(images) == PARTS[part]
    np.testing.assert_array_equal(dataset.data.numpy(), images)
    np.testing.assert_array_equal(dataset.targets.numpy(), labels)
    image, label = dataset[3]
    np.testing.assert_array_equal(image, images[3])
    assert (label, type(label)) == (labels[3], int) and len(dataset.classes) == 10
    assert f"Split: {'Train' if train else 'Test'}" in repr(dataset)


def test_transforms_and_whole_batches(files):
    kind, root, arrays = files
    images, labels = (arrays[f"train-{what}-ubyte.gz"] for what in ("images-idx3", "labels-idx1"))
    whole, alone = (DataLoader(kind(root), batch_size=5, collate_fn=collate) for collate in (None, list))
    np.testing.assert_array_equal(np.concatenate([x.numpy() for x, _ in whole]), images)
    assert sum(([label for _, label in batch] for batch in alone), []) == labels.tolist()
    changed = kind(root, transform=transforms.ToTensor(), target_transform=lambda label: 9 - label)
    x, y = next(iter(DataLoader(changed, batch_size=4)))
    np.testing.assert_allclose(x.numpy(), images[:4, None] / np.float32(255), rtol=1e-6)
    assert y.tolist() == (9 - labels[:4].astype(int)).tolist() and x.dtype == pf.float32


def test_damage_is_told(files):
    kind, root, _ = files
    path = root / kind.__name__ / "raw" / kind.resources[0][0]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RuntimeError, match=rf"\[{kind.__name__}\] .* has MD5 .*, expected {kind.resources[0][1]}"):
        kind(root)
    path.unlink()
    with pytest.raises(RuntimeError, match="download=True"):
        kind(root)
    path.with_suffix("").write_bytes(idx(np.zeros((3, 28, 28), np.uint8)))
    with pytest.raises(RuntimeError, match="images of shape"):
        kind(root)


def test_the_root_may_come_from_the_environment(files, monkeypatch):
    kind, root, _ = files
    monkeypatch.setenv("PYFLAME_DATA_DIR", str(root))
    assert len(kind()) == PARTS["train"]
    monkeypatch.delenv("PYFLAME_DATA_DIR")
    with pytest.raises(ValueError, match="PYFLAME_DATA_DIR"):
        kind()


def test_download_is_refused_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("PYFLAME_OFFLINE", "1")
    with pytest.raises(RuntimeError, match="PYFLAME_OFFLINE"):
        MNIST(tmp_path, download=True)


@pytest.mark.parametrize(
    "dtype, code", [("u1", 0x08), ("i1", 0x09), ("i2", 0x0B), ("i4", 0x0C), ("f4", 0x0D), ("f8", 0x0E)]
)
def test_all_types_of_idx(dtype, code):
    array = RANDOM.integers(0, 100, (3, 2)).astype(dtype)
    found = parse_idx(idx(array, code), "file")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


@given(st.binary(max_size=40) | st.binary(max_size=20).map(lambda tail: b"\0\0\x08\x01" + tail))
def test_any_bytes_are_read_or_refused(content):
    try:
        found = parse_idx(content, "file")
    except RuntimeError as error:
        assert str(error).startswith("[idx] file")
    else:
        assert idx(found, content[2]) == content
