"""Losses of language models."""

from __future__ import annotations

from pyflame import Tensor
from pyflame.nn import functional as F


def next_token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """How badly each position foretells the token after it, on average over those that are not -100.

    Args:
        logits: (batch, positions, tokens)
        labels: (batch, positions), the text itself.
    """
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].reshape(-1))


def classification_loss(op: str, logits: Tensor, labels: Tensor, classes: int, problem_type: str | None) -> Tensor:
    """The loss of a classifier or a regression, whose kind follows from the labels if it is not given.

    Args:
        logits: (batch, classes)
        labels: class ids (batch,), numbers for a regression, or (batch, classes) probabilities of each class.

    Raises:
        ValueError: there is no such kind.
    """
    kind = problem_type
    if kind is None and classes == 1:
        kind = "regression"
    elif kind is None:
        kind = "multi_label_classification" if labels.dtype.is_floating_point else "single_label_classification"
    if kind == "regression":
        return F.mse_loss(logits.reshape(labels.shape) if classes == 1 else logits, labels)
    if kind == "multi_label_classification":
        return F.binary_cross_entropy_with_logits(logits, labels)
    if kind == "single_label_classification":
        return F.cross_entropy(logits, labels.reshape(-1))
    raise ValueError(
        f"[{op}] problem_type is {kind!r}: expected 'regression', 'single_label_classification' or "
        f"'multi_label_classification'"
    )
