"""CIFAR-10 and CIFAR-100, from their Python or binary version."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .arrays import Array, ArrayDataset, Function
from .batches import read_batch
from .download import check_md5, data_root, download, extract

PIXELS = 3 * 32 * 32


class CIFAR10(ArrayDataset):
    """Small colour pictures of ten kinds of things: 50,000 to train with and 10,000 to test.

    An item is an array of bytes (32, 32, 3) and the label. The files are those of the original data set: the Python
    version in `root/cifar-10-batches-py`, whose checksums are verified and which is read without unpickling; or else
    the binary version in `root/cifar-10-batches-bin`, whose files have no published checksums.

    Args:
        root: the folder of data sets, by default that of PYFLAME_DATA_DIR.
        train: the images to train with, or those to test.
        transform: what is done to an image, such as `transforms.ToTensor()`.
        target_transform: what is done to a label.
        download: fetch the Python version if neither is there.

    Raises:
        RuntimeError: files are missing or damaged, or cannot be downloaded.

    Example:
        >>> from pyflame.datasets import CIFAR10
        >>> CIFAR10("/nowhere")
        Traceback (most recent call last):
        RuntimeError: [CIFAR10] /nowhere has no cifar-10-batches-py: download=True fetches it
    """

    base_folder: ClassVar[str] = "cifar-10-batches-py"
    binary_folder: ClassVar[str] = "cifar-10-batches-bin"
    url: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename: ClassVar[str] = "cifar-10-python.tar.gz"
    tgz_md5: ClassVar[str] = "c58f30108f718f92721af3b95e74349a"
    train_list: ClassVar[Sequence[tuple[str, str]]] = (
        ("data_batch_1", "c99cafc152244af753f735de768cd75f"),
        ("data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"),
        ("data_batch_3", "54ebc095f3ab1f0389bbae665268c751"),
        ("data_batch_4", "634d18415352ddfa80567beed471001a"),
        ("data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"),
    )
    test_list: ClassVar[Sequence[tuple[str, str]]] = (("test_batch", "40351d587109b95175f43aff81a1287e"),)
    meta: ClassVar[tuple[str, str, str]] = ("batches.meta", "label_names", "5ff9c542aee3614f3951f8cda6e48888")
    binary_meta: ClassVar[str] = "batches.meta.txt"
    label_key: ClassVar[str] = "labels"
    label_bytes: ClassVar[int] = 1  # before the pixels of an image in the binary version; the last one counts

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Function = None,
        target_transform: Function = None,
        download: bool = False,
    ) -> None:
        folder = data_root(root, type(self).__name__)
        self.root, self.train = folder, train
        if download:
            self.download()
        files = self.train_list if train else self.test_list
        if (folder / self.base_folder).is_dir():
            self.classes, parts = self._read_python(folder / self.base_folder, files)
        elif (folder / self.binary_folder).is_dir():
            self.classes, parts = self._read_binary(folder / self.binary_folder, files)
        else:
            raise RuntimeError(f"[{type(self).__name__}] {folder} has no {self.base_folder}: download=True fetches it")
        pixels, labels = (np.concatenate(arrays) for arrays in zip(*parts))
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.classes):
            raise RuntimeError(f"[{type(self).__name__}] label {labels.max()}: there are {len(self.classes)} classes")
        images = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        super().__init__(images, labels, transform, target_transform, False, folder)

    @property
    def data(self) -> Array:
        """All images, (n, 32, 32, 3) bytes."""
        return self._inputs

    @property
    def targets(self) -> list[int]:
        """All labels."""
        return self._labels.tolist()

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Number of each class."""
        return {name: index for index, name in enumerate(self.classes)}

    def download(self) -> None:
        """Fetch and unpack the Python version, unless there is a version already."""
        root = self.root or Path()
        if (root / self.base_folder).is_dir() or (root / self.binary_folder).is_dir():
            return
        download([self.url], root / self.filename, self.tgz_md5, type(self).__name__)
        extract(root / self.filename, root)

    def _read_python(self, folder: Path, files: Sequence[tuple[str, str]]) -> tuple[list[str], list[Any]]:
        name, key, md5 = self.meta
        for file, checksum in [*files, (name, md5)]:
            if not (folder / file).exists():
                raise RuntimeError(f"[{type(self).__name__}] {folder} has no {file}: unpack the archive again")
            check_md5(folder / file, checksum, type(self).__name__)
        classes = [_string(text) for text in read_batch(folder / name)[key]]
        parts = []
        for file, _ in files:
            batch = read_batch(folder / file)
            pixels, labels = batch.get("data"), batch.get(self.label_key)
            if not isinstance(pixels, np.ndarray) or not isinstance(labels, list) or pixels.shape[1:] != (PIXELS,):
                raise RuntimeError(
                    f"[{type(self).__name__}] {folder / file} has no images of {PIXELS} bytes and labels"
                )
            if len(pixels) != len(labels):
                raise RuntimeError(
                    f"[{type(self).__name__}] {folder / file}: {len(pixels)} images, {len(labels)} labels"
                )
            parts.append((pixels, np.array(labels, np.int64)))
        return classes, parts

    def _read_binary(self, folder: Path, files: Sequence[tuple[str, str]]) -> tuple[list[str], list[Any]]:
        record, parts = self.label_bytes + PIXELS, []
        for path in [folder / self.binary_meta, *(folder / f"{file}.bin" for file, _ in files)]:
            if not path.exists():
                raise RuntimeError(f"[{type(self).__name__}] {folder} has no {path.name}: unpack the archive again")
        classes = (folder / self.binary_meta).read_text().split()
        for file, _ in files:
            content = (folder / f"{file}.bin").read_bytes()
            if not content or len(content) % record:
                raise RuntimeError(
                    f"[{type(self).__name__}] {folder / file}.bin has {len(content)} bytes: "
                    f"expected a multiple of {record}"
                )
            rows = np.frombuffer(content, np.uint8).reshape(-1, record)
            parts.append((rows[:, self.label_bytes :], rows[:, self.label_bytes - 1].astype(np.int64)))
        return classes, parts

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """Small colour pictures of a hundred kinds of things, in the format and numbers of `CIFAR10`.

    The files are in `root/cifar-100-python` or `root/cifar-100-binary`; labels are the fine ones.

    Args:
        root: the folder of data sets, by default that of PYFLAME_DATA_DIR.
        train: the images to train with, or those to test.
        transform: what is done to an image.
        target_transform: what is done to a label.
        download: fetch the Python version if neither is there.

    Raises:
        RuntimeError: files are missing or damaged, or cannot be downloaded.

    Example:
        >>> from pyflame.datasets import CIFAR100
        >>> CIFAR100.train_list[0][0]
        'train'
    """

    base_folder = "cifar-100-python"
    binary_folder = "cifar-100-binary"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = (("train", "16019d7e3df5f24257cddd939b257f8d"),)
    test_list = (("test", "f0ef6b0ae62326f3e7ffdfab6717acfc"),)
    meta = ("meta", "fine_label_names", "7973b15100ade9c7d40fb424638fde48")
    binary_meta = "fine_label_names.txt"
    label_key = "fine_labels"
    label_bytes = 2


def _string(text: str | bytes) -> str:
    return text.decode("latin1") if isinstance(text, bytes) else text
