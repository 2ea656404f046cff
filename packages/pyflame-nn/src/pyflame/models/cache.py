"""Keys and values of earlier positions, so that each position of a text is computed once."""

from __future__ import annotations

import pyflame as pf
from pyflame import Tensor


class KeyValueCache:
    """What the attention layers of a decoder have seen.

    Args:
        max_length: positions for which room is made at once. All steps then have the same shapes, so that they share
            one compiled plan; without it the cache grows with every step, and each step is compiled anew.

    Raises:
        ValueError: more positions are added than there is room for.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.GPT2Config(vocab_size=9, n_positions=8, n_embd=4, n_layer=1, n_head=2)
        >>> model = models.GPT2LMHeadModel(config)
        >>> cache = models.KeyValueCache(max_length=8)
        >>> model.eval()(pf.tensor([[1, 2, 3]]), past_key_values=cache).logits.shape
        pyflame.Size([1, 3, 9])
        >>> model(pf.tensor([[4]]), past_key_values=cache).logits.shape, cache.length
        (pyflame.Size([1, 1, 9]), 4)
    """

    def __init__(self, max_length: int | None = None) -> None:
        self.max_length = max_length
        self.length = 0
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def get_seq_length(self) -> int:
        """Return how many positions are in the cache."""
        return self.length

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add keys and values, (batch, heads, positions, features), and return all there are.

        With room for `max_length` positions all of them are returned, and `visible` says which count.
        """
        if self.max_length is None:
            if layer in self._layers:
                before = self._layers[layer]
                keys, values = pf.cat([before[0], keys], 2), pf.cat([before[1], values], 2)
            self._layers[layer] = keys, values
            return keys, values
        if layer not in self._layers:
            shape = (*keys.shape[:2], self.max_length, keys.shape[3])
            self._layers[layer] = pf.zeros(shape, dtype=keys.dtype), pf.zeros(shape, dtype=values.dtype)
        places = self.places(keys.shape[2])
        room = self._layers[layer]
        self._layers[layer] = room[0].index_copy(2, places, keys), room[1].index_copy(2, places, values)
        return self._layers[layer]

    def places(self, count: int) -> Tensor:
        """The positions that the next ones get."""
        if self.max_length is not None and self.length + count > self.max_length:
            raise ValueError(
                f"[cache] {self.length} positions are taken and {count} more asked for: there is room for "
                f"{self.max_length}"
            )
        return pf.tensor(list(range(self.length, self.length + count)))

    def keys_after(self, count: int) -> int:
        """How many keys the next `count` positions are compared with."""
        return self.length + count if self.max_length is None else self.max_length

    def advance(self, count: int) -> None:
        """Take note that all layers have added this many positions."""
        self.length += count


def causal_mask(cache: KeyValueCache | None, count: int, attention_mask: Tensor | None) -> Tensor | None:
    """Which keys each of `count` new positions may see, to be broadcast to (batch, heads, positions, keys).

    Args:
        attention_mask: (batch, keys so far), 1 where there is text and 0 where there is padding; or for all the keys
            that the cache has room for, so that each step has the same shapes.

    Returns:
        True where a key is seen, or None where causal attention alone says so.
    """
    if cache is None or (cache.length == 0 and cache.max_length is None):
        if attention_mask is None:
            return None
        seen = pf.ones(count, count, dtype=pf.bool).tril()
        return seen & padded(attention_mask, count, count)[:, None, None, :]
    keys = cache.keys_after(count)
    seen = pf.tensor(list(range(keys)))[None, :] <= cache.places(count)[:, None]
    if attention_mask is None:
        return seen
    return seen & padded(attention_mask, cache.length + count, keys)[:, None, None, :]


def padded(mask: Tensor, positions: int, keys: int) -> Tensor:
    """A mask of padding as bool, with room for later keys."""
    if mask.ndim != 2 or mask.shape[1] not in (positions, keys):
        raise ValueError(
            f"[attention] attention_mask has shape {tuple(mask.shape)}: expected (batch, {positions}), a number for "
            f"each position, those in the cache included"
        )
    return pf.nn.functional.pad(mask != 0, (0, keys - mask.shape[1]), value=True)
