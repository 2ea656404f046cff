import numpy as np
import pytest
from PIL import Image as image

from pyflame.data import DataLoader, transforms
from pyflame.datasets import DatasetFolder, ImageFolder

RANDOM = np.random.default_rng(0)


@pytest.fixture
def images(tmp_path):
    """A folder of images that Pillow wrote, and their pixels by path."""
    pixels = {}
    for name in ("dog/a.png", "dog/more/b.PNG", "cat/1.bmp", "cat/2.ppm"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels[str(path)] = RANDOM.integers(0, 256, (5, 6, 3)).astype(np.uint8)
        image.fromarray(pixels[str(path)]).save(path)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    return tmp_path, pixels


def test_images_by_class(images):
    root, pixels = images
    dataset = ImageFolder(root)
    assert dataset.classes == ["cat", "dog"] and dataset.class_to_idx == {"cat": 0, "dog": 1}
    assert [path.removeprefix(f"{root}/") for path, _ in dataset.imgs] == [
        "cat/1.bmp", "cat/2.ppm", "dog/a.png", "dog/more/b.PNG",
    ]  # fmt: skip
    assert dataset.targets == [0, 0, 1, 1]
    for i, (path, label) in enumerate(dataset.samples):
        image, found = dataset[i]
        np.testing.assert_array_equal(np.asarray(image), pixels[path])
        assert found == label
    x, y = next(iter(DataLoader(ImageFolder(root, transforms.ToTensor(), lambda label: label + 5), batch_size=4)))
    assert tuple(x.shape) == (4, 3, 5, 6) and y.tolist() == [5, 5, 6, 6]


def test_gray_images_come_in_three_channels(tmp_path):
    (tmp_path / "a").mkdir()
    image.fromarray(np.full((2, 3), 7, np.uint8)).save(tmp_path / "a" / "gray.png")
    np.testing.assert_array_equal(np.asarray(ImageFolder(tmp_path)[0][0]), np.full((2, 3, 3), 7))


def test_what_counts_is_the_users_choice(images):
    root, _ = images
    chosen = ImageFolder(root, is_valid_file=lambda path: path.endswith(".txt"), loader=str, allow_empty=True)
    assert [path for path, _ in chosen.samples] == [str(root / "cat" / "notes.txt")]
    with pytest.raises(FileNotFoundError, match=r"\.txt for the classes dog"):
        DatasetFolder(root, str, (".txt",))
    with pytest.raises(ValueError, match="either"):
        DatasetFolder(root, str)
    with pytest.raises(FileNotFoundError, match="no folder for a class"):
        ImageFolder(root / "cat")


class OnlyDogs(DatasetFolder):
    def find_classes(self, directory):
        return ["dog"], {"dog": 0}


def test_a_subclass_chooses_classes(images):
    assert OnlyDogs(images[0], str, (".png",)).targets == [0, 0]
