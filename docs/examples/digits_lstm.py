"""Read handwritten digits pixel after pixel, as a text of 64 shades, with an LSTM in both directions.

    python docs/examples/digits_lstm.py [--quick]

scikit-learn's digits have 8x8 pixels of 17 shades: to the network they are words of a language with 17 of them, and
that one row is below another it must find out.
"""

from __future__ import annotations

import classify
import numpy as np
import report

from pyflame import models

SHADES = 17
EPOCHS, WANTED = 40, 0.93
QUICK_EPOCHS, WANTED_QUICK = 6, 0.7  # guessing gives 0.1


def main() -> None:
    options = report.arguments("digits_lstm", __doc__)
    # Row after row: (images, 64)
    train_set, test_set = classify.digits(lambda images: images.reshape(-1, 64).astype(np.int64))
    classify.run(
        options,
        lambda: models.LSTMClassifier(SHADES, 16, 64, num_classes=10, bidirectional=True, dropout=0.2),
        train_set,
        test_set,
        "LSTM that reads digits pixel after pixel",
        epochs=QUICK_EPOCHS if options.quick else EPOCHS,
        rate=5e-3,
        wanted=WANTED_QUICK if options.quick else WANTED,
        every=1 if options.quick else 4,
    )


if __name__ == "__main__":
    main()
