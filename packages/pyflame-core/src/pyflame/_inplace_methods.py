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
    shape as shapes,
    trigonometry,
)


@_core.methods_of_tensor
class InPlaceMethods(TensorMethods):
    __slots__ = ()
    absolute_ = changing(elementwise.abs)
    acosh_ = changing(trigonometry.acosh)
    arccos_ = changing(trigonometry.acos)
    arccosh_ = changing(trigonometry.acosh)
    arcsin_ = changing(trigonometry.asin)
    arcsinh_ = changing(trigonometry.asinh)
    arctan2_ = changing(trigonometry.atan2)
    arctan_ = changing(trigonometry.atan)
    arctanh_ = changing(trigonometry.atanh)
    asinh_ = changing(trigonometry.asinh)
    atan2_ = changing(trigonometry.atan2)
    atanh_ = changing(trigonometry.atanh)
    bitwise_left_shift_ = changing(logic.bitwise_left_shift)
    bitwise_right_shift_ = changing(logic.bitwise_right_shift)
    clamp_max_ = changing(rounding.clamp_max)
    clamp_min_ = changing(rounding.clamp_min)
    copysign_ = changing(rounding.copysign)
    deg2rad_ = changing(trigonometry.deg2rad)
    digamma_ = changing(exponential.digamma)
    erfc_ = changing(exponential.erfc)
    erfinv_ = changing(exponential.erfinv)
    fix_ = changing(rounding.trunc)
    float_power_ = changing(elementwise.float_power)
    greater_ = changing(compare.gt)
    greater_equal_ = changing(compare.ge)
    heaviside_ = changing(rounding.heaviside)
    hypot_ = changing(exponential.hypot)
    ldexp_ = changing(exponential.ldexp)
    less_ = changing(compare.lt)
    less_equal_ = changing(compare.le)
    lgamma_ = changing(exponential.lgamma)
    logical_xor_ = changing(logic.logical_xor)
    logit_ = changing(exponential.logit)
    negative_ = changing(elementwise.neg)
    not_equal_ = changing(compare.ne)
    rad2deg_ = changing(trigonometry.rad2deg)
    sgn_ = changing(rounding.sign)
    sinc_ = changing(trigonometry.sinc)
    true_divide_ = changing(elementwise.true_divide)
    xlogy_ = changing(exponential.xlogy)

    abs_ = changing(elementwise.abs)
    acos_ = changing(trigonometry.acos)
    add_ = changing(elementwise.add)
    addcdiv_ = changing(elementwise.addcdiv)
    addcmul_ = changing(elementwise.addcmul)
    addmm_ = changing(linalg.addmm)
    apply_ = _inplace.apply_
    asin_ = changing(trigonometry.asin)
    atan_ = changing(trigonometry.atan)
    bernoulli_ = _draws.bernoulli_
    bitwise_and_ = changing(logic.bitwise_and)
    bitwise_not_ = changing(logic.bitwise_not)
    bitwise_or_ = changing(logic.bitwise_or)
    bitwise_xor_ = changing(logic.bitwise_xor)
    cauchy_ = _draws.cauchy_
    ceil_ = changing(rounding.ceil)
    clamp_ = changing(rounding.clamp)
    clip_ = changing(rounding.clamp)
    copy_ = _inplace.copy_
    cos_ = changing(trigonometry.cos)
    cosh_ = changing(trigonometry.cosh)
    detach_ = _inplace.detach_
    div_ = changing(elementwise.div)
    divide_ = changing(elementwise.div)
    eq_ = changing(compare.eq)
    erf_ = changing(exponential.erf)
    exp2_ = changing(exponential.exp2)
    exp_ = changing(exponential.exp)
    expm1_ = changing(exponential.expm1)
    exponential_ = _draws.exponential_
    fill_ = _inplace.fill_
    fill_diagonal_ = _inplace.fill_diagonal_
    floor_ = changing(rounding.floor)
    floor_divide_ = changing(elementwise.floor_divide)
    fmod_ = changing(elementwise.fmod)
    frac_ = changing(rounding.frac)
    ge_ = changing(compare.ge)
    geometric_ = _draws.geometric_
    gt_ = changing(compare.gt)
    index_add_ = changing(indexed.index_add)
    index_fill_ = changing(indexed.index_fill)
    le_ = changing(compare.le)
    lerp_ = changing(elementwise.lerp)
    log10_ = changing(exponential.log10)
    log1p_ = changing(exponential.log1p)
    log2_ = changing(exponential.log2)
    log_ = changing(exponential.log)
    log_normal_ = _draws.log_normal_
    logical_and_ = changing(logic.logical_and)
    logical_not_ = changing(logic.logical_not)
    logical_or_ = changing(logic.logical_or)
    lt_ = changing(compare.lt)
    map_ = _inplace.map_
    masked_fill_ = changing(elementwise.masked_fill)
    mul_ = changing(elementwise.mul)
    multiply_ = changing(elementwise.mul)
    nan_to_num_ = changing(rounding.nan_to_num)
    ne_ = changing(compare.ne)
    neg_ = changing(elementwise.neg)
    normal_ = _draws.normal_
    pow_ = changing(elementwise.pow)
    random_ = _draws.random_
    reciprocal_ = changing(elementwise.reciprocal)
    relu_ = changing(activation.relu)
    remainder_ = changing(elementwise.remainder)
    round_ = changing(rounding.round)
    rsqrt_ = changing(exponential.rsqrt)
    scatter_add_ = changing(indexed.scatter_add)
    set_ = _inplace.set_
    sigmoid_ = changing(activation.sigmoid)
    sign_ = changing(rounding.sign)
    sin_ = changing(trigonometry.sin)
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
    trunc_ = changing(rounding.trunc)
    uniform_ = _draws.uniform_
    unsqueeze_ = becoming(shapes.unsqueeze)
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
