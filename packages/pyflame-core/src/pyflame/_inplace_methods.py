"""The methods that change a tensor."""

from __future__ import annotations

from . import _core, _draws, _inplace
from ._inplace import augmented, becoming, changing
from ._methods import TensorMethods
from .ops import (
    activation,
    compare,
    elementwise,
    exponential,
    index as indexed,
    linalg,
    logic,
    rounding,
    scan,
    scattering,
    shape as shapes,
    strided,
    tensor_products,
    trigonometry,
)


@_core.methods_of_tensor
class InPlaceMethods(TensorMethods):
    __slots__ = ()

    abs_ = changing(elementwise.abs)
    absolute_ = changing(elementwise.abs)
    acos_ = changing(trigonometry.acos)
    acosh_ = changing(trigonometry.acosh)
    add_ = changing(elementwise.add)
    addbmm_ = changing(tensor_products.addbmm)
    addcdiv_ = changing(elementwise.addcdiv)
    addcmul_ = changing(elementwise.addcmul)
    addmm_ = changing(linalg.addmm)
    addmv_ = changing(linalg.addmv)
    apply_ = _inplace.apply_
    addr_ = changing(tensor_products.addr)
    arccos_ = changing(trigonometry.acos)
    arccosh_ = changing(trigonometry.acosh)
    arcsin_ = changing(trigonometry.asin)
    arcsinh_ = changing(trigonometry.asinh)
    arctan2_ = changing(trigonometry.atan2)
    arctan_ = changing(trigonometry.atan)
    arctanh_ = changing(trigonometry.atanh)
    as_strided_ = becoming(strided.as_strided)
    asin_ = changing(trigonometry.asin)
    asinh_ = changing(trigonometry.asinh)
    atan2_ = changing(trigonometry.atan2)
    atan_ = changing(trigonometry.atan)
    atanh_ = changing(trigonometry.atanh)
    baddbmm_ = changing(linalg.baddbmm)
    bernoulli_ = _draws.bernoulli_
    bitwise_and_ = changing(logic.bitwise_and)
    bitwise_left_shift_ = changing(logic.bitwise_left_shift)
    bitwise_not_ = changing(logic.bitwise_not)
    bitwise_or_ = changing(logic.bitwise_or)
    bitwise_right_shift_ = changing(logic.bitwise_right_shift)
    bitwise_xor_ = changing(logic.bitwise_xor)
    cauchy_ = _draws.cauchy_
    ceil_ = changing(rounding.ceil)
    clamp_ = changing(rounding.clamp)
    clamp_max_ = changing(rounding.clamp_max)
    clamp_min_ = changing(rounding.clamp_min)
    clip_ = changing(rounding.clamp)
    copy_ = _inplace.copy_
    copysign_ = changing(rounding.copysign)
    cos_ = changing(trigonometry.cos)
    cosh_ = changing(trigonometry.cosh)
    cumprod_ = changing(scan.cumprod)
    cumsum_ = changing(scan.cumsum)
    deg2rad_ = changing(trigonometry.deg2rad)
    detach_ = _inplace.detach_
    digamma_ = changing(exponential.digamma)
    div_ = changing(elementwise.div)
    divide_ = changing(elementwise.div)
    eq_ = changing(compare.eq)
    erf_ = changing(exponential.erf)
    erfc_ = changing(exponential.erfc)
    erfinv_ = changing(exponential.erfinv)
    exp2_ = changing(exponential.exp2)
    exp_ = changing(exponential.exp)
    expm1_ = changing(exponential.expm1)
    exponential_ = _draws.exponential_
    fill_ = _inplace.fill_
    fill_diagonal_ = _inplace.fill_diagonal_
    fix_ = changing(rounding.trunc)
    float_power_ = changing(elementwise.float_power)
    floor_ = changing(rounding.floor)
    floor_divide_ = changing(elementwise.floor_divide)
    fmod_ = changing(elementwise.fmod)
    frac_ = changing(rounding.frac)
    ge_ = changing(compare.ge)
    geometric_ = _draws.geometric_
    greater_ = changing(compare.gt)
    greater_equal_ = changing(compare.ge)
    gt_ = changing(compare.gt)
    heaviside_ = changing(rounding.heaviside)
    hypot_ = changing(exponential.hypot)
    index_add_ = changing(indexed.index_add)
    index_copy_ = changing(scattering.index_copy)
    index_fill_ = changing(indexed.index_fill)
    index_put_ = changing(scattering.index_put)
    ldexp_ = changing(exponential.ldexp)
    le_ = changing(compare.le)
    lerp_ = changing(elementwise.lerp)
    less_ = changing(compare.lt)
    less_equal_ = changing(compare.le)
    lgamma_ = changing(exponential.lgamma)
    log10_ = changing(exponential.log10)
    log1p_ = changing(exponential.log1p)
    log2_ = changing(exponential.log2)
    log_ = changing(exponential.log)
    log_normal_ = _draws.log_normal_
    logical_and_ = changing(logic.logical_and)
    logical_not_ = changing(logic.logical_not)
    logical_or_ = changing(logic.logical_or)
    logical_xor_ = changing(logic.logical_xor)
    logit_ = changing(exponential.logit)
    lt_ = changing(compare.lt)
    map_ = _inplace.map_
    masked_fill_ = changing(elementwise.masked_fill)
    masked_scatter_ = changing(scattering.masked_scatter)
    mul_ = changing(elementwise.mul)
    multiply_ = changing(elementwise.mul)
    nan_to_num_ = changing(rounding.nan_to_num)
    ne_ = changing(compare.ne)
    neg_ = changing(elementwise.neg)
    negative_ = changing(elementwise.neg)
    normal_ = _draws.normal_
    not_equal_ = changing(compare.ne)
    pow_ = changing(elementwise.pow)
    put_ = changing(scattering.put)
    rad2deg_ = changing(trigonometry.rad2deg)
    random_ = _draws.random_
    reciprocal_ = changing(elementwise.reciprocal)
    relu_ = changing(activation.relu)
    remainder_ = changing(elementwise.remainder)
    round_ = changing(rounding.round)
    rsqrt_ = changing(exponential.rsqrt)
    scatter_ = changing(scattering.scatter)
    scatter_add_ = changing(indexed.scatter_add)
    scatter_reduce_ = changing(scattering.scatter_reduce)
    set_ = _inplace.set_
    sgn_ = changing(rounding.sign)
    sigmoid_ = changing(activation.sigmoid)
    sign_ = changing(rounding.sign)
    sin_ = changing(trigonometry.sin)
    sinc_ = changing(trigonometry.sinc)
    sinh_ = changing(trigonometry.sinh)
    sqrt_ = changing(exponential.sqrt)
    square_ = changing(elementwise.square)
    squeeze_ = becoming(shapes.squeeze)
    sub_ = changing(elementwise.sub)
    subtract_ = changing(elementwise.sub)
    swapaxes_ = becoming(shapes.swapaxes)
    swapdims_ = becoming(shapes.swapdims)
    t_ = becoming(shapes.t)
    tan_ = changing(trigonometry.tan)
    tanh_ = changing(trigonometry.tanh)
    transpose_ = becoming(shapes.transpose)
    tril_ = changing(linalg.tril)
    triu_ = changing(linalg.triu)
    true_divide_ = changing(elementwise.true_divide)
    trunc_ = changing(rounding.trunc)
    uniform_ = _draws.uniform_
    unsqueeze_ = becoming(shapes.unsqueeze)
    xlogy_ = changing(exponential.xlogy)
    zero_ = _inplace.zero_

    __iadd__ = augmented("__iadd__", _core.TensorBase.__add__)
    __isub__ = augmented("__isub__", _core.TensorBase.__sub__)
    __imul__ = augmented("__imul__", _core.TensorBase.__mul__)
    __itruediv__ = augmented("__itruediv__", _core.TensorBase.__truediv__)
    __ifloordiv__ = augmented("__ifloordiv__", _core.TensorBase.__floordiv__)
    __imod__ = augmented("__imod__", _core.TensorBase.__mod__)
    __ipow__ = augmented("__ipow__", _core.TensorBase.__pow__)
    __iand__ = augmented("__iand__", _core.TensorBase.__and__)
    __ior__ = augmented("__ior__", _core.TensorBase.__or__)
    __ixor__ = augmented("__ixor__", _core.TensorBase.__xor__)
    __ilshift__ = augmented("__ilshift__", _core.TensorBase.__lshift__)
    __irshift__ = augmented("__irshift__", _core.TensorBase.__rshift__)
