from collections import OrderedDict, defaultdict, namedtuple
from types import MappingProxyType

import numpy as np
import pytest

import pyflame as pf
from pyflame.data import default_collate, default_convert

Point = namedtuple("Point", "x y")


def test_parts_are_joined_by_kind():
    items = [
        {"t": pf.ones(2) * i, "a": np.full(3, i), "n": i, "f": i / 2, "s": str(i), "p": Point(i, -i)} for i in range(2)
    ]
    batch = default_collate(items)
    assert batch["t"].tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert tuple(batch["a"].shape) == (2, 3) and batch["n"].dtype is pf.int64 and batch["f"].dtype is pf.float64
    assert batch["s"] == ["0", "1"] and isinstance(batch["p"], Point) and batch["p"].y.tolist() == [0, -1]


def test_numpy_scalars_and_flags():
    assert default_collate([np.float32(1), np.float32(2)]).dtype is pf.float32
    assert default_collate([True, False]).dtype is pf.bool


def test_what_has_no_batch_is_refused():
    with pytest.raises(TypeError, match="collate_fn"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="same number"):
        default_collate([(1, 2), (1,)])


def test_convert_turns_arrays_into_tensors():
    converted = default_convert({"a": np.arange(2), "b": [np.float32(1.0)], "c": "text", "p": Point(np.ones(1), 2)})
    assert isinstance(converted["a"], pf.Tensor) and converted["c"] == "text"
    assert converted["b"][0].item() == 1.0 and isinstance(converted["p"].x, pf.Tensor)


def test_mappings_keep_their_class():
    for make in (dict, OrderedDict, lambda d: defaultdict(int, d), MappingProxyType):
        items = [make({"a": i, "b": np.ones(2) * i}) for i in range(3)]
        batch, item = default_collate(items), default_convert(items[1])
        assert type(batch) is type(items[0]) is type(item)
        assert batch["a"].tolist() == [0, 1, 2] and batch["b"].shape == (3, 2) and isinstance(item["b"], pf.Tensor)
        assert items[0]["a"] == 0
    assert batch.keys() == {"a", "b"} and default_collate([defaultdict(int, a=1)])["other"] == 0


def test_arrays_of_strings_stay():
    words = np.array(["a", "b"])
    assert default_convert(words) is words
    with pytest.raises(TypeError, match="collate_fn"):
        default_collate([words, words])


def test_shapes_that_differ_are_named():
    with pytest.raises(RuntimeError, match=r"\(2,\), \(3,\)"):
        default_collate([np.ones(2), np.ones(3)])
    with pytest.raises(RuntimeError):
        default_collate([pf.ones(2), pf.ones(3)])
    with pytest.raises(RuntimeError, match="empty"):
        default_collate([])


def test_nested_batches():
    batch = default_collate([[(1, {"x": pf.ones(2)}), "a"], [(2, {"x": pf.zeros(2)}), "b"]])
    assert batch[0][0].tolist() == [1, 2] and batch[0][1]["x"].tolist() == [[1, 1], [0, 0]] and batch[1] == ("a", "b")
    assert default_collate([b"x", b"y"]) == [b"x", b"y"] and default_collate([np.int16(1)]).dtype is pf.int16
