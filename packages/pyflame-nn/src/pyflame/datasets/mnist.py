"""MNIST and the data sets in its file format, idx."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from pyflame import Tensor, from_numpy

from .arrays import Array, ArrayDataset, Function
from .download import check_md5, data_root, decompress, download

# Type codes of the idx format; numbers are big-endian.
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def parse_idx(content: bytes, what: str) -> Array:
    """Return the array in the contents of an idx file.

    Args:
        content: two zero bytes, a type code, the number of dimensions, the dimensions, and the values.
        what: how an error calls it.

    Raises:
        RuntimeError: the contents are not in the format.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES or not content[3]:
        raise RuntimeError(f"[idx] {what} does not begin as an idx file: {content[:4].hex()!r}")
    rank = content[3]
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i]) for i in range(rank)]
    dtype = np.dtype(IDX_TYPES[content[2]])
    count, begin = 1, 4 + 4 * rank
    for size in shape:
        count *= size
    if len(content) != begin + count * dtype.itemsize:
        raise RuntimeError(
            f"[idx] {what} has {len(content)} bytes: an array of shape {tuple(shape)} needs "
            f"{begin + count * dtype.itemsize}"
        )
    return np.frombuffer(content, dtype, count, begin).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


class MNIST(ArrayDataset):
    """Handwritten digits: 60,000 images to train with and 10,000 to test, of 28 x 28 gray pixels.

    An item is an array of bytes (28, 28) and the digit. The files are those of the original data set, in
    `root/MNIST/raw`, compressed or not; the checksums of compressed ones are verified.

    Args:
        root: the folder of data sets, by default that of PYFLAME_DATA_DIR.
        train: the images to train with, or those to test.
        transform: what is done to an image, such as `transforms.ToTensor()`.
        target_transform: what is done to a digit.
        download: fetch missing files.

    Raises:
        RuntimeError: files are missing or damaged, or cannot be downloaded.

    Example:
        >>> from pyflame.datasets import MNIST
        >>> MNIST("/nowhere")
        Traceback (most recent call last):
        RuntimeError: [MNIST] /nowhere/MNIST/raw has no train-images-idx3-ubyte.gz: download=True fetches it
    """

    mirrors: ClassVar[Sequence[str]] = (
        "http://yann.lecun.com/exdb/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    )
    resources: ClassVar[Sequence[tuple[str, str]]] = (
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    )
    classes: ClassVar[Sequence[str]] = tuple(
        f"{digit} - {name}" for digit, name in enumerate("zero one two three four five six seven eight nine".split())
    )

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
        prefix = "train-" if train else "t10k-"
        images, labels = (self._read(name, md5) for name, md5 in self.resources if name.startswith(prefix))
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise RuntimeError(
                f"[{type(self).__name__}] {self.raw_folder} has images of shape {images.shape} and labels of shape "
                f"{labels.shape}: expected (n, height, width) and (n,)"
            )
        super().__init__(images, labels.astype(np.int64), transform, target_transform, False, folder)

    @property
    def raw_folder(self) -> Path:
        """Where the files are."""
        return (self.root or Path()) / type(self).__name__ / "raw"

    @property
    def data(self) -> Tensor:
        """All images, (n, height, width) bytes."""
        return from_numpy(self._inputs)

    @property
    def targets(self) -> Tensor:
        """All labels, (n)."""
        return from_numpy(self._labels)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Number of each class."""
        return {name: index for index, name in enumerate(self.classes)}

    def download(self) -> None:
        """Fetch the files that are missing."""
        for name, md5 in self.resources:
            if not (self.raw_folder / name.removesuffix(".gz")).exists():
                download([mirror + name for mirror in self.mirrors], self.raw_folder / name, md5, type(self).__name__)

    def _read(self, name: str, md5: str) -> Array:
        compressed = self.raw_folder / name
        plain = compressed.with_suffix("")
        if plain.exists():
            return parse_idx(plain.read_bytes(), str(plain))
        if not compressed.exists():
            raise RuntimeError(f"[{type(self).__name__}] {self.raw_folder} has no {name}: download=True fetches it")
        check_md5(compressed, md5, type(self).__name__)
        return parse_idx(decompress(compressed, type(self).__name__), str(compressed))

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """Pictures of clothes, in the format and numbers of `MNIST`; the files are in `root/FashionMNIST/raw`.

    Args:
        root: the folder of data sets, by default that of PYFLAME_DATA_DIR.
        train: the images to train with, or those to test.
        transform: what is done to an image.
        target_transform: what is done to a label.
        download: fetch missing files.

    Raises:
        RuntimeError: files are missing or damaged, or cannot be downloaded.

    Example:
        >>> from pyflame.datasets import FashionMNIST
        >>> FashionMNIST.classes[-1]
        'Ankle boot'
    """

    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    resources = (
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    )
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
