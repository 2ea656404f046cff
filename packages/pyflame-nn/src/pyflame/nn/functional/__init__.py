"""Layers and losses as functions of tensors."""

from __future__ import annotations

from pyflame.ops import (
    adaptive_avg_pool1d as adaptive_avg_pool1d,
    adaptive_avg_pool2d as adaptive_avg_pool2d,
    adaptive_avg_pool3d as adaptive_avg_pool3d,
    adaptive_max_pool1d as adaptive_max_pool1d,
    adaptive_max_pool2d as adaptive_max_pool2d,
    adaptive_max_pool3d as adaptive_max_pool3d,
    affine_grid as affine_grid,
    avg_pool1d as avg_pool1d,
    avg_pool2d as avg_pool2d,
    avg_pool3d as avg_pool3d,
    batch_norm as batch_norm,
    channel_shuffle as channel_shuffle,
    conv1d as conv1d,
    conv2d as conv2d,
    conv3d as conv3d,
    conv_transpose1d as conv_transpose1d,
    conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d,
    ctc_loss as ctc_loss,
    embedding as embedding,
    embedding_bag as embedding_bag,
    fractional_max_pool2d as fractional_max_pool2d,
    fractional_max_pool3d as fractional_max_pool3d,
    grid_sample as grid_sample,
    group_norm as group_norm,
    instance_norm as instance_norm,
    interpolate as interpolate,
    layer_norm as layer_norm,
    local_response_norm as local_response_norm,
    lp_pool1d as lp_pool1d,
    lp_pool2d as lp_pool2d,
    lp_pool3d as lp_pool3d,
    max_pool1d as max_pool1d,
    max_pool2d as max_pool2d,
    max_pool3d as max_pool3d,
    max_unpool1d as max_unpool1d,
    max_unpool2d as max_unpool2d,
    max_unpool3d as max_unpool3d,
    multi_head_attention_forward as multi_head_attention_forward,
    normalize as normalize,
    pixel_shuffle as pixel_shuffle,
    pixel_unshuffle as pixel_unshuffle,
    rms_norm as rms_norm,
    scaled_dot_product_attention as scaled_dot_product_attention,
)

from .activation import (
    elu as elu,
    gelu as gelu,
    gumbel_softmax as gumbel_softmax,
    leaky_relu as leaky_relu,
    log_softmax as log_softmax,
    logsigmoid as logsigmoid,
    relu as relu,
    relu_ as relu_,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softmin as softmin,
    softplus as softplus,
    tanh as tanh,
)
from .classification import cross_entropy as cross_entropy, nll_loss as nll_loss
from .codes import one_hot as one_hot
from .distance import cosine_similarity as cosine_similarity, pairwise_distance as pairwise_distance, pdist as pdist
from .dropout import (
    alpha_dropout as alpha_dropout,
    dropout as dropout,
    dropout1d as dropout1d,
    dropout2d as dropout2d,
    dropout3d as dropout3d,
    feature_alpha_dropout as feature_alpha_dropout,
)
from .likelihood import gaussian_nll_loss as gaussian_nll_loss, poisson_nll_loss as poisson_nll_loss
from .linear import bilinear as bilinear, linear as linear
from .loss import (
    binary_cross_entropy as binary_cross_entropy,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    huber_loss as huber_loss,
    kl_div as kl_div,
    l1_loss as l1_loss,
    mse_loss as mse_loss,
    smooth_l1_loss as smooth_l1_loss,
)
from .margin import (
    cosine_embedding_loss as cosine_embedding_loss,
    hinge_embedding_loss as hinge_embedding_loss,
    margin_ranking_loss as margin_ranking_loss,
    multi_margin_loss as multi_margin_loss,
    multilabel_margin_loss as multilabel_margin_loss,
    multilabel_soft_margin_loss as multilabel_soft_margin_loss,
    soft_margin_loss as soft_margin_loss,
    triplet_margin_loss as triplet_margin_loss,
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from .rectifier import (
    celu as celu,
    celu_ as celu_,
    elu_ as elu_,
    glu as glu,
    hardshrink as hardshrink,
    hardsigmoid as hardsigmoid,
    hardswish as hardswish,
    hardtanh as hardtanh,
    hardtanh_ as hardtanh_,
    leaky_relu_ as leaky_relu_,
    mish as mish,
    prelu as prelu,
    relu6 as relu6,
    rrelu as rrelu,
    rrelu_ as rrelu_,
    selu as selu,
    selu_ as selu_,
    softshrink as softshrink,
    softsign as softsign,
    tanhshrink as tanhshrink,
    threshold as threshold,
    threshold_ as threshold_,
)
from .windows import fold as fold, pad as pad, unfold as unfold

bce_loss = binary_cross_entropy
bce_with_logits = binary_cross_entropy_with_logits
