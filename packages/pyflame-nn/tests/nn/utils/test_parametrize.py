import copy
import pickle

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn, optim
from pyflame.nn.utils import parametrizations, parametrize


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T

    def right_inverse(self, x):
        return x.triu()


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor

    def right_inverse(self, x):
        return x / self.factor


class RankOne(nn.Module):
    def forward(self, a, b):
        return a.unsqueeze(-1) @ b.unsqueeze(0)

    def right_inverse(self, x):
        return x[:, 0], x[0]


def test_a_parametrized_tensor_is_computed_and_trained():
    layer = nn.Linear(3, 3)
    before = layer.weight.detach().numpy().copy()
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    np.testing.assert_allclose(layer.weight.detach().numpy(), np.triu(before) + np.triu(before, 1).T)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    layer(pf.ones(1, 3)).sum().backward()
    optimizer.step()
    weight = layer.weight.detach().numpy()
    np.testing.assert_array_equal(weight, weight.T)
    assert not np.allclose(weight, np.triu(before) + np.triu(before, 1).T)


def test_assignment_goes_through_the_inverse():
    layer = parametrize.register_parametrization(nn.Linear(2, 2, bias=False), "weight", Symmetric())
    layer.weight = pf.tensor([[1.0, 2.0], [2.0, 3.0]])
    assert layer.weight.tolist() == [[1.0, 2.0], [2.0, 3.0]]
    assert layer.parametrizations["weight"].original.tolist() == [[1.0, 2.0], [0.0, 3.0]]
    del Scaled.right_inverse
    try:
        parametrize.register_parametrization(layer, "weight", Scaled(2.0))
        with pytest.raises(RuntimeError, match="no right_inverse"):
            layer.weight = pf.ones(2, 2)
    finally:
        Scaled.right_inverse = lambda self, x: x / self.factor


def test_parametrizations_are_applied_in_order_and_removed():
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().numpy().copy()
    parametrize.register_parametrization(layer, "weight", Scaled(2.0))
    np.testing.assert_allclose(layer.weight.detach().numpy(), before)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    symmetric = np.triu(before) + np.triu(before, 1).T
    np.testing.assert_allclose(layer.weight.detach().numpy(), symmetric)
    parametrize.register_parametrization(layer, "bias", Scaled(3.0))
    assert parametrize.is_parametrized(layer, "bias") and parametrize.is_parametrized(layer)
    parametrize.remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter) and not parametrize.is_parametrized(layer, "weight")
    np.testing.assert_allclose(layer.weight.detach().numpy(), symmetric)
    parametrize.remove_parametrizations(layer, "bias", leave_parametrized=False)
    assert type(layer) is nn.Linear and sorted(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="no parametrization"):
        parametrize.remove_parametrizations(layer, "weight")


def test_several_originals():
    layer = parametrize.register_parametrization(nn.Linear(3, 2, bias=False), "weight", RankOne())
    assert [tuple(p.shape) for p in layer.parameters()] == [(2,), (3,)]
    assert np.linalg.matrix_rank(layer.weight.detach().numpy()) == 1
    with pytest.raises(ValueError, match="no original"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert parametrize.remove_parametrizations(layer, "weight").weight.shape == (2, 3)


def test_buffers_copies_modes_and_caches():
    layer = nn.BatchNorm1d(2)
    parametrize.register_parametrization(layer, "running_mean", Scaled(2.0))
    assert "parametrizations.running_mean.original" in dict(layer.named_buffers())
    layer.eval()
    assert not layer.parametrizations["running_mean"][0].training
    twin = copy.deepcopy(layer)
    twin.running_mean = pf.ones(2)
    assert layer.running_mean.tolist() == [0.0, 0.0] and twin.running_mean.tolist() == [1.0, 1.0]
    assert layer.running_mean is not layer.running_mean
    with parametrize.cached():
        assert layer.running_mean is layer.running_mean and twin.running_mean is not layer.running_mean
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(layer)


def test_what_does_not_fit_is_refused():
    class Flat(nn.Module):
        def forward(self, x):
            return x.reshape(-1)

    layer = nn.Linear(2, 2)
    for call in (
        lambda: parametrize.register_parametrization(layer, "weight", Flat()),
        lambda: parametrize.register_parametrization(layer, "nothing", Symmetric()),
        lambda: parametrize.ParametrizationList([], layer.weight),
        lambda: parametrizations.orthogonal(layer, "bias"),
        lambda: parametrizations.orthogonal(layer, "weight", "magic"),
        lambda: parametrizations.spectral_norm(layer, n_power_iterations=0),
        lambda: parametrizations.spectral_norm(layer, "nothing"),
    ):
        with pytest.raises(ValueError, match=r"^\["):
            call()
    with pytest.raises(IndexError):
        parametrizations.spectral_norm(layer, dim=3)
    assert type(layer) is nn.Linear and list(layer.state_dict()) == ["weight", "bias"]
    changed = parametrize.register_parametrization(layer, "weight", Flat(), unsafe=True)
    assert changed.weight.shape == (4,)


@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm_keeps_the_weight_and_loads_older_states(dim):
    layer = nn.Conv1d(3, 4, 2)
    before = layer.weight.detach().numpy().copy()
    old = nn.Conv1d(3, 4, 2)
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(old, dim=dim)
    parametrizations.weight_norm(layer, dim=dim)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before, rtol=1e-5, atol=1e-7)
    layer.load_state_dict(old.state_dict())
    x = pf.randn(2, 3, 5)
    np.testing.assert_allclose(layer(x).detach().numpy(), old(x).detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (2, 5, 3)])
@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivial", [True, False])
def test_orthogonal_weights_stay_orthogonal(shape, kind, trivial):
    class Holds(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(pf.randn(shape, dtype=pf.float64))

    module = Holds()
    parametrizations.orthogonal(module, orthogonal_map=kind, use_trivialization=trivial)
    optimizer = optim.SGD(module.parameters(), lr=0.05)
    target = pf.randn(shape, dtype=pf.float64)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        w = module.weight
        short = w.mT @ w if shape[-2] >= shape[-1] else w @ w.mT
        one = np.broadcast_to(np.eye(min(shape[-2:])), tuple(short.shape))
        np.testing.assert_allclose(short.detach().numpy(), one, atol=1e-10)
        loss = -(w * target).sum()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    q = np.linalg.qr(
        np.random.default_rng(0).normal(size=shape if shape[-2] >= shape[-1] else (*shape[:-2], *shape[:-3:-1]))
    )[0]
    value = q if q.shape == shape else np.swapaxes(q, -1, -2)
    if not trivial and kind != "householder":
        with pytest.raises(NotImplementedError, match="without trivialization"):
            module.weight = pf.tensor(value)
        return
    module.weight = pf.tensor(value)
    np.testing.assert_allclose(module.weight.detach().numpy(), value, atol=1e-10)


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("matrix_exp", [[0.6288, -0.7603, 0.1630], [0.7060, 0.4703, -0.5295], [0.3259, 0.4480, 0.8325]]),
        ("cayley", [[0.6834, -0.7181, 0.1313], [0.6718, 0.5483, -0.4981], [0.2857, 0.4286, 0.8571]]),
    ],
)
def test_without_trivialization_the_tensor_itself_says_which_rotation(kind, expected):
    """As PyTorch 2.13 computes them."""
    layer = nn.Linear(3, 3, bias=False)
    with pf.no_grad():
        layer.weight.copy_(pf.tensor([[0.1, 0.5, -0.3], [0.9, 0.2, 0.7], [0.1, 0.6, -0.4]]))
    parametrizations.orthogonal(layer, orthogonal_map=kind, use_trivialization=False)
    np.testing.assert_allclose(layer.weight.detach().numpy(), expected, atol=1e-4)


def test_matrix_exponential_is_the_limit_of_powers():
    from pyflame.nn.utils.orthogonal import matrix_exp

    a = np.random.default_rng(1).normal(size=(2, 4, 4)) * 3
    values, vectors = np.linalg.eig(a)
    expected = (vectors * np.exp(values)[:, None, :] @ np.linalg.inv(vectors)).real
    np.testing.assert_allclose(matrix_exp(pf.tensor(a)).numpy(), expected, rtol=1e-9, atol=1e-9)
