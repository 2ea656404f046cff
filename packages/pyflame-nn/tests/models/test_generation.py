"""What `generate` adds beside the likeliest token: draws, ends of texts, room, and one plan for all steps."""

import numpy as np
import pytest

import pyflame as pf
from pyflame import models
from pyflame.models.generation import among_top_k, among_top_p

SIZES = {"vocab_size": 12, "n_positions": 40, "n_embd": 8, "n_layer": 2, "n_head": 2, "eos_token_id": None}


def writer(**options):
    with pf.testing.fixed_seed(0):
        model = models.GPT2LMHeadModel(models.GPT2Config(**{**SIZES, "initializer_range": 0.5, **options}))
        pf.eval(*model.parameters())
    return model


def odds(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.6}, {"top_k": 6, "top_p": 0.8}]
)
def test_draws_have_the_probabilities_of_the_model(options):
    model = writer().eval()
    logits = model(pf.tensor([[1, 2, 3]])).logits[0, -1].detach().numpy().astype(np.float64)
    logits = logits / options.get("temperature", 1.0)
    if "top_k" in options:
        logits[np.argsort(logits)[: -options["top_k"]]] = -np.inf
    if "top_p" in options:
        order = np.argsort(-logits)
        reached = np.cumsum(odds(logits)[order])
        logits[order[1:][reached[:-1] >= options["top_p"]]] = -np.inf
    count = 20_000
    prompt = pf.tensor([[1, 2, 3]]).expand(count, 3)
    tokens = model.generate(prompt, max_new_tokens=1, do_sample=True, seed=1, **options)[:, -1].numpy()
    seen, expected = np.bincount(tokens, minlength=12) / count, odds(logits)
    assert (seen[expected == 0] == 0).all()
    np.testing.assert_allclose(seen, expected, atol=5 * np.sqrt(0.25 / count))


def test_filters_keep_ties_and_at_least_one_token():
    logits = pf.tensor([[1.0, 3.0, 3.0, 0.0]])
    assert among_top_k(logits, 1).tolist() == [[-np.inf, 3.0, 3.0, -np.inf]]
    assert among_top_k(logits, 9).tolist() == logits.tolist()
    assert (among_top_p(logits, 1e-6) > -np.inf).sum() == 1
    assert among_top_p(logits, 1.0).tolist() == logits.tolist()


def test_a_seed_repeats_texts_and_the_cache_does_not_change_them():
    model, prompt = writer(), pf.tensor([[1, 2], [3, 4]])
    first = model.generate(prompt, max_new_tokens=12, temperature=1.3, seed=5)
    assert first.tolist() == model.generate(prompt, max_new_tokens=12, temperature=1.3, seed=5).tolist()
    assert (
        first.tolist() == model.generate(prompt, max_new_tokens=12, temperature=1.3, seed=5, use_cache=False).tolist()
    )
    assert first.tolist() != model.generate(prompt, max_new_tokens=12, temperature=1.3, seed=6).tolist()
    generator = pf.Generator().manual_seed(5)
    assert first.tolist() == model.generate(prompt, max_new_tokens=12, temperature=1.3, generator=generator).tolist()


def test_draws_from_few_tokens_at_a_low_temperature_are_greedy():
    model, prompt = writer(), pf.tensor([[1, 2]])
    greedy = model.generate(prompt, max_new_tokens=10).tolist()
    assert model.generate(prompt, max_new_tokens=10, top_k=1).tolist() == greedy
    assert model.generate(prompt, max_new_tokens=10, temperature=1e-4).tolist() == greedy


def test_an_ended_text_is_padded_and_the_last_end_stops_the_rest():
    model, prompt = writer(), pf.tensor([[1, 2], [3, 4], [5, 6]])
    free = model.generate(prompt, max_new_tokens=12).numpy()
    end = int(free[0, 4])
    tokens = model.generate(prompt, max_new_tokens=12, eos_token_id=[end, 11], pad_token_id=0).numpy()
    for row, whole in zip(tokens, free):
        ends = [place for place in range(2, len(whole)) if whole[place] in (end, 11)]
        stop = min([*ends, len(whole) - 1]) + 1
        np.testing.assert_array_equal(row[: min(stop, len(row))], whole[: min(stop, len(row))])
        assert (row[stop:] == 0).all()
    alone = model.generate(prompt[:1], max_new_tokens=12, eos_token_id=end)
    assert alone.shape[1] <= 5 and int(alone[0, -1]) == end


def test_the_end_of_the_configuration_counts():
    end = int(writer().generate(pf.tensor([[1, 2]]), max_new_tokens=3)[0, 2])
    assert writer(eos_token_id=end).generate(pf.tensor([[1, 2]]), max_new_tokens=9).shape == (1, 3)


@pytest.mark.parametrize("mask", [None, pf.tensor([[0, 1, 1]])])
def test_all_steps_share_one_plan(mask):
    model, prompt = writer(), pf.tensor([[1, 2, 3]])
    before = pf.runtime_info()["plan_misses"]
    model.generate(prompt, mask, max_new_tokens=20)
    # For the prompt, the token after it, the others, and the whole text; with a mask for its length and places too.
    assert pf.runtime_info()["plan_misses"] - before <= (4 if mask is None else 8)
    before = pf.runtime_info()["plan_misses"]
    model.generate(prompt, mask, max_new_tokens=25)  # of the texts together, one is new
    assert pf.runtime_info()["plan_misses"] - before <= 1


def test_a_cache_in_steps_gives_the_logits_of_the_whole():
    model, ids = writer().eval(), pf.tensor([[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]])
    whole = model(ids).logits.detach().numpy()
    for cache in (models.KeyValueCache(), models.KeyValueCache(max_length=9)):
        parts = [model(ids[:, a:b], past_key_values=cache).logits.detach().numpy() for a, b in ((0, 3), (3, 4), (4, 6))]
        np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-4, atol=1e-5)
        assert cache.get_seq_length() == 6
    with pytest.raises(ValueError, match=r"\[cache\] 6 positions are taken and 4 more asked for: there is room for 9"):
        model(ids[:, :4], past_key_values=cache)
    grown = model(ids[:, :5], use_cache=True)
    last = model(ids[:, 5:], past_key_values=grown.past_key_values).logits.detach().numpy()
    np.testing.assert_allclose(last, whole[:, 5:], rtol=1e-4, atol=1e-5)


def test_a_mask_has_a_number_for_each_position():
    model, ids = writer().eval(), pf.tensor([[1, 2, 3], [3, 2, 1]])
    for shape in ((2, 2), (2, 4), (3,)):
        with pytest.raises(ValueError, match=r"\[attention\] attention_mask has shape .* expected \(batch, 3\)"):
            model(ids, attention_mask=pf.ones(*shape))
    cache = models.KeyValueCache(max_length=9)
    model(ids, past_key_values=cache, attention_mask=pf.ones(2, 3))
    with pytest.raises(ValueError, match=r"expected \(batch, 4\)"):
        model(ids[:, :1], past_key_values=cache, attention_mask=pf.ones(2, 1))


def test_generation_leaves_the_mode_as_it_was():
    model = writer().train()
    model.generate(pf.tensor([[1]]), max_new_tokens=1)
    assert model.training and all(part.training for part in model.modules())


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_new_tokens": 60}, r"the text may grow to 62 positions: the model knows 40"),
        ({"max_new_tokens": 0}, r"2 positions at most, and the text has 2"),
        ({"max_length": 2}, r"2 positions at most, and the text has 2"),
        ({"max_length": 9, "max_new_tokens": 3}, r"max_length 9 and max_new_tokens 3 are given: give one"),
        ({"temperature": 0.0}, r"temperature is 0.0: expected more than 0"),
        ({"top_k": 0}, r"top_k is 0: expected at least 1"),
        ({"top_p": 1.5}, r"top_p is 1.5"),
        ({"do_sample": False, "top_k": 3}, r"do_sample is False and top_k given"),
        ({"seed": 1, "generator": pf.Generator()}, r"seed and generator are given"),
    ],
)
def test_wrong_arguments_are_told(options, message):
    with pytest.raises(ValueError, match=rf"\[generate\] {message}"):
        writer().generate(pf.tensor([[1, 2]]), **options)


def test_wrong_texts_are_told():
    with pytest.raises(ValueError, match=r"\[generate\] input_ids has shape \(1, 0\)"):
        writer().generate(pf.zeros(1, 0, dtype=pf.int64))
    with pytest.raises(ValueError, match=r"\[generate\] input_ids has shape \(1, 2\) and dtype float32"):
        writer().generate(pf.zeros(1, 2))
    with pytest.raises(ValueError, match=r"\[gpt2\] the text has 41 positions: the model knows 40"):
        writer()(pf.zeros(1, 41, dtype=pf.int64))
