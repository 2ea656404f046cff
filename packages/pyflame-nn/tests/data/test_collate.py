from collections import namedtuple

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
