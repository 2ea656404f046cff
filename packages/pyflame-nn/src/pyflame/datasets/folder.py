"""Data sets that are folders of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset
from .arrays import Function
from .download import data_root

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def default_loader(path: str) -> Any:
    """Open an image file as a PIL image in red, green and blue.

    Raises:
        ModuleNotFoundError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("[ImageFolder] image files are decoded by Pillow: pip install pillow") from error
    with Image.open(path) as image:
        return image.convert("RGB")


class DatasetFolder(Dataset[tuple[Any, Any]]):
    """Files in one folder for each class: `root/class/.../file`.

    Args:
        root: the folder; its subfolders are the classes, in the order of their names.
        loader: makes an item of a path.
        extensions: endings of the files that count; or else
        transform: what is done to an item.
        target_transform: what is done to a label.
        is_valid_file: says of a path whether it counts.
        allow_empty: classes may be without files.

    Raises:
        FileNotFoundError: there is no class, or one without files.
        ValueError: not exactly one of `extensions` and `is_valid_file` is given.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from pyflame.datasets import DatasetFolder
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cat", "dog"):
        ...         Path(root, name).mkdir()
        ...         _ = Path(root, name, "1.txt").write_text(f"a {name}")
        ...     dataset = DatasetFolder(root, lambda path: Path(path).read_text(), (".txt",))
        ...     print(dataset.class_to_idx, dataset[1])
        {'cat': 0, 'dog': 1} ('a dog', 1)
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None,
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Function = None,
        target_transform: Function = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        self.root = data_root(root, type(self).__name__)
        self.loader, self.extensions = loader, tuple(extensions) if extensions is not None else None
        self.transform, self.target_transform = transform, target_transform
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [target for _, target in self.samples]

    def find_classes(self, directory: str | os.PathLike[str]) -> tuple[list[str], dict[str, int]]:
        """Return the classes and their numbers; a subclass may find others."""
        classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        if not classes:
            raise FileNotFoundError(f"[{type(self).__name__}] {directory} has no folder for a class")
        return classes, {name: index for index, name in enumerate(classes)}

    @staticmethod
    def make_dataset(
        directory: str | os.PathLike[str],
        class_to_idx: dict[str, int],
        extensions: Sequence[str] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """Return the paths of the files with their labels, sorted by class and path."""
        if (extensions is None) == (is_valid_file is None):
            raise ValueError("[DatasetFolder] give either extensions or is_valid_file")
        endings = tuple(ending.lower() for ending in extensions or ())
        counts = is_valid_file if is_valid_file is not None else lambda path: path.lower().endswith(endings)
        samples: list[tuple[str, int]] = []
        empty: list[str] = []
        for name in sorted(class_to_idx):
            before = len(samples)
            for folder, _, files in sorted(os.walk(Path(directory) / name, followlinks=True)):
                paths = (os.path.join(folder, file) for file in sorted(files))
                samples += [(path, class_to_idx[name]) for path in paths if counts(path)]
            empty += [name] if len(samples) == before else []
        if empty and not allow_empty:
            wanted = f" with an ending of {', '.join(extensions)}" if extensions is not None else ""
            raise FileNotFoundError(f"[DatasetFolder] no file{wanted} for the classes {', '.join(empty)}")
        return samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        item: Any = self.loader(path)
        if self.transform is not None:
            item = self.transform(item)
        return item, self.target_transform(target) if self.target_transform is not None else target

    def __repr__(self) -> str:
        return f"Dataset {type(self).__name__}\n    Number of datapoints: {len(self)}\n    Root location: {self.root}"


class ImageFolder(DatasetFolder):
    """Images in one folder for each class: `root/class/.../file.png`.

    An item is a PIL image, unless another `loader` is given, and the label.

    Args:
        root: the folder; its subfolders are the classes, in the order of their names.
        transform: what is done to an image, such as `transforms.ToTensor()`.
        target_transform: what is done to a label.
        loader: opens a path; the default needs Pillow.
        is_valid_file: says of a path whether it counts, instead of the usual endings of image files.
        allow_empty: classes may be without files.

    Raises:
        FileNotFoundError: there is no class, or one without files.

    Example:
        >>> from pyflame.datasets import ImageFolder
        >>> ImageFolder("/nowhere")
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: '/nowhere'
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None,
        transform: Function = None,
        target_transform: Function = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        endings = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, endings, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
