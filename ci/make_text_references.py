"""Write what Hugging Face's models compute to packages/pyflame-nn/tests/references/text.{json,npz}.

    python -m venv venv && venv/bin/pip install torch==2.13.0 transformers==5.24.0 pillow
    venv/bin/pip install --no-deps torchvision && venv/bin/python ci/make_text_references.py

JSON holds the class, the configuration, and the name, shape, mean, standard deviation and greatest magnitude of the
first values of each parameter; the arrays hold inputs, outputs and greedily generated tokens, computed in float64 with
the values of parameters that ci/model_cases.py gives.
"""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from make_model_references import drawn, torchvision_models
from model_cases import value_of

TARGET = Path(__file__).resolve().parent.parent / "packages" / "pyflame-nn" / "tests" / "references"
RANDOM = np.random.RandomState(3)

BERT = {
    "vocab_size": 30,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}
GPT2 = {"vocab_size": 30, "n_positions": 24, "n_embd": 16, "n_layer": 2, "n_head": 4, "eos_token_id": None}
LLAMA = {
    "vocab_size": 30,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "eos_token_id": None,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
    "rope_theta": 100.0,
}
T5 = {"vocab_size": 30, "d_model": 16, "d_kv": 5, "d_ff": 24, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4}
VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "image_size": 12,
    "patch_size": 4,
}
NEAR = {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 12}

# Class, configuration, named inputs, and how many tokens are generated. An input is the shape of token ids, "mask" for
# padding at the right side or "left" at the left one, and others by their kind.
CASES: tuple[tuple[str, dict[str, Any], dict[str, Any], int], ...] = (
    ("BertModel", BERT, {"input_ids": (3, 9), "attention_mask": "mask", "token_type_ids": "kinds"}, 0),
    ("BertModel", {**BERT, "hidden_act": "relu", "layer_norm_eps": 1e-5}, {"input_ids": (2, 5)}, 0),
    ("BertForMaskedLM", BERT, {"input_ids": (3, 9), "attention_mask": "mask", "labels": "some"}, 0),
    ("BertForMaskedLM", {**BERT, "tie_word_embeddings": False}, {"input_ids": (2, 5)}, 0),
    ("BertForSequenceClassification", BERT, {"input_ids": (3, 9), "attention_mask": "mask", "labels": "classes"}, 0),
    ("BertForTokenClassification", BERT, {"input_ids": (3, 9), "attention_mask": "mask", "labels": "flags"}, 0),
    ("GPT2Model", GPT2, {"input_ids": (2, 7)}, 0),
    ("GPT2LMHeadModel", {**GPT2, "n_head": 2, "n_layer": 3}, {"input_ids": (2, 7), "labels": "some"}, 10),
    ("GPT2LMHeadModel", {**GPT2, "n_inner": 20}, {"input_ids": (3, 6), "attention_mask": "left"}, 10),
    ("GPT2LMHeadModel", {**GPT2, "tie_word_embeddings": False}, {"input_ids": (1, 1)}, 10),
    ("LlamaForCausalLM", {**LLAMA, "intermediate_size": 40}, {"input_ids": (2, 7), "labels": "some"}, 10),
    ("LlamaForCausalLM", {**LLAMA, "rope_parameters": LLAMA3}, {"input_ids": (3, 6), "attention_mask": "left"}, 20),
    (
        "LlamaForCausalLM",
        {**LLAMA, "num_key_value_heads": 4, "head_dim": 6, "attention_bias": True, "mlp_bias": True},
        {"input_ids": (2, 5)},
        10,
    ),
    ("LlamaForCausalLM", {**LLAMA, "num_key_value_heads": 1, "tie_word_embeddings": True}, {"input_ids": (2, 4)}, 10),
    (
        "T5Model",
        T5,
        {"input_ids": (3, 9), "attention_mask": "mask", "decoder_input_ids": (3, 5), "decoder_attention_mask": "mask"},
        0,
    ),
    (
        "T5Model",
        {**T5, **NEAR, "feed_forward_proj": "gated-gelu"},
        {"input_ids": (2, 40), "decoder_input_ids": (2, 30)},
        0,
    ),
    ("ViTModel", VIT, {"pixel_values": (2, 3, 12, 12)}, 0),
    ("ViTForImageClassification", {**VIT, "num_labels": 5}, {"pixel_values": (2, 3, 12, 12), "labels": "images"}, 0),
)


# Files of Vision Transformers have names from before the library changed its own; it translates them.
STORED = (
    ("layers.", "encoder.layer."),
    *(
        (f".attention.{new}_proj.", f".attention.attention.{old}.")
        for new, old in (("q", "query"), ("k", "key"), ("v", "value"))
    ),
    (".attention.o_proj.", ".attention.output.dense."),
    (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."),
)


def stored_name(kind: str, name: str) -> str:
    for new, old in STORED if kind.startswith("ViT") else ():
        name = name.replace(new, old)
    return name


def inputs_of(specs: dict[str, Any], vocabulary: int) -> dict[str, np.ndarray[Any, Any]]:
    made: dict[str, np.ndarray[Any, Any]] = {}
    ids: Any = None
    for name, spec in specs.items():
        if name == "pixel_values":
            made[name] = ids = RANDOM.standard_normal(spec)
        elif isinstance(spec, tuple):
            made[name] = ids = RANDOM.randint(3, vocabulary, spec)
        elif spec in ("mask", "left"):
            missing = np.arange(len(ids))[:, None] * 2  # of the first text nothing, of the others more and more
            places = np.arange(ids.shape[1])
            seen = places >= missing if spec == "left" else places < ids.shape[1] - missing
            made[name] = seen.astype(np.int64)
        elif spec == "kinds":
            made[name] = RANDOM.randint(0, 2, ids.shape)
        elif spec == "some":
            made[name] = np.where(RANDOM.uniform(size=ids.shape) < 0.3, -100, ids)
        else:
            shape = ids.shape if spec == "flags" else ids.shape[:1]
            made[name] = RANDOM.randint(0, 5 if spec == "images" else 2, shape)
    return made


def measure(torch: Any, transformers: Any, case: tuple[str, dict[str, Any], dict[str, Any], int]) -> tuple[Any, Any]:
    kind, options, specs, count = case
    model_class = getattr(transformers, kind)
    model = model_class(model_class.config_class(**options))
    state = [[stored_name(kind, name), list(value.shape), *drawn(value)] for name, value in model.state_dict().items()]
    model = model.double().eval()
    parameters = reversed(list(model.named_parameters(remove_duplicate=False)))
    tied = {id(value): stored_name(kind, name) for name, value in parameters}
    for value in model.parameters():
        value.data.copy_(torch.tensor(value_of(tied[id(value)], value.shape)))
    given = inputs_of(specs, options.get("vocab_size", 1))
    tensors = {name: torch.tensor(value) for name, value in given.items()}
    with torch.no_grad():
        result = model(**tensors)
    arrays = {f"in/{name}": value for name, value in given.items()}
    names = ("last_hidden_state", "pooler_output", "encoder_last_hidden_state", "logits", "loss")
    outputs = {name: result[name].numpy() for name in names if name in result}
    arrays |= {f"out/{name}": value for name, value in outputs.items()}
    if min(value.std() for name, value in outputs.items() if name != "loss") < 1e-2:
        raise ValueError(f"{kind}: outputs hardly differ, which proves nothing")
    if count:
        prompt = {name: tensors[name] for name in ("input_ids", "attention_mask") if name in tensors}
        tokens = model.generate(**prompt, max_new_tokens=count, do_sample=False, pad_token_id=0)
        arrays["out/tokens"] = tokens.numpy()
    return {"class": kind, "config": options, "state": state, "tokens": count}, arrays


def main() -> None:
    torch: Any = importlib.import_module("torch")
    torchvision_models(torch)  # transformers imports torchvision where it is installed
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(0)
    cases = []
    arrays: dict[str, Any] = {}
    for number, case in enumerate(CASES):
        described, measured = measure(torch, transformers, case)
        cases.append(described)
        arrays |= {f"{number}/{name}": value for name, value in measured.items()}
    (TARGET / "text.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
    np.savez_compressed(TARGET / "text.npz", **arrays)
    assert math.isfinite(sum(float(np.sum(value)) for value in arrays.values()))


if __name__ == "__main__":
    main()
