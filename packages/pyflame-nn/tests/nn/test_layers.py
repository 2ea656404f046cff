"""Layers compute what PyTorch computes: values, gradients, running statistics, state-dict keys."""

from pathlib import Path

import numpy as np
import pytest

import pyflame as pf
from pyflame import nn

REFERENCES = dict(np.load(Path(__file__).parents[1] / "references" / "layers.npz"))
CASES = sorted({key.rsplit("/", 1)[0] for key in REFERENCES if key.endswith("/x")})


def parts(case, kind):
    prefix = f"{case}/{kind}/"
    return {key[len(prefix) :]: value for key, value in REFERENCES.items() if key.startswith(prefix)}


def assert_near(actual, expected, what):
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-6, err_msg=what)


@pytest.mark.parametrize("case", CASES)
def test_layer_agrees_with_the_reference(case):
    layer = eval(case, {"nn": nn})
    before = parts(case, "before")
    assert list(layer.state_dict()) == list(before)
    layer.load_state_dict(before)
    x = pf.tensor(REFERENCES[f"{case}/x"], requires_grad=True)
    y = layer(x)
    assert_near(y.detach().numpy(), REFERENCES[f"{case}/y"], "y")
    y.backward(pf.tensor(REFERENCES[f"{case}/upstream"]))
    assert_near(x.grad.numpy(), REFERENCES[f"{case}/grad_x"], "grad_x")
    gradients = parts(case, "grad")
    assert [name for name, _ in layer.named_parameters()] == list(gradients)
    for name, parameter in layer.named_parameters():
        assert_near(parameter.grad.numpy(), gradients[name], name)
    for name, expected in parts(case, "after").items():
        value = layer.state_dict()[name]
        assert_near(value.numpy(), expected, name)
        assert tuple(value.shape) == expected.shape


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "do not divide"),
        (lambda: nn.Conv2d(1, 1, 3, padding="half"), ValueError, "'same' or 'valid'"),
        (lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"), ValueError, "stride 1 only"),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), ValueError, "expected one of"),
        (lambda: nn.Conv1d(1, 1, (3, 3)), ValueError, "expected one number or 1"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect"), ValueError, "'zeros' only"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, stride=2)(pf.ones(1, 1, 4), (20,)), ValueError, "sizes from"),
        (lambda: nn.GroupNorm(2, 3), ValueError, "do not divide"),
        (lambda: nn.InstanceNorm1d(3, affine=True)(pf.ones(2, 4, 5)), ValueError, "expected 3 channels"),
        (lambda: nn.InstanceNorm1d(3)(pf.ones(2, 3, 5, 5)), ValueError, "expected 2 or 3 dimensions"),
        (lambda: nn.SyncBatchNorm(3, process_group=1), NotImplementedError, "process groups"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), AssertionError, "an id of the 3"),
        (lambda: nn.Embedding(3, 2, sparse=True), NotImplementedError, "sparse"),
        (lambda: nn.Bilinear(0, 2, 2), ValueError, "positive"),
        (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1"),
        (lambda: nn.BatchNorm2d(3)(pf.ones(2, 3)), ValueError, "expected 4 dimensions"),
        (lambda: nn.BatchNorm1d(3)(pf.ones(2, 4)), RuntimeError, "expected 3 channels"),
        (lambda: nn.BatchNorm1d(3)(pf.ones(1, 3)), ValueError, "more than one value"),
        (lambda: nn.Linear(3, 2)(pf.ones(2, 4)), RuntimeError, "inner sizes"),
        (lambda: nn.AvgPool2d(2, divisor_override=0)(pf.ones(1, 4, 4)), RuntimeError, "divisor_override"),
    ],
)
def test_layer_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_max_pool_returns_positions_in_the_plane():
    x = pf.tensor(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4))
    values, positions = nn.MaxPool2d(2, return_indices=True)(x)
    assert values.tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert positions.tolist() == [[[[5, 7], [13, 15]]]]


def test_dropout_keeps_the_mean_and_its_gradient():
    pf.manual_seed(0)
    x = pf.ones(200, 100, requires_grad=True)
    y = nn.Dropout(0.3)(x)
    y.sum().backward()
    values = y.detach().numpy()
    assert set(np.unique(values).round(5)) == {0.0, np.float32(1 / 0.7).round(5)}
    assert abs(values.mean() - 1) < 0.02
    np.testing.assert_array_equal(x.grad.numpy(), values)


def test_dropout2d_drops_whole_channels():
    values = nn.Dropout2d(0.5)(pf.ones(8, 16, 3, 3)).numpy()
    assert (values == values[:, :, :1, :1]).all()
    assert 0 < (values[:, :, 0, 0] == 0).mean() < 1


def test_dropout_with_certainty_gives_zeros():
    assert nn.Dropout(1.0)(pf.ones(5)).tolist() == [0.0] * 5
    assert nn.Dropout(0.0)(pf.ones(5)).tolist() == [1.0] * 5


def test_padding_same_without_odd_total_needs_no_copy():
    x = pf.randn(1, 1, 5, 6)
    layer = nn.Conv2d(1, 1, 3, padding="same")
    assert tuple(layer(x).shape) == (1, 1, 5, 6)


@pytest.mark.parametrize(
    "layer, text",
    [
        (nn.Linear(2, 3), "Linear(in_features=2, out_features=3, bias=True)"),
        (nn.Conv2d(1, 2, 3, padding=1), "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"),
        (
            nn.Conv2d(2, 2, 3, padding="same", groups=2, bias=False),
            "Conv2d(2, 2, kernel_size=(3, 3), stride=(1, 1), padding=same, groups=2, bias=False)",
        ),
        (nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        (
            nn.BatchNorm2d(4),
            "BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)",
        ),
        (nn.Dropout(), "Dropout(p=0.5, inplace=False)"),
        (nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (nn.GELU(), "GELU(approximate='none')"),
        (nn.Softmax(dim=1), "Softmax(dim=1)"),
    ],
)
def test_repr_is_that_of_the_reference(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize(
    "make, sizes", [(nn.Dropout, ()), (nn.Dropout1d, (2,)), (nn.Dropout2d, (2, 2)), (nn.Dropout3d, (2, 2, 2))]
)
def test_dropouts_drop_in_training_alone(make, sizes):
    layer, x = make(0.5), pf.ones(8, 16, *sizes)
    assert 0 < (layer(x) == 0).float().mean().item() < 1
    assert (layer.eval()(x) == 1).all()


@pytest.mark.parametrize("make", [nn.AlphaDropout, nn.FeatureAlphaDropout, nn.RReLU])
def test_random_layers_draw_in_training_alone(make):
    layer, x = make(), pf.ones(8, 16, 3) * -1
    assert len(np.unique(layer(x).numpy())) > 1
    assert len(np.unique(layer.eval()(x).numpy())) == 1


def test_global_pools_keep_one_value_of_each_channel():
    x = pf.arange(12.0).reshape(1, 3, 2, 2)
    assert nn.GlobalAvgPool2d()(x).flatten().tolist() == [1.5, 5.5, 9.5]
    assert nn.GlobalMaxPool2d()(x).flatten().tolist() == [3.0, 7.0, 11.0]


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: nn.Hardtanh(1.0, 1.0), AssertionError, "expected it above"),
        (lambda: nn.Softmax2d()(pf.ones(2, 3)), ValueError, "expected 3 or 4 dimensions"),
        (lambda: nn.FractionalMaxPool2d(2), ValueError, "give one of them"),
        (lambda: nn.FractionalMaxPool2d(2, output_ratio=1.5), ValueError, "between 0 and 1"),
        (lambda: nn.ConstantPad2d((1, 2), 0.0), RuntimeError, "expected one number or 4"),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "expected 1 or 2"),
        (lambda: nn.TripletMarginLoss(margin=0.0), ValueError, "positive"),
    ],
)
def test_module_refuses(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_loss_takes_the_reduction_as_an_enumeration():
    loss = nn.CrossEntropyLoss(reduction=nn.Reduction.NONE)
    assert loss(pf.zeros(4, 2), pf.tensor([0, 1, 1, 0])).shape == (4,)


def test_other_names():
    assert nn.Swish is nn.SiLU
    with pytest.warns(FutureWarning, match="old names"):
        assert nn.Hardtanh(min_value=-2.0)(pf.tensor([-3.0])).tolist() == [-2.0]


def test_every_public_module_has_an_example():
    classes = [value for value in vars(nn).values() if isinstance(value, type) and issubclass(value, nn.Module)]
    assert [value.__name__ for value in classes if ">>>" not in (value.__doc__ or "")] == []
