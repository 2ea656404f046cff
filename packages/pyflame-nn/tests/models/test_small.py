"""The small networks that have no counterpart elsewhere: shapes, options, and that they learn."""

import pytest

import pyflame as pf
from pyflame import models, nn, optim


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda: models.MLP(12, [8, 6], 3, activation=nn.GELU, dropout=0.1, batch_norm=True), (4, 3, 4)),
        (lambda: models.MLP(12, 8, 3), (4, 12)),
        (lambda: models.MLP(12, [], 3), (4, 12)),
        (lambda: models.CNN(2, 3, channels=(4, 8), hidden=16, dropout=0.1), (4, 2, 12, 10)),
        (lambda: models.LeNet(3), (4, 1, 28, 28)),
        (lambda: models.LeNet(3, 2, padding=0, activation=nn.ReLU), (4, 2, 32, 32)),
    ],
)
def test_small_models_learn_three_examples_by_heart(make, shape):
    with pf.testing.fixed_seed(0):
        model, x, labels = make(), pf.randn(shape), pf.tensor([0, 1, 2, 0])
        optimizer = optim.Adam(model.parameters(), lr=0.02)
        for _ in range(40):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()
    assert model.eval()(x).shape == (4, 3)
    assert (model(x).argmax(1) == labels).all()


def test_lenet_has_the_layers_of_the_paper():
    """60,000 trainable parameters, less what the paper saves by partial connections and adds by trained pools."""
    sizes = [parameter.numel() for name, parameter in models.LeNet().named_parameters() if name.endswith("weight")]
    assert sizes == [6 * 25, 16 * 6 * 25, 120 * 400, 84 * 120, 10 * 84]


def test_wrong_sizes_are_told():
    with pytest.raises(ValueError, match=r"\[mlp\] the input has shape \(2, 5\): expected a batch of 12 values"):
        models.MLP(12, 8, 3)(pf.ones(2, 5))
    with pytest.raises(ValueError, match=r"\[mlp\] layers have \[12, 0, 3\] features"):
        models.MLP(12, 0, 3)
    with pytest.raises(ValueError, match=r"\[cnn\] channels is empty"):
        models.CNN(1, 3, channels=())
