import pytest

import pyflame as pf
from pyflame.data import transforms


def test_from_text_to_tensor():
    texts = ["  The cat  sat", "the DOG sat on the cat", ""]
    clean = transforms.Compose([transforms.StripWhitespace(), transforms.LowerCase(), transforms.Tokenize()])
    vocab = transforms.BuildVocab(min_frequency=2)(map(clean, texts))
    assert vocab.tokens == ["<pad>", "<unk>", "the", "cat", "sat"]
    chain = transforms.Compose([clean, vocab, transforms.PadSequence(4)])
    assert [chain(text).tolist() for text in texts] == [[2, 3, 4, 0], [2, 1, 4, 1], [0, 0, 0, 0]]


def test_tokenizers():
    assert transforms.Tokenize("characters", max_length=3)("ab cd") == ["a", "b", " "]
    assert transforms.Tokenize(lambda text: text.split("-"))("a-b c") == ["a", "b c"]
    assert transforms.LowerCase()(["A", "b"]) == ["a", "b"]
    assert transforms.StripWhitespace()([" a ", "b\tc"]) == ["a", "b c"]


def test_vocab():
    vocab = transforms.BuildVocab(max_size=3, specials=("<s>",))([["b", "b", "a", "c", "a"]])
    assert vocab.tokens == ["<s>", "a", "b"] and len(vocab) == 3 and "c" not in vocab
    assert vocab.lookup_tokens(vocab(["b", "<s>"])) == ["b", "<s>"]
    with pytest.raises(KeyError, match="none of the 3 tokens"):
        vocab(["c"])


def test_padding():
    pad = transforms.PadSequence(4, value=9, side="left")
    assert pad([1, 2]).tolist() == [9, 9, 1, 2] and pad(pf.tensor([1, 2, 3, 4, 5])).tolist() == [1, 2, 3, 4]
    assert pad([]).dtype == pf.int64


@pytest.mark.parametrize(
    "make",
    [
        lambda: transforms.Tokenize("words"),
        lambda: transforms.Tokenize(max_length=0),
        lambda: transforms.Vocab(["a", "a"]),
        lambda: transforms.Vocab(["a"], unknown="b"),
        lambda: transforms.BuildVocab(max_size=1),
        lambda: transforms.PadSequence(0),
        lambda: transforms.PadSequence(1, side="top"),
    ],
)
def test_what_does_not_fit_is_refused(make):
    with pytest.raises(ValueError, match=r"^\["):
        make()
