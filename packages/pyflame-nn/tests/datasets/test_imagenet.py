import hashlib
import io
import tarfile

import numpy as np
import pytest
from PIL import Image as image
from scipy import io as scipy_io

from pyflame.datasets import ImageNet

CLASSES = [("n02", "tench, Tinca"), ("n01", "goldfish"), ("n03", "shark, great shark")]
TRUTH = [3, 1, 1, 2]


def add(tar, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


@pytest.fixture
def archives(tmp_path):
    """A class that expects the checksums of archives made here in the layout of the real ones, and their folder."""

    def picture(gray):
        buffer = io.BytesIO()
        image.fromarray(np.full((2, 2, 3), gray, np.uint8)).save(buffer, "PNG")
        return buffer.getvalue()

    kinds = [("ILSVRC2012_ID", "f8"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "f8")]
    rows = [(i + 1, wnid, words, "", 0) for i, (wnid, words) in enumerate(CLASSES)] + [(4, "n09", "fish", "", 3)]
    matrix = io.BytesIO()
    scipy_io.savemat(matrix, {"synsets": np.array(rows, kinds)[:, None]})
    with tarfile.open(tmp_path / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as tar:
        add(tar, "ILSVRC2012_devkit_t12/data/meta.mat", matrix.getvalue())
        text = "".join(f"{number}\n" for number in TRUTH)
        add(tar, "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", text.encode())
    with tarfile.open(tmp_path / "ILSVRC2012_img_val.tar", "w") as tar:
        for i in reversed(range(4)):
            add(tar, f"ILSVRC2012_val_0000000{i + 1}.JPEG", picture(i))
    with tarfile.open(tmp_path / "ILSVRC2012_img_train.tar", "w") as tar:
        for i, (wnid, _) in enumerate(CLASSES):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as images:
                for j in range(2):
                    add(images, f"{wnid}_{j}.JPEG", picture(10 * i + j))
            add(tar, f"{wnid}.tar", inner.getvalue())
    sums = {
        kind: (name, hashlib.md5((tmp_path / name).read_bytes()).hexdigest())
        for kind, (name, _) in ImageNet.archives.items()
    }
    return type("Small", (ImageNet,), {"archives": sums}), tmp_path


def gray(item):
    return int(np.asarray(item[0])[0, 0, 0]), item[1]


def test_archives_are_unpacked_once(archives):
    kind, root = archives
    train = kind(root)
    assert train.wnids == ["n01", "n02", "n03"] and train.wnid_to_idx["n03"] == 2
    assert train.classes == [("goldfish",), ("tench", "Tinca"), ("shark", "great shark")]
    assert train.class_to_idx["great shark"] == 2
    expected = [(10, 0), (11, 0), (0, 1), (1, 1), (20, 2), (21, 2)]
    assert [gray(train[i]) for i in range(6)] == expected
    val = kind(root, "val")
    assert sorted(gray(val[i]) for i in range(4)) == [(0, 2), (1, 1), (2, 1), (3, 0)]
    for name, _ in kind.archives.values():
        (root / name).unlink()
    assert len(kind(root, "val")) == 4 and kind(root).classes == train.classes
    assert sorted(path.name for path in root.iterdir()) == ["meta.json", "train", "val"]


def test_damage_is_told(archives):
    kind, root = archives
    path = root / "ILSVRC2012_img_val.tar"
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(RuntimeError, match="has MD5"):
        kind(root, "val")
    path.unlink()
    with pytest.raises(RuntimeError, match="has no ILSVRC2012_img_val.tar"):
        kind(root, "val")
    with pytest.raises(ValueError, match="'test'"):
        kind(root, "test")
