"""Text that a language model writes, token by token."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pyflame as pf
from pyflame import Generator, Tensor

from .cache import KeyValueCache
from .pretrained import PretrainedModel

NOTHING = float("-inf")
ROOM = 32


class GenerationMixin(PretrainedModel):
    """What language models have that write text."""

    def generate(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        do_sample: bool | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        eos_token_id: int | Collection[int] | None = None,
        pad_token_id: int | None = None,
        use_cache: bool = True,
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """Continue texts: with the likeliest token each time, or with one drawn by its probability.

        Args:
            input_ids: (batch, positions), at least one position; shorter texts are padded at their left side.
            attention_mask: (batch, positions), 1 for text and 0 for padding; all is text by default.
            max_length: positions of the result at most; 20 if `max_new_tokens` is not given either.
            max_new_tokens: positions that are added at most.
            do_sample: draw tokens; by default if temperature, top_k, top_p, seed or generator is given.
            temperature: logits are divided by it; 1 by default. Lower values prefer likely tokens.
            top_k: draw among so many of the likeliest tokens; all by default.
            top_p: draw among the likeliest tokens that together have this probability; all by default.
            eos_token_id: one or more tokens that end a text; the configuration's by default.
            pad_token_id: follows an ended text; the first of `eos_token_id` by default.
            use_cache: keep keys and values of earlier positions; without, all are computed at each step.
            seed: of the draws; the same seed gives the same texts.
            generator: of the draws, instead of a seed.

        Returns:
            (batch, positions), the given texts and what follows them.

        Raises:
            ValueError: an argument is out of range or contradicts another, or the model has too few positions.
        """
        count = _room(input_ids, max_length, max_new_tokens, self.max_positions())
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed, "generator": generator}
        given = [name for name, value in sampling.items() if value is not None]
        if do_sample is False and given:
            raise ValueError(f"[generate] do_sample is False and {', '.join(given)} given: draws alone depend on them")
        choose: Callable[[Tensor], Tensor] = likeliest
        if do_sample or given:
            choose = sampler(temperature, top_k, top_p, seed, generator)
        ends = _ends(self.config.eos_token_id if eos_token_id is None else eos_token_id)
        padding = pad_token_id if pad_token_id is not None else ends[0] if ends else 0
        was_training = self.training
        self.eval()
        try:
            with pf.no_grad():
                return self._write(input_ids, attention_mask, count, choose, ends, padding, use_cache)
        finally:
            self.train(was_training)

    def max_positions(self) -> int | None:
        """Return how many positions the model knows, None for any number."""
        return None

    def _write(
        self,
        ids: Tensor,
        mask: Tensor | None,
        count: int,
        choose: Callable[[Tensor], Tensor],
        ends: list[int],
        padding: int,
        use_cache: bool,
    ) -> Tensor:
        batch, start = ids.shape
        # Room is made in steps, for texts of nearly the same length to share a plan.
        room = -(-(start + count) // ROOM) * ROOM
        cache = KeyValueCache(room) if use_cache else None
        texts, fresh = [ids.to(pf.int64)], ids
        places = None if mask is None else ((mask != 0).to(pf.int64).cumsum(1) - 1).clamp(min=0)
        if mask is not None and use_cache:
            mask = pf.cat([mask, pf.ones(batch, room - start, dtype=mask.dtype)], 1).eval()
        running = pf.ones(batch, dtype=pf.bool)
        for _ in range(count):
            known: dict[str, Any] = {"attention_mask": mask, "position_ids": places}
            logits = self(fresh, past_key_values=cache, **known).logits[:, -1]
            token = choose(logits)
            if ends:
                token = pf.where(running, token, pf.full_like(token, padding))
                for end in ends:
                    running = running & (token != end)
            # The token is computed here: what is recorded next starts from a value, and each step has the same plan.
            pf.eval(token, running)
            texts.append(token[:, None])
            if ends and not running.any():
                break
            fresh = texts[-1] if use_cache else pf.cat(texts, 1)
            if mask is not None and places is not None:
                if not use_cache:
                    mask = pf.cat([mask, pf.ones(batch, 1, dtype=mask.dtype)], 1).eval()
                places = places[:, -1:] + 1 if use_cache else pf.cat([places, places[:, -1:] + 1], 1)
                places.eval()
        return pf.cat(texts, 1).eval()


def _room(ids: Tensor, max_length: int | None, max_new_tokens: int | None, limit: int | None) -> int:
    """How many tokens may be added."""
    if ids.ndim != 2 or not ids.shape[1] or ids.dtype.is_floating_point:
        raise ValueError(
            f"[generate] input_ids has shape {tuple(ids.shape)} and dtype {ids.dtype.name}: expected integers (batch, "
            f"positions) with at least one position"
        )
    start = ids.shape[1]
    total = (20 if max_length is None else max_length) if max_new_tokens is None else start + max_new_tokens
    if max_new_tokens is not None and max_length is not None:
        raise ValueError(f"[generate] max_length {max_length} and max_new_tokens {max_new_tokens} are given: give one")
    if total <= start:
        raise ValueError(f"[generate] {total} positions at most, and the text has {start}: nothing can be added")
    if limit is not None and total > limit:
        raise ValueError(f"[generate] the text may grow to {total} positions: the model knows {limit}")
    return total - start


def _ends(given: int | Collection[int] | None) -> list[int]:
    if given is None:
        return []
    return [given] if isinstance(given, int) else list(given)


def likeliest(logits: Tensor) -> Tensor:
    """The token with the highest logit, (batch,)."""
    return logits.argmax(-1)


def sampler(
    temperature: float | None, top_k: int | None, top_p: float | None, seed: int | None, generator: Generator | None
) -> Callable[[Tensor], Tensor]:
    """A function that draws tokens (batch,) by logits (batch, tokens)."""
    if temperature is not None and not temperature > 0:
        raise ValueError(f"[generate] temperature is {temperature}: expected more than 0; do_sample=False is the limit")
    if top_k is not None and top_k < 1:
        raise ValueError(f"[generate] top_k is {top_k}: expected at least 1")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"[generate] top_p is {top_p}: expected more than 0 and at most 1")
    if seed is not None and generator is not None:
        raise ValueError("[generate] seed and generator are given: give one")
    source = generator if seed is None else Generator().manual_seed(seed)

    def draw(logits: Tensor) -> Tensor:
        logits = logits if temperature is None else logits / temperature
        logits = logits if top_k is None else among_top_k(logits, top_k)
        logits = logits if top_p is None else among_top_p(logits, top_p)
        return pf.multinomial(pf.softmax(logits, -1), 1, generator=source)[:, 0]

    return draw


def among_top_k(logits: Tensor, k: int) -> Tensor:
    """Logits of the k likeliest tokens, and of those as likely as the last of them; -inf for all others."""
    lowest = logits.topk(min(k, logits.shape[-1]), -1)[0][..., -1:]
    return logits.masked_fill(logits < lowest, NOTHING)


def among_top_p(logits: Tensor, p: float) -> Tensor:
    """Logits of the likeliest tokens that together have at least probability p; -inf for all others."""
    ordered, order = logits.sort(-1, descending=True)
    odds = pf.softmax(ordered, -1)
    before = odds.cumsum(-1) - odds
    kept = ordered.masked_fill(before >= p, NOTHING)
    return pf.full_like(logits, NOTHING).scatter(-1, order, kept)
