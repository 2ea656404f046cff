"""Functions on tensors, one file per family."""

import importlib as _importlib
import typing as _typing

from .activation import (
    celu as celu,
    elu as elu,
    gelu as gelu,
    hardtanh as hardtanh,
    leaky_relu as leaky_relu,
    log_softmax as log_softmax,
    logsigmoid as logsigmoid,
    mish as mish,
    relu as relu,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    softmax as softmax,
    softplus as softplus,
    softsign as softsign,
)
from .compare import (
    allclose as allclose,
    eq as eq,
    equal as equal,
    ge as ge,
    greater as greater,
    greater_equal as greater_equal,
    gt as gt,
    isclose as isclose,
    isfinite as isfinite,
    isinf as isinf,
    isnan as isnan,
    isneginf as isneginf,
    isposinf as isposinf,
    isreal as isreal,
    le as le,
    less as less,
    less_equal as less_equal,
    lt as lt,
    ne as ne,
    not_equal as not_equal,
)
from .conv import (
    conv2d as conv2d,
    conv_transpose2d as conv_transpose2d,
)
from .creation import (
    as_tensor as as_tensor,
    asarray as asarray,
    empty as empty,
    from_dlpack as from_dlpack,
    from_numpy as from_numpy,
    frombuffer as frombuffer,
    full as full,
    ones as ones,
    tensor as tensor,
    zeros as zeros,
)
from .cuts import (
    dsplit as dsplit,
    hsplit as hsplit,
    tensor_split as tensor_split,
    vsplit as vsplit,
)
from .distance import (
    cdist as cdist,
    dist as dist,
    norm as norm,
)
from .distinct import (
    unique as unique,
    unique_consecutive as unique_consecutive,
)
from .einsum import (
    einsum as einsum,
)
from .elementwise import (
    abs as abs,
    absolute as absolute,
    add as add,
    addcdiv as addcdiv,
    addcmul as addcmul,
    div as div,
    divide as divide,
    float_power as float_power,
    floor_divide as floor_divide,
    fma as fma,
    fmod as fmod,
    lerp as lerp,
    masked_fill as masked_fill,
    mul as mul,
    multiply as multiply,
    neg as neg,
    negative as negative,
    positive as positive,
    pow as pow,
    reciprocal as reciprocal,
    remainder as remainder,
    rsub as rsub,
    square as square,
    sub as sub,
    subtract as subtract,
    true_divide as true_divide,
    where as where,
)
from .exponential import (
    digamma as digamma,
    erf as erf,
    erfc as erfc,
    erfinv as erfinv,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    hypot as hypot,
    ldexp as ldexp,
    lgamma as lgamma,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    logaddexp as logaddexp,
    logaddexp2 as logaddexp2,
    logit as logit,
    rsqrt as rsqrt,
    sqrt as sqrt,
    xlogy as xlogy,
)
from .index import (
    argwhere as argwhere,
    gather as gather,
    index_add as index_add,
    index_fill as index_fill,
    index_select as index_select,
    masked_select as masked_select,
    nonzero as nonzero,
    one_hot as one_hot,
    scatter_add as scatter_add,
    take as take,
    take_along_dim as take_along_dim,
)
from .join import (
    cat as cat,
    chunk as chunk,
    concat as concat,
    concatenate as concatenate,
    flip as flip,
    fliplr as fliplr,
    flipud as flipud,
    hstack as hstack,
    narrow as narrow,
    pad as pad,
    repeat as repeat,
    repeat_interleave as repeat_interleave,
    roll as roll,
    rot90 as rot90,
    select as select,
    split as split,
    stack as stack,
    tile as tile,
    unbind as unbind,
    vstack as vstack,
)
from .likes import (
    empty_like as empty_like,
    full_like as full_like,
    ones_like as ones_like,
    zeros_like as zeros_like,
)
from .linalg import (
    addmm as addmm,
    addmv as addmv,
    baddbmm as baddbmm,
    bmm as bmm,
    dot as dot,
    ger as ger,
    inner as inner,
    linear as linear,
    matmul as matmul,
    mm as mm,
    mv as mv,
    outer as outer,
    tril as tril,
    triu as triu,
    vdot as vdot,
)
from .logic import (
    bitwise_and as bitwise_and,
    bitwise_left_shift as bitwise_left_shift,
    bitwise_not as bitwise_not,
    bitwise_or as bitwise_or,
    bitwise_right_shift as bitwise_right_shift,
    bitwise_xor as bitwise_xor,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
)
from .loss import (
    class_cross_entropy as class_cross_entropy,
    nll_loss as nll_loss,
)
from .moments import (
    std as std,
    std_mean as std_mean,
    var as var,
    var_mean as var_mean,
)
from .ordering import (
    argsort as argsort,
    kthvalue as kthvalue,
    median as median,
    mode as mode,
    msort as msort,
    nanmedian as nanmedian,
    sort as sort,
    topk as topk,
)
from .pool import (
    avg_pool2d as avg_pool2d,
    max_pool2d as max_pool2d,
)
from .quantiles import (
    nanquantile as nanquantile,
    quantile as quantile,
)
from .random import (
    Generator as Generator,
    bernoulli as bernoulli,
    default_generator as default_generator,
    fork_rng as fork_rng,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    normal as normal,
    rand as rand,
    rand_like as rand_like,
    randint as randint,
    randint_like as randint_like,
    randn as randn,
    randn_like as randn_like,
    randperm as randperm,
    seed as seed,
    set_rng_state as set_rng_state,
)
from .reduce import (
    all as all,
    amax as amax,
    amin as amin,
    aminmax as aminmax,
    any as any,
    argmax as argmax,
    argmin as argmin,
    count_nonzero as count_nonzero,
    logsumexp as logsumexp,
    max as max,
    mean as mean,
    min as min,
    nanmean as nanmean,
    nansum as nansum,
    prod as prod,
    sum as sum,
)
from .rounding import (
    ceil as ceil,
    clamp as clamp,
    clamp_max as clamp_max,
    clamp_min as clamp_min,
    clip as clip,
    copysign as copysign,
    fix as fix,
    floor as floor,
    fmax as fmax,
    fmin as fmin,
    frac as frac,
    heaviside as heaviside,
    maximum as maximum,
    minimum as minimum,
    nan_to_num as nan_to_num,
    round as round,
    sgn as sgn,
    sign as sign,
    signbit as signbit,
    trunc as trunc,
)
from .sampling import multinomial as multinomial, poisson as poisson
from .scan import (
    cummax as cummax,
    cummin as cummin,
    cumprod as cumprod,
    cumsum as cumsum,
    diff as diff,
    logcumsumexp as logcumsumexp,
    trapezoid as trapezoid,
)
from .scattering import (
    index_copy as index_copy,
    index_put as index_put,
    masked_scatter as masked_scatter,
    put as put,
    scatter as scatter,
    scatter_reduce as scatter_reduce,
)
from .search import (
    bincount as bincount,
    bucketize as bucketize,
    histc as histc,
    isin as isin,
    searchsorted as searchsorted,
)
from .sequence import (
    arange as arange,
    cartesian_prod as cartesian_prod,
    eye as eye,
    linspace as linspace,
    logspace as logspace,
    meshgrid as meshgrid,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
)
from .shape import (
    atleast_1d as atleast_1d,
    atleast_2d as atleast_2d,
    atleast_3d as atleast_3d,
    broadcast_shapes as broadcast_shapes,
    broadcast_tensors as broadcast_tensors,
    broadcast_to as broadcast_to,
    expand as expand,
    expand_as as expand_as,
    flatten as flatten,
    moveaxis as moveaxis,
    movedim as movedim,
    permute as permute,
    ravel as ravel,
    reshape as reshape,
    reshape_as as reshape_as,
    squeeze as squeeze,
    swapaxes as swapaxes,
    swapdims as swapdims,
    t as t,
    transpose as transpose,
    unflatten as unflatten,
    unsqueeze as unsqueeze,
    view as view,
)
from .stacking import (
    block_diag as block_diag,
    column_stack as column_stack,
    combinations as combinations,
    dstack as dstack,
    row_stack as row_stack,
)
from .strided import (
    as_strided as as_strided,
    as_strided_scatter as as_strided_scatter,
    diagonal as diagonal,
    unfold as unfold,
)
from .tensor_products import (
    addbmm as addbmm,
    addr as addr,
    chain_matmul as chain_matmul,
    cross as cross,
    kron as kron,
    tensordot as tensordot,
    trace as trace,
    vander as vander,
)
from .trigonometry import (
    acos as acos,
    acosh as acosh,
    arccos as arccos,
    arccosh as arccosh,
    arcsin as arcsin,
    arcsinh as arcsinh,
    arctan as arctan,
    arctan2 as arctan2,
    arctanh as arctanh,
    asin as asin,
    asinh as asinh,
    atan as atan,
    atan2 as atan2,
    atanh as atanh,
    cos as cos,
    cosh as cosh,
    deg2rad as deg2rad,
    rad2deg as rad2deg,
    sin as sin,
    sinc as sinc,
    sinh as sinh,
    tan as tan,
    tanh as tanh,
)
from .update import (
    adam_step as adam_step,
    adam_step_amsgrad as adam_step_amsgrad,
    adam_update as adam_update,
    assign as assign,
    forget_grads as forget_grads,
    sgd_step as sgd_step,
    sgd_step_plain as sgd_step_plain,
    sgd_update as sgd_update,
    start_step as start_step,
    take_back as take_back,
    update_params as update_params,
)
from .views import (
    diag as diag,
    diag_embed as diag_embed,
    diagflat as diagflat,
)

# Kernels of layers, by module of the folder `layers`: imported at first use, for a quick `import pyflame`.
_LATE = {
    "adaptive": "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
    "adaptive_max_pool3d",
    "attention": "multi_head_attention_forward scaled_dot_product_attention",
    "batch": "batch_norm",
    "convolution": "conv1d conv3d conv_transpose1d conv_transpose3d",
    "ctc": "ctc_loss",
    "embedding": "embedding embedding_bag",
    "grid": "affine_grid grid_sample",
    "integer": "conv_integer matmul_integer",
    "normalization": "group_norm instance_norm layer_norm local_response_norm normalize rms_norm",
    "packed": "packed_recurrence",
    "pooling": "avg_pool1d avg_pool3d lp_pool1d lp_pool2d lp_pool3d max_pool1d max_pool3d",
    "recurrent": "gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell",
    "resampling": "interpolate",
    "shuffle": "channel_shuffle pixel_shuffle pixel_unshuffle",
    "unpooling": "fractional_max_pool2d fractional_max_pool3d max_unpool1d max_unpool2d max_unpool3d",
    "windows": "col2im im2col",
}
_HOME = {name: module for module, names in _LATE.items() for name in names.split()}

if _typing.TYPE_CHECKING:
    from .layers.adaptive import (
        adaptive_avg_pool1d as adaptive_avg_pool1d,
        adaptive_avg_pool2d as adaptive_avg_pool2d,
        adaptive_avg_pool3d as adaptive_avg_pool3d,
        adaptive_max_pool1d as adaptive_max_pool1d,
        adaptive_max_pool2d as adaptive_max_pool2d,
        adaptive_max_pool3d as adaptive_max_pool3d,
    )
    from .layers.attention import (
        multi_head_attention_forward as multi_head_attention_forward,
        scaled_dot_product_attention as scaled_dot_product_attention,
    )
    from .layers.batch import batch_norm as batch_norm
    from .layers.convolution import (
        conv1d as conv1d,
        conv3d as conv3d,
        conv_transpose1d as conv_transpose1d,
        conv_transpose3d as conv_transpose3d,
    )
    from .layers.ctc import ctc_loss as ctc_loss
    from .layers.embedding import embedding as embedding, embedding_bag as embedding_bag
    from .layers.grid import affine_grid as affine_grid, grid_sample as grid_sample
    from .layers.integer import conv_integer as conv_integer, matmul_integer as matmul_integer
    from .layers.normalization import (
        group_norm as group_norm,
        instance_norm as instance_norm,
        layer_norm as layer_norm,
        local_response_norm as local_response_norm,
        normalize as normalize,
        rms_norm as rms_norm,
    )
    from .layers.packed import packed_recurrence as packed_recurrence
    from .layers.pooling import (
        avg_pool1d as avg_pool1d,
        avg_pool3d as avg_pool3d,
        lp_pool1d as lp_pool1d,
        lp_pool2d as lp_pool2d,
        lp_pool3d as lp_pool3d,
        max_pool1d as max_pool1d,
        max_pool3d as max_pool3d,
    )
    from .layers.recurrent import (
        gru as gru,
        gru_cell as gru_cell,
        lstm as lstm,
        lstm_cell as lstm_cell,
        rnn_relu as rnn_relu,
        rnn_relu_cell as rnn_relu_cell,
        rnn_tanh as rnn_tanh,
        rnn_tanh_cell as rnn_tanh_cell,
    )
    from .layers.resampling import interpolate as interpolate
    from .layers.shuffle import (
        channel_shuffle as channel_shuffle,
        pixel_shuffle as pixel_shuffle,
        pixel_unshuffle as pixel_unshuffle,
    )
    from .layers.unpooling import (
        fractional_max_pool2d as fractional_max_pool2d,
        fractional_max_pool3d as fractional_max_pool3d,
        max_unpool1d as max_unpool1d,
        max_unpool2d as max_unpool2d,
        max_unpool3d as max_unpool3d,
    )
    from .layers.windows import col2im as col2im, im2col as im2col
else:  # unseen by type checkers, to which a module __getattr__ would make every misspelt name valid

    def __getattr__(name: str):
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(_importlib.import_module(f"{__name__}.layers.{_HOME[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
