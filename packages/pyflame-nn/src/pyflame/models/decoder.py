"""What models of texts share: their words, the way through the layers of a decoder, and its next words."""

from __future__ import annotations

from typing import Any

import pyflame as pf
from pyflame import Tensor, nn

from .cache import KeyValueCache
from .losses import next_token_loss
from .output import HiddenOutput, LogitsOutput


def embed(op: str, words: nn.Embedding, input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
    """Features of a text, (batch, positions, features).

    Raises:
        ValueError: neither ids nor features are given, or both.
    """
    if (input_ids is None) == (inputs_embeds is None):
        raise ValueError(f"[{op}] expected either input_ids or inputs_embeds")
    return words(input_ids) if inputs_embeds is None else inputs_embeds


def next_positions(cache: KeyValueCache | None, count: int) -> Tensor:
    """The numbers of `count` positions after those of the cache, (1, count)."""
    start = 0 if cache is None else cache.length
    return pf.tensor([list(range(start, start + count))])


def run_layers(
    layers: nn.ModuleList, norm: nn.Module, x: Tensor, cache: KeyValueCache | None, all_states: bool, *context: Any
) -> HiddenOutput:
    """Lead features through the layers, each of which is called with the context too, and the norm after them."""
    states, count = [x], x.shape[1]
    for layer in layers:
        x = layer(x, *context)
        states.append(x)
    if cache is not None:
        cache.advance(count)
    x = states[-1] = norm(x)
    return HiddenOutput(x, None, cache, tuple(states) if all_states else None)


def language_model_output(base: HiddenOutput, head: nn.Module, labels: Tensor | None) -> LogitsOutput:
    """The next word at each position, and how badly it agrees with the text, if that is given."""
    logits = head(base.last_hidden_state)
    loss = None if labels is None else next_token_loss(logits, labels)
    return LogitsOutput(loss, logits, base.past_key_values, base.hidden_states)
