"""Train a small Vision Transformer on scikit-learn's handwritten digits.

    python docs/examples/digits_vit.py [--quick]

An image of 8x8 pixels is 16 patches of 2x2, between which the transformer looks for what belongs together.
"""

from __future__ import annotations

import classify
import numpy as np
import report

import pyflame as pf
from pyflame import models, nn

EPOCHS, WANTED = 40, 0.96
QUICK_EPOCHS, WANTED_QUICK = 8, 0.85
WIDTH, LAYERS, HEADS = 64, 3, 4


class Classifier(nn.Module):
    """Logits of the digits, (batch, 10), for images (batch, 1, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        config = models.ViTConfig(
            WIDTH, LAYERS, HEADS, 2 * WIDTH, image_size=8, patch_size=2, num_channels=1, num_labels=10,
            hidden_dropout_prob=0.1,
        )  # fmt: skip
        self.vit = models.ViTForImageClassification(config)

    def forward(self, images: pf.Tensor) -> pf.Tensor:
        return self.vit(images).logits


def main() -> None:
    options = report.arguments("digits_vit", __doc__)
    train_set, test_set = classify.digits(lambda images: (images[:, None] / 8 - 1).astype(np.float32))  # from -1 to 1
    classify.run(
        options,
        Classifier,
        train_set,
        test_set,
        "Vision Transformer on digits",
        epochs=QUICK_EPOCHS if options.quick else EPOCHS,
        rate=2e-3,
        wanted=WANTED_QUICK if options.quick else WANTED,
        batch_size=48,
        weight_decay=0.05,
        warm_up=0.2,
        every=1 if options.quick else 4,
    )


if __name__ == "__main__":
    main()
