"""ImageNet: its archives, unpacked into one folder for each class."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from .arrays import Function
from .download import check_md5, data_root, extract, new_file
from .folder import ImageFolder, default_loader

META = "meta.json"
DEVKIT = Path("ILSVRC2012_devkit_t12", "data")


class ImageNet(ImageFolder):
    """The pictures of the ImageNet challenge of 2012, of 1,000 kinds of things.

    The archives cannot be downloaded without an account. Put them into `root`: that of the development kit, and that of
    the split; they are verified and unpacked once, which needs SciPy for the names of the classes.

    Args:
        root: the folder with the archives, or with what they were unpacked to.
        split: "train" or "val".
        transform: what is done to an image, such as `transforms.ToTensor()`.
        target_transform: what is done to a label.
        loader: opens a path; the default needs Pillow.

    Raises:
        RuntimeError: an archive is needed and missing or damaged.
        ValueError: an unknown split.

    Example:
        >>> from pyflame.datasets import ImageNet
        >>> ImageNet("/nowhere", "val")
        Traceback (most recent call last):
        RuntimeError: [ImageNet] /nowhere has no ILSVRC2012_devkit_t12.tar.gz: get it from image-net.org
    """

    archives: ClassVar[dict[str, tuple[str, str]]] = {
        "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
        "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
        "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
    }

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        split: str = "train",
        transform: Function = None,
        target_transform: Function = None,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        if split not in ("train", "val"):
            raise ValueError(f"[ImageNet] split is {split!r}: expected 'train' or 'val'")
        folder = data_root(root, "ImageNet")
        self.split, self.split_folder = split, folder / split
        if not (folder / META).exists():
            self._read_devkit(folder)
        meta = json.loads((folder / META).read_text())
        if not self.split_folder.is_dir():
            self._unpack(folder, meta["val_wnids"])
        super().__init__(self.split_folder, transform, target_transform, loader)
        self.root = folder
        self.wnids, self.wnid_to_idx = self.classes, self.class_to_idx
        names = [tuple(meta["wnid_to_classes"][wnid]) for wnid in self.wnids]
        self.classes: Any = names
        self.class_to_idx = {name: index for index, several in enumerate(names) for name in several}

    def _archive(self, folder: Path, kind: str) -> Path:
        name, md5 = self.archives[kind]
        if not (folder / name).exists():
            raise RuntimeError(f"[ImageNet] {folder} has no {name}: get it from image-net.org")
        check_md5(folder / name, md5, "ImageNet")
        return folder / name

    def _read_devkit(self, folder: Path) -> None:
        """Write names of classes, and the classes of the validation images, to a file beside the archives."""
        archive = self._archive(folder, "devkit")
        try:
            from scipy.io import loadmat
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("[ImageNet] the development kit is read by SciPy: pip install scipy") from error
        with tempfile.TemporaryDirectory() as temporary:
            extract(archive, Path(temporary))
            data = Path(temporary) / DEVKIT
            synsets = loadmat(data / "meta.mat", squeeze_me=True)["synsets"]
            truth = (data / "ILSVRC2012_validation_ground_truth.txt").read_text().split()
        leaves = [row for row in synsets if row["num_children"] == 0]
        numbers = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in leaves}
        meta = {
            "wnid_to_classes": {str(row["WNID"]): str(row["words"]).split(", ") for row in leaves},
            "val_wnids": [numbers[int(number)] for number in truth],
        }
        with new_file(folder / META) as file:
            file.write(json.dumps(meta).encode())

    def _unpack(self, folder: Path, val_wnids: Sequence[str]) -> None:
        """Unpack the archive of the split beside its place, which it takes when it is complete."""
        archive = self._archive(folder, self.split)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{self.split}.") as temporary:
            target = Path(temporary, self.split)
            target.mkdir()
            if self.split == "train":
                unpack_classes(archive, target)
            else:
                extract(archive, target)
                sort_images(target, val_wnids)
            target.rename(self.split_folder)


def unpack_classes(archive: Path, folder: Path) -> None:
    """Unpack an archive of archives, one for each class, into one folder for each."""
    with tarfile.open(archive) as tar:
        for member in tar:
            inner = tar.extractfile(member)
            if inner is None or not member.name.endswith(".tar") or "/" in member.name:
                raise RuntimeError(f"[ImageNet] {archive} holds {member.name!r}: expected archives of classes")
            target = folder / member.name.removesuffix(".tar")
            target.mkdir()
            with tarfile.open(fileobj=inner) as images:
                images.extractall(target, filter="data")


def sort_images(folder: Path, wnids: Sequence[str]) -> None:
    """Move images, in the order of their names, into the folders of their classes."""
    images = sorted(folder.iterdir())
    if len(images) != len(wnids):
        raise RuntimeError(f"[ImageNet] {len(images)} validation images, and classes of {len(wnids)}")
    for image, wnid in zip(images, wnids):
        (folder / wnid).mkdir(exist_ok=True)
        shutil.move(image, folder / wnid / image.name)
