"""Layers and losses as functions of tensors."""

from __future__ import annotations

from pyflame.ops import avg_pool2d as avg_pool2d, conv2d as conv2d, max_pool2d as max_pool2d

from .activation import (
    elu as elu,
    gelu as gelu,
    leaky_relu as leaky_relu,
    log_softmax as log_softmax,
    logsigmoid as logsigmoid,
    relu as relu,
    relu_ as relu_,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softplus as softplus,
    tanh as tanh,
)
from .classification import cross_entropy as cross_entropy, nll_loss as nll_loss
from .dropout import dropout as dropout, dropout2d as dropout2d
from .linear import linear as linear
from .loss import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    huber_loss as huber_loss,
    kl_div as kl_div,
    l1_loss as l1_loss,
    mse_loss as mse_loss,
    smooth_l1_loss as smooth_l1_loss,
)
from .normalization import batch_norm as batch_norm
