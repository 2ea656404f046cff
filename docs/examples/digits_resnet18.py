"""Train ResNet-18 on scikit-learn's handwritten digits, enlarged to the size of small photographs.

    python docs/examples/digits_resnet18.py [--quick]

The network is the one for ImageNet, with 11 million parameters and ten classes; 1,437 images of 8x8 pixels teach it
because batch normalization and a learning rate that starts small keep its first steps short.
"""

from __future__ import annotations

import classify
import numpy as np
import report

import pyflame as pf
from pyflame import models
from pyflame.data import TensorDataset
from pyflame.nn import functional as F

SIZE = 32
EPOCHS, WANTED = 6, 0.97
QUICK_IMAGES, QUICK_EPOCHS, WANTED_QUICK = 720, 2, 0.75


def enlarged(images: np.ndarray) -> np.ndarray:
    """Images (n, 8, 8) as three equal channels, (n, 3, SIZE, SIZE), from -1 to 1."""
    scaled = pf.tensor((images[:, None] / 8 - 1).astype(np.float32))
    return F.interpolate(scaled, (SIZE, SIZE), mode="bilinear").expand(-1, 3, -1, -1).numpy()


def main() -> None:
    options = report.arguments("digits_resnet18", __doc__)
    train_set, test_set = classify.digits(enlarged)
    if options.quick:
        train_set = TensorDataset(*(part[:QUICK_IMAGES] for part in train_set.tensors))
    classify.run(
        options,
        lambda: models.resnet18(num_classes=10),
        train_set,
        test_set,
        "ResNet-18 on enlarged digits",
        epochs=QUICK_EPOCHS if options.quick else EPOCHS,
        rate=4e-4,
        wanted=WANTED_QUICK if options.quick else WANTED,
    )


if __name__ == "__main__":
    main()
