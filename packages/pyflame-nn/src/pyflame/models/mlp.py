"""A multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyflame import Tensor, nn


class MLP(nn.Sequential):
    """Linear layers with activations between them; dimensions after the batch are flattened first.

    Args:
        in_features: values of an input, over all dimensions but the first.
        hidden: features of the hidden layers, one number for a single layer.
        num_classes: features of the output.
        activation: makes the activation after each hidden layer.
        dropout: probability that a hidden value is dropped, in training.
        batch_norm: normalize before each activation.

    Raises:
        ValueError: a size is not positive.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> models.MLP(64, [32, 16], 10)(pf.randn(5, 8, 8)).shape
        pyflame.Size([5, 10])
    """

    def __init__(
        self,
        in_features: int = 784,
        hidden: int | Sequence[int] = (256, 128),
        num_classes: int = 10,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        sizes = [in_features, *([hidden] if isinstance(hidden, int) else hidden), num_classes]
        if min(sizes) < 1:
            raise ValueError(f"[mlp] layers have {sizes} features: expected positive numbers")
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in zip(sizes[:-2], sizes[1:-1]):
            layers.append(nn.Linear(inputs, outputs))
            layers += [nn.BatchNorm1d(outputs)] if batch_norm else []
            layers.append(activation())
            layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers, nn.Linear(sizes[-2], num_classes))
        self.in_features = in_features

    def forward(self, x: Tensor) -> Tensor:
        values = x[0].numel() if x.ndim > 1 and len(x) else self.in_features
        if x.ndim < 2 or values != self.in_features:
            raise ValueError(
                f"[mlp] the input has shape {tuple(x.shape)}: expected a batch of {self.in_features} values each"
            )
        result: Tensor = super().forward(x)
        return result
