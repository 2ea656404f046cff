from collections import OrderedDict

import pytest

import pyflame as pf
from pyflame import nn


def test_lists_register_parameters():
    weights = nn.ParameterList([pf.ones(2), nn.Parameter(pf.zeros(3)), "other"])
    assert isinstance(weights[0], nn.Parameter) and weights[2] == "other" and len(weights) == 3
    assert list(weights.state_dict()) == ["0", "1"]
    weights.append(pf.ones(1)).extend([pf.ones(4)])
    weights += [pf.ones(5)]
    assert [name for name, _ in weights.named_parameters()] == ["0", "1", "3", "4", "5"]
    assert weights[-1].shape == (5,) and len(weights[1:3]) == 2 and isinstance(weights[::2], nn.ParameterList)
    weights[0] = pf.zeros(7)
    assert weights[0].shape == (7,) and isinstance(weights[0], nn.Parameter)
    assert [type(value).__name__ for value in weights][:3] == ["Parameter", "Parameter", "str"]
    for wrong in (9, -7):
        with pytest.raises(IndexError, match="out of range"):
            weights[wrong]
    with pytest.raises(TypeError, match="several values"):
        weights.extend(pf.ones(2))
    with pytest.raises(RuntimeError, match="cannot be called"):
        weights(1)


def test_lists_are_printed():
    assert repr(nn.ParameterList([pf.ones(2, 3), 4])) == (
        "ParameterList(\n    (0): Parameter containing: [pyflame.float32 of size 2x3]\n    (1): Object of type: int\n)"
    )


def test_dicts_register_parameters_in_pytorch_s_order():
    scales = nn.ParameterDict({"b": pf.ones(1), "a": pf.zeros(2), "c": 3})
    assert list(scales) == ["a", "b", "c"] and list(scales.state_dict()) == ["a", "b"]
    assert list(nn.ParameterDict(OrderedDict(b=pf.ones(1), a=pf.ones(1)))) == ["b", "a"]
    assert list(nn.ParameterDict([("b", pf.ones(1)), ("a", pf.ones(1))]).parameters())[0].shape == (1,)
    scales["d"] = pf.ones(4)
    assert isinstance(scales["d"], nn.Parameter) and scales.get("x") is None and "d" in scales
    assert scales.setdefault("e", pf.ones(5)).shape == (5,) and scales.setdefault("e").shape == (5,)
    assert scales.pop("a").shape == (2,) and "a" not in dict(scales.named_parameters())
    assert scales.popitem()[0] == "e" and list(reversed(scales)) == ["d", "c", "b"]
    both = scales | nn.ParameterDict({"z": pf.ones(1)})
    assert list(both) == ["b", "c", "d", "z"] and len(scales) == 3
    assert both["b"] is scales["b"] and list(both.keys()) == [key for key, _ in both.items()]
    assert list(scales.fromkeys(["p", "q"], 1).values()) == [1, 1]
    scales.clear()
    assert not len(scales) and not scales.state_dict()


def test_dicts_refuse():
    scales = nn.ParameterDict()
    for keys, error in ((3, TypeError), ([3], TypeError), ([("a", 1, 2)], ValueError), ({"forward": 1}, KeyError)):
        with pytest.raises(error):
            scales.update(keys)
    with pytest.raises(TypeError, match="strings"):
        scales[3] = pf.ones(1)
    for missing in (lambda: scales["x"], lambda: scales.pop("x"), scales.popitem):
        with pytest.raises(KeyError):
            missing()
    with pytest.raises(RuntimeError, match="cannot be called"):
        scales(1)
