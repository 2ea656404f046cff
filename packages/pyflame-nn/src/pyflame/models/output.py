"""What models return: named values, which are also had by position and by key, as Hugging Face's are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyflame import Tensor

if TYPE_CHECKING:
    from .cache import KeyValueCache


class Output:
    """Named values; those that are None are left out of positions and keys."""

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the values that are not None."""
        return tuple(getattr(self, name) for name in self.keys())

    def keys(self) -> list[str]:
        """Return the names of the values that are not None."""
        names = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        return [name for name in names if getattr(self, name) is not None]

    def __getitem__(self, key: int | slice | str) -> Any:
        if isinstance(key, str):
            if key not in self.keys():
                raise KeyError(f"[output] {key!r} is not there: it has {', '.join(self.keys())}")
            return getattr(self, key)
        return self.to_tuple()[key]

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


@dataclasses.dataclass
class HiddenOutput(Output):
    """Features of each position, (batch, positions, features)."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None
    past_key_values: KeyValueCache | None = None
    hidden_states: tuple[Tensor, ...] | None = None


@dataclasses.dataclass
class SequenceOutput(Output):
    """Features of the decoder's and of the encoder's positions."""

    last_hidden_state: Tensor
    encoder_last_hidden_state: Tensor


@dataclasses.dataclass
class LogitsOutput(Output):
    """Logits, and the loss where labels were given."""

    loss: Tensor | None
    logits: Tensor
    past_key_values: KeyValueCache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
