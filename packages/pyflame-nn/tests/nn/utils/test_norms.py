"""Weight norm and spectral norm as hooks, folded batch normalization, and parameters as a vector."""

import warnings

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn
from pyflame.nn import utils


def weight_norm(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return utils.weight_norm(*args, **kwargs)


def test_weight_norm_separates_length_and_direction():
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().numpy().copy()
    weight_norm(layer)
    np.testing.assert_allclose(layer.weight_g.detach().numpy()[:, 0], np.linalg.norm(before, axis=1), rtol=1e-6)
    nn.init.ones_(layer.weight_g)
    layer(pf.ones(1, 3))
    np.testing.assert_allclose(np.linalg.norm(layer.weight.detach().numpy(), axis=1), 1.0, rtol=1e-6)
    layer(pf.ones(1, 3)).sum().backward()
    direction = layer.weight.detach().numpy()
    np.testing.assert_allclose((layer.weight_v.grad.numpy() * direction).sum(1), 0.0, atol=1e-6)
    with pytest.raises(RuntimeError, match="has it already"):
        weight_norm(layer)
    utils.remove_weight_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"] and not layer._hooks.before
    with pytest.raises(ValueError, match="no weight norm"):
        utils.remove_weight_norm(layer)
    with pytest.raises(KeyError):
        weight_norm(layer, "nothing")
    with pytest.raises(ValueError, match="no values yet"):
        weight_norm(nn.LazyLinear(2))


@pytest.mark.parametrize("make", [lambda: nn.Linear(6, 4), lambda: nn.ConvTranspose2d(6, 4, 3)])
@pytest.mark.parametrize("norm", [utils.spectral_norm, utils.parametrizations.spectral_norm])
def test_spectral_norm_makes_the_largest_singular_value_one(make, norm):
    pf.manual_seed(0)  # close singular values would take more steps than these
    layer = norm(make())
    x = pf.ones(1, 6) if isinstance(layer, nn.Linear) else pf.ones(1, 6, 2, 2)
    for _ in range(60):
        layer(x)
    weight = layer.weight.detach().numpy()
    if weight.ndim == 4:
        weight = weight.transpose(1, 0, 2, 3).reshape(4, -1)
    np.testing.assert_allclose(np.linalg.svd(weight, compute_uv=False)[0], 1.0, rtol=2e-3)
    first = [value.numpy(force=True).copy() for value in layer.buffers()]
    layer.eval()(x)
    for value, before in zip(layer.buffers(), first):
        np.testing.assert_array_equal(value.numpy(), before)


def test_two_calls_before_backward_keep_their_singular_vectors():
    layer = utils.spectral_norm(nn.Linear(3, 2))
    (layer(pf.ones(1, 3)) - layer(pf.zeros(1, 3))).sum().backward()
    assert np.isfinite(layer.weight_orig.grad.numpy()).all()


def test_spectral_norm_is_removed():
    layer = utils.spectral_norm(nn.Linear(3, 2))
    assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    layer(pf.ones(1, 3))
    value = layer.eval()(pf.ones(1, 3)).detach().numpy()
    utils.remove_spectral_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(layer(pf.ones(1, 3)).detach().numpy(), value, rtol=1e-5)
    with pytest.raises(ValueError, match="no spectral norm"):
        utils.remove_spectral_norm(layer)
    with pytest.raises(ValueError, match="positive"):
        utils.spectral_norm(layer, n_power_iterations=0)


def trained_norm(norm, shape):
    for _ in range(3):
        norm(pf.randn(shape) * 2 + 1)
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return norm.eval()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_folded_batch_norm_computes_the_same(bias, affine):
    x = pf.randn(2, 3, 6, 6)
    conv = nn.Conv2d(3, 4, 3, bias=bias).eval()
    norm = trained_norm(nn.BatchNorm2d(4, affine=affine), (5, 4, 6, 6))
    np.testing.assert_allclose(
        utils.fuse_conv_bn_eval(conv, norm)(x).detach().numpy(), norm(conv(x)).detach().numpy(), rtol=1e-4, atol=1e-5
    )
    turned = nn.ConvTranspose2d(3, 4, 3, bias=bias).eval()
    np.testing.assert_allclose(
        utils.fuse_conv_bn_eval(turned, norm, transpose=True)(x).detach().numpy(),
        norm(turned(x)).detach().numpy(),
        rtol=1e-4,
        atol=1e-5,
    )
    linear, flat = nn.Linear(3, 4, bias=bias).eval(), trained_norm(nn.BatchNorm1d(4, affine=affine), (5, 4))
    y = pf.randn(2, 3)
    np.testing.assert_allclose(
        utils.fuse_linear_bn_eval(linear, flat)(y).detach().numpy(),
        flat(linear(y)).detach().numpy(),
        rtol=1e-4,
        atol=1e-5,
    )


def test_folding_refuses_what_is_being_trained():
    conv, norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
    with pytest.raises(AssertionError, match="training mode"):
        utils.fuse_conv_bn_eval(conv, norm)
    with pytest.raises(AssertionError, match="no running statistics"):
        utils.fuse_conv_bn_eval(conv.eval(), nn.BatchNorm2d(4, track_running_stats=False).eval())
    with pytest.raises(AssertionError, match="4 outputs"):
        utils.fuse_linear_bn_eval(nn.Linear(3, 4).eval(), nn.BatchNorm1d(3).eval())


def test_parameters_become_a_vector_and_come_back():
    one, two = nn.Linear(3, 2), nn.Linear(3, 2)
    vector = utils.parameters_to_vector(one.parameters())
    assert vector.shape == (8,) and vector.requires_grad
    utils.vector_to_parameters(vector, two.parameters())
    for a, b in zip(one.parameters(), two.parameters()):
        np.testing.assert_array_equal(a.numpy(force=True), b.numpy(force=True))
        assert b.requires_grad and b.is_leaf
    with pytest.raises(ValueError, match="8 elements"):
        utils.vector_to_parameters(pf.ones(7), two.parameters())
    with pytest.raises(TypeError, match="expected a tensor"):
        utils.vector_to_parameters([1.0], two.parameters())
    with pytest.raises(ValueError, match="no tensors"):
        utils.parameters_to_vector([])
