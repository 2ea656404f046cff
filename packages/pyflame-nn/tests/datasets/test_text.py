import numpy as np
import pytest

from pyflame.data import DataLoader, transforms
from pyflame.datasets import LanguageModelingDataset, TextDataset


def test_texts_in_memory():
    dataset = TextDataset(["a", "b", "c"], labels=["x", "y", "x"], transform=str.upper)
    assert [dataset[i] for i in range(3)] == [("A", 0), ("B", 1), ("C", 0)] and dataset.class_to_idx == {"x": 0, "y": 1}
    assert [TextDataset(["a", "b"])[i] for i in range(2)] == ["a", "b"]
    assert TextDataset(["a"], labels=[7], target_transform=lambda label: label + 1)[0] == ("a", 8)


def test_texts_in_a_file(tmp_path):
    path = tmp_path / "lines.tsv"
    path.write_text("pos\tgood: a\tb\nneg\tbäd\n", "utf-8")
    dataset = TextDataset(path, separator="\t")
    assert [dataset[i] for i in range(2)] == [("good: a\tb", 1), ("bäd", 0)]
    assert TextDataset(str(path))[1] == "neg\tbäd"
    path.write_text("pos\tgood\nneg bad\n")
    with pytest.raises(ValueError, match="line 2"):
        TextDataset(path, separator="\t")


def test_texts_in_folders(tmp_path):
    texts = {"train/pos/1": "good", "train/neg/1": "bad", "train/neg/2": "worse", "test/neg/1": "late"}
    for name, text in texts.items():
        path = tmp_path / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    dataset = TextDataset(tmp_path, split="train")
    assert [dataset[i] for i in range(3)] == [("bad", 0), ("worse", 0), ("good", 1)]
    assert dataset.classes == ["neg", "pos"]
    assert TextDataset(tmp_path, split="test").texts == ["late"]
    with pytest.raises(FileNotFoundError):
        TextDataset(tmp_path, split="other")


@pytest.mark.parametrize(
    "options",
    [{"labels": [1]}, {"split": "train"}, {"labels": ["a", "b"], "separator": "x"}],
)
def test_contradictions_are_refused(options):
    with pytest.raises(ValueError, match=r"\[TextDataset\]"):
        TextDataset(["ax1", "bx2"], **options)


def test_pieces_of_a_text_and_what_follows():
    text = "to be or not to be that is the question " * 3
    dataset = LanguageModelingDataset(text, sequence_length=7, stride=3)
    letters = sorted(set(text))
    assert dataset.vocab.tokens == letters and len(dataset) == (len(text) - 8) // 3 + 1
    for i in (0, 5, len(dataset) - 1, -1):
        x, y = dataset[i]
        begin = i % len(dataset) * 3
        assert dataset.decode(x) == text[begin : begin + 7] and dataset.decode(y) == text[begin + 1 : begin + 8]
    items, batches = list(zip(*(dataset[i] for i in range(len(dataset))))), DataLoader(dataset, batch_size=4)
    for items_of, part in zip(items, (0, 1)):
        found = np.concatenate([batch[part].numpy() for batch in batches])
        np.testing.assert_array_equal(found, np.stack([item.numpy() for item in items_of]))
    assert dataset.encode("be").tolist() == [letters.index("b"), letters.index("e")]
    with pytest.raises(IndexError):
        dataset[len(dataset)]
    with pytest.raises(IndexError):
        dataset.fetch(np.array([0, len(dataset)]))


def test_words_and_a_vocabulary_of_ones_own():
    vocab = transforms.Vocab(["<unk>", "be", "to"], unknown="<unk>")
    dataset = LanguageModelingDataset("to be or not to be", 2, tokenizer="whitespace", vocab=vocab)
    assert dataset.tokens.tolist() == [2, 1, 0, 0, 2, 1] and dataset.decode([2, 1]) == "to be"
    with pytest.raises(ValueError, match="6 tokens"):
        LanguageModelingDataset("to be or not to be", 6, tokenizer="whitespace")
