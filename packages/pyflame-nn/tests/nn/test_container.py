import pytest

import pyflame as pf
from pyflame import nn


def names(container):
    return [name for name, _ in container.named_children()]


def test_sequential_edits_renumber():
    first, second, third = nn.Linear(2, 2), nn.ReLU(), nn.Tanh()
    net = nn.Sequential(first, second)
    net.append(third).insert(0, nn.Identity())
    assert names(net) == ["0", "1", "2", "3"] and net[-1] is third and net[1] is first
    assert net.pop(0).__class__ is nn.Identity
    del net[1:]
    assert list(net) == [first] and names(net) == ["0"]
    net.extend([second, third]).add(nn.Sigmoid())
    assert isinstance(net[1:3], nn.Sequential) and len(net[1:3]) == 2
    net[1] = nn.ELU()
    assert isinstance(net[1], nn.ELU) and first in net and second not in net
    with pytest.raises(IndexError, match="out of range for 4"):
        net[4]


def test_sequential_takes_names():
    net = nn.Sequential({"in": nn.Linear(2, 3), "act": nn.ReLU()})
    assert list(net.state_dict()) == ["in.weight", "in.bias"]
    assert tuple(net(pf.ones(1, 2)).shape) == (1, 3)


def test_module_list_finds_parameters_and_has_no_forward():
    layers = nn.ModuleList([nn.Linear(1, 1)])
    layers.append(nn.Linear(1, 1))
    layers.insert(1, nn.ReLU())
    assert list(layers.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert isinstance(layers[:2], nn.ModuleList)
    with pytest.raises(NotImplementedError):
        layers(1)


def test_module_dict_is_a_mapping():
    heads = nn.ModuleDict([("a", nn.ReLU())])
    heads["b"] = nn.Linear(1, 2)
    heads.update({"a": nn.Tanh()})
    assert list(heads.keys()) == ["a", "b"] and isinstance(heads["a"], nn.Tanh) and "b" in heads
    assert [key for key, _ in heads.items()] == list(heads)
    assert isinstance(heads.pop("b"), nn.Linear) and len(heads) == 1
    with pytest.raises(KeyError):
        heads["b"]
    with pytest.raises(KeyError):
        heads["pop"] = nn.ReLU()
    heads.clear()
    assert len(heads) == 0
