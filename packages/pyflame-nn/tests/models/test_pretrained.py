"""Folders of models: written and read whole, in parts, as PyTorch's files, and refused where something is wrong."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import pyflame as pf
from pyflame import hub, models

CONFIG = models.GPT2Config(vocab_size=12, n_positions=8, n_embd=8, n_layer=1, n_head=2)
IDS = pf.tensor([[1, 2, 3]])


@pytest.fixture
def model():
    return models.GPT2LMHeadModel(CONFIG).eval()


def logits(model):
    return model(IDS).logits.detach().numpy()


def test_a_written_model_is_read_again(model, tmp_path):
    model.save_pretrained(tmp_path / "new" / "folder")
    again = models.GPT2LMHeadModel.from_pretrained(tmp_path / "new" / "folder")
    assert again.config == model.config and not again.training
    np.testing.assert_array_equal(logits(again), logits(model))
    assert again.lm_head.weight is again.transformer.wte.weight
    stored = load_file(tmp_path / "new" / "folder" / "model.safetensors")
    assert "lm_head.weight" not in stored and "transformer.wte.weight" in stored


def test_names_with_and_without_the_prefix_are_understood(model, tmp_path):
    model.transformer.save_pretrained(tmp_path / "plain")
    np.testing.assert_array_equal(logits(models.GPT2LMHeadModel.from_pretrained(tmp_path / "plain")), logits(model))
    model.save_pretrained(tmp_path / "head")
    plain = models.GPT2Model.from_pretrained(tmp_path / "head")
    np.testing.assert_array_equal(
        plain(IDS).last_hidden_state.detach().numpy(), model.transformer(IDS).last_hidden_state.detach().numpy()
    )


def test_weights_in_parts_and_constants_are_understood(model, tmp_path):
    model.config.to_json(tmp_path / "config.json")
    arrays = {name: value.numpy().copy() for name, value in model.state_dict().items() if name != "lm_head.weight"}
    arrays["transformer.h.0.attn.bias"] = np.ones((1, 1, 8, 8), np.uint8)
    names = sorted(arrays)
    parts = {"a-1.safetensors": names[::2], "a-2.safetensors": names[1::2]}
    for file, own in parts.items():
        save_file({name: arrays[name] for name in own}, tmp_path / file)
    index = {"weight_map": {name: file for file, own in parts.items() for name in own}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    np.testing.assert_array_equal(logits(models.GPT2LMHeadModel.from_pretrained(tmp_path)), logits(model))


@pytest.mark.parametrize("part", ["../evil.safetensors", "/etc/passwd", "..", "a/b", ""])
def test_an_index_cannot_lead_out_of_the_folder(model, tmp_path, part):
    model.config.to_json(tmp_path / "config.json")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": part}}))
    with pytest.raises(pf.SerializationError, match="is no file of the folder"):
        models.GPT2LMHeadModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("content", ["[]", '{"weight_map": 3}', '{"weight_map": {"x": 1}}'])
def test_an_index_without_files_is_refused(model, tmp_path, content):
    model.config.to_json(tmp_path / "config.json")
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(pf.SerializationError, match="has no weight_map"):
        models.GPT2LMHeadModel.from_pretrained(tmp_path)


def test_what_is_missing_is_told(model, tmp_path):
    with pytest.raises(FileNotFoundError):
        models.GPT2LMHeadModel.from_pretrained(tmp_path)
    model.config.to_json(tmp_path / "config.json")
    with pytest.raises(FileNotFoundError, match=r"has no weights: expected one of model\.safetensors"):
        models.GPT2LMHeadModel.from_pretrained(tmp_path)
    with pytest.raises(hub.WeightsError, match="no weights are registered as 'gpt2'"):
        models.GPT2LMHeadModel.from_pretrained("gpt2")
    state = model.state_dict()
    del state["transformer.ln_f.weight"]
    pf.save(state, tmp_path / "model.safetensors")
    with pytest.raises(RuntimeError, match=r"missing keys: transformer\.ln_f\.weight"):
        models.GPT2LMHeadModel.from_pretrained(tmp_path)


def test_registered_weights_need_a_configuration(model, tmp_path):
    pf.save(model, tmp_path / "x.safetensors")
    hub.register_weights("tiny-gpt2", tmp_path / "x.safetensors")
    try:
        with pytest.raises(ValueError, match=r"tiny-gpt2 has no configuration: give config=GPT2Config"):
            models.GPT2LMHeadModel.from_pretrained("tiny-gpt2")
        again = models.GPT2LMHeadModel.from_pretrained("tiny-gpt2", config=CONFIG)
        np.testing.assert_array_equal(logits(again), logits(model))
    finally:
        hub.unregister_weights("tiny-gpt2")


def test_configurations_are_written_and_read(tmp_path):
    config = models.LlamaConfig(num_key_value_heads=8, rope_scaling={"rope_type": "linear", "factor": 2.0})
    assert models.LlamaConfig.from_json(config.to_json(tmp_path / "c.json")) == config
    assert models.LlamaConfig.from_json(tmp_path / "c.json") == config
    read = models.BertConfig.from_json('{"model_type": "bert", "id2label": {"0": "a", "1": "b", "2": "c"}, "other": 1}')
    assert read == models.BertConfig(num_labels=3)
    with pytest.raises(ValueError, match=r"\[config\] model_type is 'bert': GPT2Config is for 'gpt2'"):
        models.GPT2Config.from_json('{"model_type": "bert"}')
    with pytest.raises(ValueError, match=r"holds a list: expected an object"):
        (tmp_path / "l.json").write_text("[]")
        models.GPT2Config.from_json(tmp_path / "l.json")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: models.BertConfig.from_dict({"position_embedding_type": "relative_key"}), r"position_embedding_type"),
        (lambda: models.GPT2Config.from_dict({"scale_attn_by_inverse_layer_idx": True}), r"scale_attn_by_inverse"),
        (
            lambda: models.LlamaForCausalLM(models.LlamaConfig(8, 8, 8, 1, 2, rope_scaling={"rope_type": "yarn"})),
            r"rope_type is 'yarn'",
        ),
    ],
)
def test_options_that_are_not_implemented_are_refused(make, message):
    with pytest.raises(NotImplementedError, match=message):
        make()


def test_unknown_activations_and_odd_sizes_are_told():
    with pytest.raises(ValueError, match=r"the activation is 'sin'"):
        models.GPT2Model(models.GPT2Config(9, 8, 8, 1, 2, activation_function="sin"))
    with pytest.raises(ValueError, match=r"\[llama\] 4 heads of queries are no multiple of 3"):
        models.LlamaConfig(num_attention_heads=4, num_key_value_heads=3)
    with pytest.raises(ValueError, match=r"\[gpt2\] 9 features do not divide into 2 heads"):
        models.GPT2Model(models.GPT2Config(9, 8, 9, 1, 2))


def test_outputs_are_had_by_name_position_and_key(model):
    output = model(IDS, labels=IDS, output_hidden_states=True)
    assert output[0] is output.loss and output["logits"] is output.logits and len(output) == 3
    assert output.keys() == ["loss", "logits", "hidden_states"] and len(output.hidden_states) == 2
    loss, logits, states = output.to_tuple()
    assert loss is output.loss and output[1] is logits and output[2:] == (states,)
    assert list(output) == output.keys() and "logits" in output and "past_key_values" not in output
    assert dict(output)["logits"] is logits
    with pytest.raises(KeyError, match="past_key_values"):
        output["past_key_values"]
