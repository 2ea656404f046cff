"""The functions that are methods too: the first parameter is the tensor."""

from __future__ import annotations

from . import _conversion, _core, _questions
from .ops import (
    activation,
    compare,
    cuts,
    distance,
    distinct,
    elementwise,
    exponential,
    index as indexed,
    join,
    likes,
    linalg,
    logic,
    moments,
    ordering,
    quantiles,
    random,
    reduce,
    rounding,
    sampling,
    scan,
    scattering,
    search,
    shape as shapes,
    strided,
    tensor_products,
    trigonometry,
    views,
)


@_core.methods_of_tensor
class TensorMethods(_core.TensorBase):
    __slots__ = ()

    abs = elementwise.abs
    absolute = elementwise.abs
    acos = trigonometry.acos
    acosh = trigonometry.acosh
    add = elementwise.add
    addbmm = tensor_products.addbmm
    addcdiv = elementwise.addcdiv
    addcmul = elementwise.addcmul
    addmm = linalg.addmm
    addmv = linalg.addmv
    addr = tensor_products.addr
    all = reduce.all
    allclose = compare.allclose
    amax = reduce.amax
    amin = reduce.amin
    aminmax = reduce.aminmax
    any = reduce.any
    arccos = trigonometry.acos
    arccosh = trigonometry.acosh
    arcsin = trigonometry.asin
    arcsinh = trigonometry.asinh
    arctan = trigonometry.atan
    arctan2 = trigonometry.atan2
    arctanh = trigonometry.atanh
    argmax = reduce.argmax
    argmin = reduce.argmin
    argsort = ordering.argsort
    argwhere = indexed.argwhere
    as_strided = strided.as_strided
    as_strided_scatter = strided.as_strided_scatter
    asin = trigonometry.asin
    asinh = trigonometry.asinh
    atan = trigonometry.atan
    atan2 = trigonometry.atan2
    atanh = trigonometry.atanh
    atleast_1d = shapes.atleast_1d
    baddbmm = linalg.baddbmm
    bernoulli = random.bernoulli
    multinomial = sampling.multinomial
    bincount = search.bincount
    bitwise_and = logic.bitwise_and
    bitwise_left_shift = logic.bitwise_left_shift
    bitwise_not = logic.bitwise_not
    bitwise_or = logic.bitwise_or
    bitwise_right_shift = logic.bitwise_right_shift
    bitwise_xor = logic.bitwise_xor
    bmm = linalg.bmm
    broadcast_to = shapes.broadcast_to
    cast = _conversion.cast
    ceil = rounding.ceil
    chunk = join.chunk
    clamp = rounding.clamp
    clamp_max = rounding.clamp_max
    clamp_min = rounding.clamp_min
    clip = rounding.clamp
    copysign = rounding.copysign
    cos = trigonometry.cos
    cosh = trigonometry.cosh
    count_nonzero = reduce.count_nonzero
    cross = tensor_products.cross
    cuda = _conversion.refuse_device
    cummax = scan.cummax
    cummin = scan.cummin
    cumprod = scan.cumprod
    cumsum = scan.cumsum
    deg2rad = trigonometry.deg2rad
    diag = views.diag
    diag_embed = views.diag_embed
    diagflat = views.diagflat
    diff = scan.diff
    diagonal = strided.diagonal
    digamma = exponential.digamma
    dist = distance.dist
    div = elementwise.div
    divide = elementwise.div
    dot = linalg.dot
    dsplit = cuts.dsplit
    eq = compare.eq
    equal = compare.equal
    erf = exponential.erf
    erfc = exponential.erfc
    erfinv = exponential.erfinv
    exp = exponential.exp
    exp2 = exponential.exp2
    expand = shapes.expand
    expand_as = shapes.expand_as
    expm1 = exponential.expm1
    fix = rounding.trunc
    flatten = shapes.flatten
    flip = join.flip
    fliplr = join.fliplr
    flipud = join.flipud
    float_power = elementwise.float_power
    floor = rounding.floor
    floor_divide = elementwise.floor_divide
    fmax = rounding.fmax
    fmin = rounding.fmin
    fmod = elementwise.fmod
    frac = rounding.frac
    gather = indexed.gather
    ge = compare.ge
    ger = linalg.outer
    greater = compare.gt
    greater_equal = compare.ge
    gt = compare.gt
    heaviside = rounding.heaviside
    histc = search.histc
    hsplit = cuts.hsplit
    hypot = exponential.hypot
    index_add = indexed.index_add
    index_copy = scattering.index_copy
    index_fill = indexed.index_fill
    index_put = scattering.index_put
    index_select = indexed.index_select
    inner = linalg.inner
    is_nonzero = _questions.is_nonzero
    is_same_size = _questions.is_same_size
    isclose = compare.isclose
    isfinite = compare.isfinite
    isinf = compare.isinf
    isnan = compare.isnan
    isneginf = compare.isneginf
    isposinf = compare.isposinf
    isreal = compare.isreal
    item = _conversion.item
    kron = tensor_products.kron
    kthvalue = ordering.kthvalue
    ldexp = exponential.ldexp
    le = compare.le
    lerp = elementwise.lerp
    less = compare.lt
    less_equal = compare.le
    lgamma = exponential.lgamma
    log = exponential.log
    log10 = exponential.log10
    log1p = exponential.log1p
    log2 = exponential.log2
    log_softmax = activation.log_softmax
    logaddexp = exponential.logaddexp
    logaddexp2 = exponential.logaddexp2
    logcumsumexp = scan.logcumsumexp
    logical_and = logic.logical_and
    logical_not = logic.logical_not
    logical_or = logic.logical_or
    logical_xor = logic.logical_xor
    logit = exponential.logit
    logsumexp = reduce.logsumexp
    lt = compare.lt
    masked_fill = elementwise.masked_fill
    masked_scatter = scattering.masked_scatter
    masked_select = indexed.masked_select
    matmul = linalg.matmul
    max = reduce.max
    maximum = rounding.maximum
    mean = reduce.mean
    median = ordering.median
    min = reduce.min
    minimum = rounding.minimum
    mm = linalg.mm
    mode = ordering.mode
    moveaxis = shapes.movedim
    movedim = shapes.movedim
    mps = _conversion.refuse_device
    msort = ordering.msort
    mul = elementwise.mul
    multiply = elementwise.mul
    mv = linalg.mv
    nan_to_num = rounding.nan_to_num
    nanmean = reduce.nanmean
    nanmedian = ordering.nanmedian
    nanquantile = quantiles.nanquantile
    nansum = reduce.nansum
    narrow = join.narrow
    ne = compare.ne
    neg = elementwise.neg
    negative = elementwise.neg
    new_empty = likes.new_empty
    new_full = likes.new_full
    new_ones = likes.new_ones
    new_tensor = likes.new_tensor
    new_zeros = likes.new_zeros
    nonzero = indexed.nonzero
    norm = distance.norm
    not_equal = compare.ne
    numpy = _conversion.numpy
    outer = linalg.outer
    permute = shapes.permute
    positive = elementwise.positive
    pow = elementwise.pow
    prod = reduce.prod
    put = scattering.put
    quantile = quantiles.quantile
    rad2deg = trigonometry.rad2deg
    ravel = shapes.ravel
    reciprocal = elementwise.reciprocal
    relu = activation.relu
    remainder = elementwise.remainder
    repeat = join.repeat
    repeat_interleave = join.repeat_interleave
    reshape = shapes.reshape_method
    reshape_as = shapes.reshape_as
    roll = join.roll
    rot90 = join.rot90
    round = rounding.round
    rsqrt = exponential.rsqrt
    scatter = scattering.scatter
    scatter_add = indexed.scatter_add
    scatter_reduce = scattering.scatter_reduce
    select = join.select
    sgn = rounding.sign
    sigmoid = activation.sigmoid
    sign = rounding.sign
    signbit = rounding.signbit
    sin = trigonometry.sin
    sinc = trigonometry.sinc
    sinh = trigonometry.sinh
    softmax = activation.softmax
    sort = ordering.sort
    split = join.split
    sqrt = exponential.sqrt
    square = elementwise.square
    squeeze = shapes.squeeze
    std = moments.std
    std_mean = moments.std_mean
    sub = elementwise.sub
    subtract = elementwise.sub
    sum = reduce.sum
    swapaxes = shapes.transpose
    swapdims = shapes.transpose
    t = shapes.t
    take = indexed.take
    take_along_dim = indexed.take_along_dim
    tan = trigonometry.tan
    tanh = trigonometry.tanh
    tensor_split = cuts.tensor_split
    tile = join.tile
    to = _conversion.to
    tolist = _conversion.tolist
    topk = ordering.topk
    trace = tensor_products.trace
    transpose = shapes.transpose
    tril = linalg.tril
    triu = linalg.triu
    true_divide = elementwise.true_divide
    trunc = rounding.trunc
    type = _conversion.type_of
    type_as = _conversion.type_as
    unbind = join.unbind
    unflatten = shapes.unflatten
    unique = distinct.unique
    unique_consecutive = distinct.unique_consecutive
    unfold = strided.unfold
    unsqueeze = shapes.unsqueeze
    var = moments.var
    var_mean = moments.var_mean
    vdot = linalg.dot
    view = shapes.view
    view_as = shapes.reshape_as
    vsplit = cuts.vsplit
    xlogy = exponential.xlogy
    xpu = _conversion.refuse_device

    # Last, because from here on these names are no longer Python's types.
    bfloat16 = _conversion.to_bfloat16
    byte = _conversion.to_byte
    char = _conversion.to_char
    double = _conversion.to_double
    half = _conversion.to_half
    long = _conversion.to_long
    short = _conversion.to_short
    bool = _conversion.to_bool
    float = _conversion.to_float
    int = _conversion.to_int
