"""PyFlame: lazy tensors for the Cerebras wafer."""

# Modules come in under private names: what is public here is exactly what dir(pyflame) shows.
import importlib as _importlib
import os as _os
import pkgutil as _pkgutil
import typing as _typing

# Finds parts installed elsewhere, editable ones too.
__path__ = _pkgutil.extend_path(__path__, __name__)

# <public names>
from . import _core as _core, autograd as autograd, ops as ops
from ._conversion import cast as cast
from ._device import device as device
from ._dtype_names import (
    bool as bool,
    double as double,
    float as float,
    half as half,
    int as int,
    long as long,
    short as short,
)
from ._environment import apply as _apply_environment, apply_extensions as _apply_extensions
from ._layouts import to_layout as to_layout
from ._printing import set_printoptions as set_printoptions
from ._questions import (
    is_floating_point as is_floating_point,
    is_nonzero as is_nonzero,
    is_same_size as is_same_size,
    is_tensor as is_tensor,
    typename as typename,
)
from ._size import Size as Size
from ._tensor import Tensor as Tensor
from .autograd import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from .config import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    clear_compile_cache as clear_compile_cache,
    compile_cache_stats as compile_cache_stats,
    eager as eager,
    empty_cache as empty_cache,
    eval as eval,
    get_memory_allocated as get_memory_allocated,
    get_num_threads as get_num_threads,
    get_peak_memory_allocated as get_peak_memory_allocated,
    is_eager as is_eager,
    is_lazy as is_lazy,
    memory_stats as memory_stats,
    reset_peak_memory_stats as reset_peak_memory_stats,
    runtime_info as runtime_info,
    runtime_timing as runtime_timing,
    set_eager as set_eager,
    set_num_threads as set_num_threads,
    show_config as show_config,
    synchronize as synchronize,
    use_deterministic_algorithms as use_deterministic_algorithms,
    version_info as version_info,
)
from .dtypes import (
    DType as DType,
    bfloat16 as bfloat16,
    bool_ as bool_,
    can_cast as can_cast,
    dtype_is_floating as dtype_is_floating,
    dtype_name as dtype_name,
    dtype_size as dtype_size,
    dtype_to_csl as dtype_to_csl,
    finfo as finfo,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    get_default_dtype as get_default_dtype,
    iinfo as iinfo,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    promote_types as promote_types,
    result_type as result_type,
    set_default_dtype as set_default_dtype,
    uint8 as uint8,
)
from .errors import GraphError as GraphError, SerializationError as SerializationError, TraceError as TraceError
from .ops import (
    Generator as Generator,
    abs as abs,
    absolute as absolute,
    acos as acos,
    acosh as acosh,
    add as add,
    addcdiv as addcdiv,
    addcmul as addcmul,
    addmm as addmm,
    addmv as addmv,
    all as all,
    allclose as allclose,
    amax as amax,
    amin as amin,
    aminmax as aminmax,
    any as any,
    arange as arange,
    arccos as arccos,
    arccosh as arccosh,
    arcsin as arcsin,
    arcsinh as arcsinh,
    arctan as arctan,
    arctan2 as arctan2,
    arctanh as arctanh,
    argmax as argmax,
    argmin as argmin,
    argsort as argsort,
    argwhere as argwhere,
    as_strided as as_strided,
    as_strided_scatter as as_strided_scatter,
    as_tensor as as_tensor,
    asarray as asarray,
    asin as asin,
    asinh as asinh,
    atan as atan,
    atan2 as atan2,
    atanh as atanh,
    atleast_1d as atleast_1d,
    baddbmm as baddbmm,
    bernoulli as bernoulli,
    bincount as bincount,
    bitwise_and as bitwise_and,
    bitwise_left_shift as bitwise_left_shift,
    bitwise_not as bitwise_not,
    bitwise_or as bitwise_or,
    bitwise_right_shift as bitwise_right_shift,
    bitwise_xor as bitwise_xor,
    bmm as bmm,
    broadcast_shapes as broadcast_shapes,
    broadcast_tensors as broadcast_tensors,
    broadcast_to as broadcast_to,
    bucketize as bucketize,
    cartesian_prod as cartesian_prod,
    cat as cat,
    cdist as cdist,
    ceil as ceil,
    chunk as chunk,
    clamp as clamp,
    clamp_max as clamp_max,
    clamp_min as clamp_min,
    clip as clip,
    concat as concat,
    concatenate as concatenate,
    copysign as copysign,
    cos as cos,
    cosh as cosh,
    count_nonzero as count_nonzero,
    cummax as cummax,
    cummin as cummin,
    cumprod as cumprod,
    cumsum as cumsum,
    default_generator as default_generator,
    deg2rad as deg2rad,
    diagonal as diagonal,
    diff as diff,
    digamma as digamma,
    dist as dist,
    div as div,
    divide as divide,
    dot as dot,
    einsum as einsum,
    empty as empty,
    empty_like as empty_like,
    eq as eq,
    equal as equal,
    erf as erf,
    erfc as erfc,
    erfinv as erfinv,
    exp as exp,
    exp2 as exp2,
    expand as expand,
    expand_as as expand_as,
    expm1 as expm1,
    eye as eye,
    fix as fix,
    flatten as flatten,
    flip as flip,
    fliplr as fliplr,
    flipud as flipud,
    float_power as float_power,
    floor as floor,
    floor_divide as floor_divide,
    fma as fma,
    fmax as fmax,
    fmin as fmin,
    fmod as fmod,
    fork_rng as fork_rng,
    frac as frac,
    from_numpy as from_numpy,
    frombuffer as frombuffer,
    full as full,
    full_like as full_like,
    gather as gather,
    ge as ge,
    gelu as gelu,
    ger as ger,
    get_rng_state as get_rng_state,
    greater as greater,
    greater_equal as greater_equal,
    gt as gt,
    heaviside as heaviside,
    histc as histc,
    hstack as hstack,
    hypot as hypot,
    index_add as index_add,
    index_copy as index_copy,
    index_fill as index_fill,
    index_put as index_put,
    index_select as index_select,
    initial_seed as initial_seed,
    inner as inner,
    isclose as isclose,
    isfinite as isfinite,
    isin as isin,
    isinf as isinf,
    isnan as isnan,
    isneginf as isneginf,
    isposinf as isposinf,
    isreal as isreal,
    kthvalue as kthvalue,
    ldexp as ldexp,
    le as le,
    lerp as lerp,
    less as less,
    less_equal as less_equal,
    lgamma as lgamma,
    linspace as linspace,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    log_softmax as log_softmax,
    logaddexp as logaddexp,
    logaddexp2 as logaddexp2,
    logcumsumexp as logcumsumexp,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    logit as logit,
    logspace as logspace,
    logsumexp as logsumexp,
    lt as lt,
    manual_seed as manual_seed,
    masked_fill as masked_fill,
    masked_scatter as masked_scatter,
    masked_select as masked_select,
    matmul as matmul,
    max as max,
    maximum as maximum,
    mean as mean,
    median as median,
    meshgrid as meshgrid,
    min as min,
    minimum as minimum,
    mm as mm,
    mode as mode,
    moveaxis as moveaxis,
    movedim as movedim,
    msort as msort,
    mul as mul,
    multinomial as multinomial,
    multiply as multiply,
    mv as mv,
    nan_to_num as nan_to_num,
    nanmean as nanmean,
    nanmedian as nanmedian,
    nanquantile as nanquantile,
    nansum as nansum,
    narrow as narrow,
    ne as ne,
    neg as neg,
    negative as negative,
    nonzero as nonzero,
    norm as norm,
    normal as normal,
    not_equal as not_equal,
    one_hot as one_hot,
    ones as ones,
    ones_like as ones_like,
    outer as outer,
    pad as pad,
    permute as permute,
    poisson as poisson,
    positive as positive,
    pow as pow,
    prod as prod,
    put as put,
    quantile as quantile,
    rad2deg as rad2deg,
    rand as rand,
    rand_like as rand_like,
    randint as randint,
    randint_like as randint_like,
    randn as randn,
    randn_like as randn_like,
    randperm as randperm,
    ravel as ravel,
    reciprocal as reciprocal,
    relu as relu,
    remainder as remainder,
    repeat as repeat,
    repeat_interleave as repeat_interleave,
    reshape as reshape,
    reshape_as as reshape_as,
    roll as roll,
    round as round,
    rsqrt as rsqrt,
    rsub as rsub,
    scatter as scatter,
    scatter_add as scatter_add,
    scatter_reduce as scatter_reduce,
    searchsorted as searchsorted,
    seed as seed,
    select as select,
    set_rng_state as set_rng_state,
    sgn as sgn,
    sigmoid as sigmoid,
    sign as sign,
    signbit as signbit,
    silu as silu,
    sin as sin,
    sinc as sinc,
    sinh as sinh,
    softmax as softmax,
    sort as sort,
    split as split,
    sqrt as sqrt,
    square as square,
    squeeze as squeeze,
    stack as stack,
    std as std,
    std_mean as std_mean,
    sub as sub,
    subtract as subtract,
    sum as sum,
    swapaxes as swapaxes,
    swapdims as swapdims,
    t as t,
    take as take,
    take_along_dim as take_along_dim,
    tan as tan,
    tanh as tanh,
    tensor as tensor,
    tile as tile,
    topk as topk,
    transpose as transpose,
    trapezoid as trapezoid,
    tril as tril,
    tril_indices as tril_indices,
    triu as triu,
    triu_indices as triu_indices,
    true_divide as true_divide,
    trunc as trunc,
    unbind as unbind,
    unflatten as unflatten,
    unique as unique,
    unique_consecutive as unique_consecutive,
    unsqueeze as unsqueeze,
    var as var,
    var_mean as var_mean,
    vdot as vdot,
    view as view,
    vstack as vstack,
    where as where,
    xlogy as xlogy,
    zeros as zeros,
    zeros_like as zeros_like,
)
from .parameter import Parameter as Parameter

# </public names>

# Source lines shown to users are those of their own code.
for _directory in __path__:
    _core.add_internal_prefix(_os.path.join(_directory, ""))
_apply_environment()

# sub-package -> the distribution that ships it
_PARTS = {
    "nn": "pyflame-nn",
    "optim": "pyflame-nn",
    "data": "pyflame-nn",
    "datasets": "pyflame-nn",
    "metrics": "pyflame-nn",
    "training": "pyflame-nn",
    "models": "pyflame-nn",
    "hub": "pyflame-nn",
    "distributed": "pyflame-nn",
    "csl": "pyflame-csl",
    "tools": "pyflame-tools",
    "benchmarks": "pyflame-tools",
    "onnx": "pyflame-onnx",
    "serving": "pyflame-serve",
    "integrations": "pyflame-integrations",
    "lsp": "pyflame-lsp",
}

# Core's own names that are not needed to compute: imported at first use, for a quick `import pyflame`.
_LATE = {
    "array_api": "",
    "amp": "autocast",
    "compilation": "CompilationInfo compile compile_graph create_graph current_graph get_graph_stats graph_scope "
    "reuse_graph",
    "random": "",
    "backends": "Backend cuda device_info get_device set_device use_backend",
    "extend": "register_custom_op",
    "graph": "Graph Node NodeType TensorSpec execute_graph get_graph get_node ir print_graph trace",
    "hooks": "is_debug_mode record_function set_debug_mode set_profiling",
    "io": "Checkpoint CheckpointManager detect_format inspect_file load load_checkpoint load_into "
    "load_torch_checkpoint save save_checkpoint",
    "layout": "LayoutConstraints LayoutPlanner LayoutTransform LayoutType MeshLayout PECoord get_tile_shape "
    "memory_usage_per_pe",
    "optimize": "",
    "testing": "",
    "utils": "",
}
_HOME = {name: module for module, names in _LATE.items() for name in names.split()}
_HOME["_set_profiling_enabled"] = "hooks"
_HOME["_register_custom_op"] = "extend"

if _typing.TYPE_CHECKING:
    from . import (
        amp as amp,
        array_api as array_api,
        backends as backends,
        data as data,
        extend as extend,
        hooks as hooks,
        nn as nn,
        optim as optim,
        optimize as optimize,
        random as random,
        testing as testing,
        training as training,
        utils as utils,
    )
    from .amp import autocast as autocast
    from .backends import (
        Backend as Backend,
        cuda as cuda,
        device_info as device_info,
        get_device as get_device,
        set_device as set_device,
        use_backend as use_backend,
    )
    from .compilation import (
        CompilationInfo as CompilationInfo,
        compile as compile,
        compile_graph as compile_graph,
        create_graph as create_graph,
        current_graph as current_graph,
        get_graph_stats as get_graph_stats,
        graph_scope as graph_scope,
        reuse_graph as reuse_graph,
    )
    from .extend import (
        register_custom_op as _register_custom_op,  # noqa: F401
        register_custom_op as register_custom_op,
    )
    from .graph import (  # type: ignore[no-redef]  # mypy takes the function trace for its module
        Graph as Graph,
        Node as Node,
        NodeType as NodeType,
        TensorSpec as TensorSpec,
        execute_graph as execute_graph,
        get_graph as get_graph,
        get_node as get_node,
        ir as ir,
        print_graph as print_graph,
        trace as trace,
    )
    from .hooks import (
        is_debug_mode as is_debug_mode,
        record_function as record_function,
        set_debug_mode as set_debug_mode,
        set_profiling as _set_profiling_enabled,  # noqa: F401
        set_profiling as set_profiling,
    )
    from .io import (
        Checkpoint as Checkpoint,
        CheckpointManager as CheckpointManager,
        detect_format as detect_format,
        inspect_file as inspect_file,
        load as load,
        load_checkpoint as load_checkpoint,
        load_into as load_into,
        load_torch_checkpoint as load_torch_checkpoint,
        save as save,
        save_checkpoint as save_checkpoint,
    )
    from .layout import (
        LayoutConstraints as LayoutConstraints,
        LayoutPlanner as LayoutPlanner,
        LayoutTransform as LayoutTransform,
        LayoutType as LayoutType,
        MeshLayout as MeshLayout,
        PECoord as PECoord,
        get_tile_shape as get_tile_shape,
        memory_usage_per_pe as memory_usage_per_pe,
    )

    __version__: str
else:  # unseen by type checkers, to which a module __getattr__ would make every misspelt name valid

    def __getattr__(name: str):
        if name == "__version__":
            from importlib.metadata import version

            return version("pyflame-core")
        if name in _LATE:
            return _importlib.import_module(f"{__name__}.{name}")
        if name in _HOME:
            member = {"_set_profiling_enabled": "set_profiling"}.get(name, name.removeprefix("_"))
            value = globals()[name] = getattr(_importlib.import_module(f"{__name__}.{_HOME[name]}"), member)
            return value
        if name not in _PARTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        qualified = f"{__name__}.{name}"
        try:
            return _importlib.import_module(qualified)
        except ModuleNotFoundError as error:
            if error.name != qualified:  # the part is here, something it needs is not
                raise
            message = f"{qualified} is not installed: pip install {_PARTS[name]}"
            raise ModuleNotFoundError(message, name=qualified) from None


def __dir__() -> list[str]:
    present = {module.name for module in _pkgutil.iter_modules(__path__)} & _PARTS.keys()
    late = {*_LATE, *_HOME}
    return sorted(name for name in {*globals(), *late, *present} if not name.startswith("_"))


_apply_extensions()
