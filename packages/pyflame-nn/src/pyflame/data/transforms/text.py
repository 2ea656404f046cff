"""Transforms of text: from strings to tokens to numbers to tensors of equal length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pyflame import Tensor, int64, tensor

from .transform import Transform

TOKENIZERS: dict[str, Callable[[str], list[str]]] = {"whitespace": str.split, "characters": list}


class Tokenize(Transform):
    """Cuts a text into tokens.

    Args:
        tokenizer: "whitespace", "characters", or a function from a text to a list of tokens.
        max_length: how many tokens are kept.

    Raises:
        ValueError: an unknown tokenizer, or a length below one.

    Example:
        >>> from pyflame.data import transforms
        >>> transforms.Tokenize(max_length=2)("the quick brown fox")
        ['the', 'quick']
    """

    def __init__(
        self, tokenizer: str | Callable[[str], list[Any]] = "whitespace", max_length: int | None = None
    ) -> None:
        super().__init__()
        if not callable(tokenizer) and tokenizer not in TOKENIZERS:
            raise ValueError(f"[Tokenize] tokenizer is {tokenizer!r}: expected {', '.join(TOKENIZERS)} or a function")
        if max_length is not None and max_length < 1:
            raise ValueError(f"[Tokenize] max_length is {max_length}: expected a positive number")
        self.tokenizer, self.max_length = tokenizer, max_length

    def __call__(self, text: str) -> list[Any]:
        cut: Callable[[str], list[Any]] = self.tokenizer if callable(self.tokenizer) else TOKENIZERS[self.tokenizer]
        return cut(text)[: self.max_length]


class LowerCase(Transform):
    """Makes the letters of a text, or of each token, small.

    Example:
        >>> from pyflame.data import transforms
        >>> transforms.LowerCase()("The Fox"), transforms.LowerCase()(["The", "Fox"])
        ('the fox', ['the', 'fox'])
    """

    def __call__(self, text: Any) -> Any:
        return text.lower() if isinstance(text, str) else [token.lower() for token in text]


class StripWhitespace(Transform):
    """Takes away white space around a text, or around each token, and makes one space of what is between words.

    Example:
        >>> from pyflame.data import transforms
        >>> transforms.StripWhitespace()("  the   fox ")
        'the fox'
    """

    def __call__(self, text: Any) -> Any:
        return " ".join(text.split()) if isinstance(text, str) else [" ".join(token.split()) for token in text]


class Vocab(Transform):
    """Gives tokens numbers.

    Args:
        tokens: each once, in the order of the numbers.
        unknown: the token whose number all others get; without it they are an error.

    Raises:
        ValueError: a token comes twice, or `unknown` is none of them.

    Example:
        >>> from pyflame.data import transforms
        >>> vocab = transforms.Vocab(["<unk>", "the", "fox"], unknown="<unk>")
        >>> vocab(["the", "dog"]), vocab["fox"], vocab.lookup_tokens([1, 2])
        ([1, 0], 2, ['the', 'fox'])
    """

    def __init__(self, tokens: Iterable[Any], unknown: Any = None) -> None:
        super().__init__()
        self.tokens = list(tokens)
        self.numbers = {token: number for number, token in enumerate(self.tokens)}
        if len(self.numbers) != len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ValueError(f"[Vocab] the token {twice!r} comes twice")
        if unknown is not None and unknown not in self.numbers:
            raise ValueError(f"[Vocab] unknown is {unknown!r}, which is none of the tokens")
        self.unknown = unknown

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: Any) -> bool:
        return token in self.numbers

    def __getitem__(self, token: Any) -> int:
        number = self.numbers.get(token)
        if number is not None:
            return number
        if self.unknown is None:
            raise KeyError(f"[Vocab] {token!r} is none of the {len(self)} tokens, and there is no unknown token")
        return self.numbers[self.unknown]

    def __call__(self, tokens: Iterable[Any]) -> list[int]:
        return [self[token] for token in tokens]

    def lookup_tokens(self, numbers: Iterable[int]) -> list[Any]:
        """Return the tokens of numbers."""
        return [self.tokens[number] for number in numbers]


class BuildVocab(Transform):
    """Makes a `Vocab` of the tokens that occur, the frequent ones first and equally frequent ones in their own order.

    Args:
        min_frequency: how often a token has to occur.
        max_size: how many tokens there are at most, with the special ones.
        specials: tokens that come first whether they occur or not; "<unk>" among them stands for unknown tokens.

    Raises:
        ValueError: there is no room for the special tokens.

    Example:
        >>> from pyflame.data import transforms
        >>> vocab = transforms.BuildVocab(min_frequency=2)([["b", "a"], ["b", "c", "a", "b"]])
        >>> vocab.tokens
        ['<pad>', '<unk>', 'b', 'a']
    """

    def __init__(
        self, min_frequency: int = 1, max_size: int | None = None, specials: Sequence[Any] = ("<pad>", "<unk>")
    ) -> None:
        super().__init__()
        if max_size is not None and max_size < len(specials):
            raise ValueError(f"[BuildVocab] max_size is {max_size}: there are {len(specials)} special tokens")
        self.min_frequency, self.max_size, self.specials = min_frequency, max_size, tuple(specials)

    def __call__(self, texts: Iterable[Iterable[Any]]) -> Vocab:
        counts = Counter(token for text in texts for token in text)
        ranked = sorted(
            (token for token in counts if token not in self.specials), key=lambda token: (-counts[token], token)
        )
        frequent = [token for token in ranked if counts[token] >= self.min_frequency]
        tokens = [*self.specials, *frequent][: self.max_size]
        return Vocab(tokens, "<unk>" if "<unk>" in self.specials else None)


class PadSequence(Transform):
    """Makes a sequence of numbers as long as wanted: cuts off its end, or adds a value.

    Args:
        length: of the result.
        value: what is added.
        side: "right" or "left", where it is added.

    Raises:
        ValueError: another side, or a length below one.

    Example:
        >>> from pyflame.data import transforms
        >>> transforms.PadSequence(4)([5, 6]), transforms.PadSequence(2)([5, 6, 7])
        (tensor([5, 6, 0, 0]), tensor([5, 6]))
    """

    def __init__(self, length: int, value: int = 0, side: str = "right") -> None:
        super().__init__()
        if length < 1 or side not in ("left", "right"):
            raise ValueError(f"[PadSequence] length {length}, side {side!r}: expected a positive length, left or right")
        self.length, self.value, self.side = length, value, side

    def __call__(self, numbers: Any) -> Tensor:
        kept = (numbers.tolist() if isinstance(numbers, Tensor) else list(numbers))[: self.length]
        added = [self.value] * (self.length - len(kept))
        return tensor(kept + added if self.side == "right" else added + kept, dtype=int64)
