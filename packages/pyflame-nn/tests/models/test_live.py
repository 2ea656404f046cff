"""Files that PyTorch and its libraries write, read without them, and models compared with theirs as installed."""

import importlib.util

import numpy as np
import pytest

import pyflame as pf
from make_model_references import torchvision_models
from model_cases import value_of
from pyflame import hub, models

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")


@pytest.fixture(scope="module")
def torchvision():
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("needs torchvision: pip install --no-deps torchvision pillow")
    return torchvision_models(torch)


def filled(model):
    """Random weights and norm statistics that keep values alive."""
    for name, value in model.state_dict().items():
        value.copy_(torch.tensor(value_of(name, value.shape)))
    return model.eval()


def agree(actual, expected):
    expected = expected.detach().numpy()
    assert expected.std() > 1e-2
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=1e-5, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "efficientnet_b0"])
def test_a_file_of_torchvision_is_loaded_and_predicts_the_same(torchvision, tmp_path, name):
    theirs = filled(getattr(torchvision, name)(num_classes=10))
    torch.save(theirs.state_dict(), tmp_path / "weights.pt")
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 64), np.float32)
    ours = getattr(models, name)(num_classes=10)
    ours.load_state_dict(pf.load_torch_checkpoint(tmp_path / "weights.pt"))
    agree(ours.eval()(pf.tensor(x)), theirs(torch.tensor(x)))
    again = hub.get_model(name, weights=tmp_path / "weights.pt", num_classes=10)
    assert all(bool((a == b).all()) for a, b in zip(again.state_dict().values(), ours.state_dict().values()))


@pytest.mark.parametrize("seed", range(6))
def test_folders_of_hugging_face_are_read_and_give_the_same(tmp_path, seed):
    if importlib.util.find_spec("torchvision"):  # transformers imports it, and it needs its operations declared
        torchvision_models(torch)
    transformers = pytest.importorskip("transformers", reason="needs Hugging Face: pip install transformers==5.24.0")
    random = np.random.default_rng(seed)
    heads, layers = int(random.choice([2, 4])), int(random.integers(1, 4))
    size, inner = heads * int(random.choice([4, 6])), int(random.integers(8, 40))
    kind, options = {
        0: ("GPT2LMHeadModel", {"n_embd": size, "n_layer": layers, "n_head": heads, "n_inner": inner}),
        1: (
            "LlamaForCausalLM",
            {
                "hidden_size": size,
                "num_hidden_layers": layers,
                "num_attention_heads": heads,
                "num_key_value_heads": int(random.choice([1, 2])),
                "intermediate_size": inner,
                "tie_word_embeddings": bool(random.integers(2)),
            },
        ),
        2: (
            "BertForMaskedLM",
            {
                "hidden_size": size,
                "num_hidden_layers": layers,
                "num_attention_heads": heads,
                "intermediate_size": inner,
            },
        ),
    }[seed % 3]
    theirs = getattr(transformers, kind)(getattr(transformers, kind).config_class(vocab_size=40, **options)).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            parameter.copy_(torch.tensor(value_of(name, parameter.shape)))
    if seed < 3:
        theirs.save_pretrained(tmp_path)
    else:  # as older files are
        theirs.config.save_pretrained(tmp_path)
        torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    ours = getattr(models, kind).from_pretrained(tmp_path)
    ids, mask = random.integers(3, 40, (3, 8)), np.ones((3, 8), np.int64)
    mask[1, 6:] = mask[2, 3:] = 0
    expected = theirs(torch.tensor(ids), attention_mask=torch.tensor(mask)).logits
    actual = ours(pf.tensor(ids), attention_mask=pf.tensor(mask)).logits
    agree(pf.tensor(actual.detach().numpy()[mask == 1]), expected[torch.tensor(mask) == 1])
    ours.save_pretrained(tmp_path / "written")
    again = getattr(transformers, kind).from_pretrained(tmp_path / "written").eval()
    agree(ours(pf.tensor(ids)).logits, again(torch.tensor(ids)).logits)
