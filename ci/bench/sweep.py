"""Time many operations and layers against PyTorch's on one thread, to find those that fall behind.

    make bench-sweep                      # all, the slowest beside PyTorch first
    make bench-sweep ARGS="--only conv2d --budget 1"

Unlike the table of docs/performance.md it has no targets: sizes are those of everyday use, and each row gets a fraction
of a second. Results are compared first. A row `... +grad` computes the result and the gradients of all its floating
inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import pyflame as pf
from pyflame import nn

from . import listing
from .contest import EAGER, OURS, Array, Contest

_rng = np.random.default_rng(0)


def _normal(*shape: int) -> npt.NDArray[np.float32]:
    return _rng.standard_normal(shape, dtype=np.float32)


def _definite(n: int) -> npt.NDArray[np.float32]:
    root = _normal(n, n)
    return root @ root.T + n * np.eye(n, dtype=np.float32)


# What the letters of the expressions stand for.
VALUES: dict[str, Array] = {
    "x": _normal(1024, 1024),
    "y": _normal(1024, 1024),
    "p": np.abs(_normal(1024, 1024)) + np.float32(0.1),  # positive
    "u": np.tanh(_normal(1024, 1024)),  # within (-1, 1)
    "d": _rng.standard_normal((512, 512)),  # float64
    "v": _normal(1024),
    "n": _rng.integers(0, 1024, (1024, 1024)),
    "j": _rng.integers(0, 1024, 2048),
    "c": _normal(8, 64, 28, 28),
    "k": _normal(64, 64, 3, 3),
    "k1": _normal(256, 64, 1, 1),
    "kd": _normal(64, 1, 3, 3),
    "kt": _normal(64, 32, 4, 4),
    "q": _normal(4, 8, 128, 64),
    "b": _normal(32, 64, 64),
    "s": _normal(16, 50, 64),
    "z": _normal(512, 1000),
    "t": _rng.integers(0, 1000, 512),
    "r": _normal(500, 64),
    "e": _normal(20000, 256),
    "w": _rng.integers(0, 20000, (32, 64)),
    "g": np.tanh(_normal(8, 28, 28, 2)),
    "m": _definite(100),
    "mask": _rng.integers(0, 2, (1024, 1024)).astype(bool),
    "mask2": _rng.integers(0, 2, (1024, 1024)).astype(bool),
    "image": _rng.integers(0, 256, (16, 3, 224, 224)).astype(np.uint8),
    "u8": _rng.integers(0, 256, (1024, 1024)).astype(np.uint8),
    "u8b": _rng.integers(1, 256, (1024, 1024)).astype(np.uint8),
    "i8": _rng.integers(-128, 128, (1024, 1024)).astype(np.int8),
    "i8b": _rng.integers(1, 128, (1024, 1024)).astype(np.int8),
    "i16": _rng.integers(-999, 999, (1024, 1024)).astype(np.int16),
    "i16b": _rng.integers(1, 999, (1024, 1024)).astype(np.int16),
    "i32": _rng.integers(-999, 999, (1024, 1024)).astype(np.int32),
    "i32b": _rng.integers(1, 999, (1024, 1024)).astype(np.int32),
    "i64": _rng.integers(-999, 999, (1024, 1024)),
    "i64b": _rng.integers(1, 999, (1024, 1024)),
}

_ONE = "abs neg square floor round sign exp exp2 expm1 sin cos tan sinh cosh tanh atan asinh sigmoid erf erfc isnan"
_POSITIVE = "sqrt rsqrt reciprocal log log2 log10 log1p lgamma digamma"
_UNIT = "asin acos atanh erfinv"
_TWO = "add sub mul div maximum atan2 fmod remainder floor_divide hypot pow"
_REDUCTIONS = "sum mean amax prod var argmax logsumexp cumsum"

_OTHERS = """
    x+v x+y.T x*2.0+1.0 x>y x.double() x.bfloat16() x.half() x.long() x.T.contiguous() x.flip(1) x.roll(3,1)
    lib.cat([x,y],1) lib.stack([x,y],-1) x.repeat(2,2) x.tril() lib.where(x>0,x,y) x.clamp(-1,1) lib.sort(x,1)[0]
    lib.topk(x,10,1)[0] lib.median(x,1)[0] x[x>1] lib.gather(x,1,n) x.index_select(0,j) x.index_select(1,j)
    lib.zeros_like(x).scatter_add(1,n,x) lib.unique(n) lib.bincount(n.reshape(-1)) lib.einsum('ij,ij->i',x,y)
    lib.outer(v,v) d@d b@b z@z.T lib.cdist(r,r) lib.linalg.inv(m) lib.linalg.svdvals(m) lib.linalg.solve(m,m)
    lib.linalg.slogdet(m)[1] lib.linalg.lstsq(r,r)[0] F.conv2d(c,k,padding=1)
    F.conv2d(c,k1) F.conv2d(c,kd,padding=1,groups=64) F.conv2d(c,k,stride=2)
    F.conv_transpose2d(c,kt,stride=2,padding=1) F.unfold(c,3) F.max_pool2d(c,2) F.max_pool2d(c,3,2,1)
    F.avg_pool2d(c,2) F.adaptive_avg_pool2d(c,1) F.adaptive_max_pool2d(c,7) F.interpolate(c,scale_factor=2.0)
    F.pad(c,(1,1,1,1)) F.pad(c,(1,1,1,1),mode='reflect') F.grid_sample(c,g,align_corners=False) F.relu(c) F.gelu(c)
    F.silu(c) F.elu(c) F.softplus(c) F.mish(c) F.hardswish(c) F.leaky_relu(c) F.softmax(z,-1) F.log_softmax(z,-1)
    F.cross_entropy(z,t) F.mse_loss(x,y) F.smooth_l1_loss(x,y) F.embedding(w,e) F.embedding_bag(w,e)
    F.scaled_dot_product_attention(q,q,q) F.normalize(r) F.cosine_similarity(x,y) s+s[0,0] e*e[:,:1]
    c.permute(0,2,3,1).contiguous() lib.exp(d) lib.log(d*d) lib.erf(d) lib.erfinv(d/9) lib.log10(d*d)
    lib.hypot(d,d) lib.fmod(d,d+3) lib.atan2(d,d+3)
"""

_INTEGERS = "u8 i8 i16 i32 i64"
_WHOLE = """
    a+b a*b a-3 a*2+1 -a a.abs() lib.sign(a) lib.maximum(a,b) a.clamp(3,100) a//b a%b a//7 a%7 a==b a<50 (a>20)&(a<50)
    ~a a&15 a>>2 a<<2 lib.where(mask,a,b) a.masked_fill(mask,0) a.float() a.long() a.bool() x*a x.to(a.dtype) a.sum()
    a.sum(0) a.sum(1) a.amax() a.amax(0) a.amax(1) a.argmax(1) a.any() a.all(1) (a==3).sum()
"""

_MASKS = """
    mask&mask2 mask|mask2 mask^mask2 ~mask ~mask&mask2 mask==mask2 mask.sum() mask.sum(0) mask.sum(1) mask.any()
    mask.any(0) mask.all(1) mask.float() mask.long() x*mask lib.where(mask,x,y) x.masked_fill(mask,0.0) (x>0)&mask
    (x>0).sum() ((x>0)&mask).sum() (i64==i64b).float().mean() j[:,None]>=j[None,:] mask.nonzero()
"""

_IMAGES = """
    image.float()/255 (image/255-0.5)/0.25 image.float().mean((0,2,3)) u8.half() i8.float()*0.02
    (u*127).round().clamp(-128,127).to(lib.int8) i8.int()*i8b.int() i8.int().sum(1) i32@i32b i64@i64b
"""

EXPRESSIONS = [
    *(f"lib.{name}(x)" for name in _ONE.split()),
    *(f"lib.{name}(p)" for name in _POSITIVE.split()),
    *(f"lib.{name}(u)" for name in _UNIT.split()),
    *(f"lib.{name}(p, y)" for name in _TWO.split()),
    *(f"lib.{name}(x, dim={dim})" for name in _REDUCTIONS.split() for dim in (0, 1)),
    *_OTHERS.split(),
    *(
        re.sub(r"\ba\b", whole, re.sub(r"\bb\b", f"{whole}b", source))
        for whole in _INTEGERS.split()
        for source in _WHOLE.split()
    ),
    *_MASKS.split(),
    *_IMAGES.split(),
]

# Constructors and what they are called with.
LAYERS = [
    ("Linear(1000, 512)", "z"), ("LayerNorm(1000)", "z"), ("RMSNorm(1000)", "z"), ("BatchNorm1d(1000)", "z"),
    ("BatchNorm2d(64)", "c"), ("GroupNorm(8, 64)", "c"), ("InstanceNorm2d(64)", "c"), ("PReLU(64)", "c"),
    ("MaxPool1d(2)", "s"), ("AvgPool1d(2)", "s"), ("Conv1d(50, 64, 5, padding=2)", "s"),
    ("RNN(64, 128, batch_first=True)", "s"), ("GRU(64, 128, batch_first=True)", "s"),
    ("LSTM(64, 128, batch_first=True)", "s"), ("EmbeddingBag(20000, 64)", "w"),
    ("TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True)", "s"),
]  # fmt: skip

_NAMES = re.compile(rf"\b({'|'.join(VALUES)})\b(?!\(|=(?!=))")


def _call(source: str, names: tuple[str, ...], space: dict[str, Any]) -> Any:
    return eval(f"lambda {', '.join(names)}: {source}", space)


def _contest(function: Any, other: Any, names: tuple[str, ...], with_gradients: bool) -> Contest:
    mine, theirs = [pf.tensor(VALUES[name]) for name in names], [torch.tensor(VALUES[name]) for name in names]

    def first(found: Any) -> Any:
        return found[0] if isinstance(found, tuple) else found

    if not with_gradients:

        def forward() -> pf.Tensor:
            with pf.no_grad():
                return pf.eval(first(function(*mine)))

        def peer_forward() -> torch.Tensor:
            with torch.no_grad():
                return first(other(*theirs))

        results = {OURS: lambda: forward().numpy(), EAGER: lambda: peer_forward().float().numpy()}
        return Contest({OURS: forward, EAGER: peer_forward}, results, 1e-3)
    for tensor in [*mine, *theirs]:
        tensor.requires_grad_(tensor.dtype in (pf.float32, torch.float32))
    upstream = np.random.default_rng(1).standard_normal(tuple(first(other(*theirs)).shape), dtype=np.float32)
    our_upstream, peer_upstream = pf.tensor(upstream), torch.tensor(upstream)

    def backward() -> list[Any]:
        for tensor in mine:
            tensor.grad = None
        found = first(function(*mine))
        found.backward(our_upstream)
        gradients = [tensor.grad for tensor in mine if tensor.grad is not None]
        pf.eval(found, *gradients)
        return gradients

    def peer_backward() -> list[Any]:
        for tensor in theirs:
            tensor.grad = None
        first(other(*theirs)).backward(peer_upstream)
        return [tensor.grad for tensor in theirs if tensor.requires_grad]

    results = {OURS: lambda: backward()[0].numpy(), EAGER: lambda: peer_backward()[0].numpy()}
    return Contest({OURS: backward, EAGER: peer_backward}, results, 1e-3)


def _spaces() -> Iterator[dict[str, Any]]:
    for lib, functional in ((pf, nn.functional), (torch, torch.nn.functional)):
        yield {"lib": lib, "F": functional}


def _layers(source: str) -> tuple[Any, Any]:
    torch.manual_seed(0)
    modules: tuple[ModuleType, ModuleType] = (nn, torch.nn)
    ours, theirs = (eval(f"nn.{source}", {"nn": module}) for module in modules)
    ours.load_state_dict({key: pf.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    return ours, theirs


def contests() -> Iterator[tuple[str, partial[Contest]]]:
    """Every row: its name and how to make what runs."""
    for source in EXPRESSIONS:
        names = tuple(dict.fromkeys(_NAMES.findall(source)))
        ours, theirs = (_call(source, names, space) for space in _spaces())
        yield source, partial(_contest, ours, theirs, names, False)
        if source.startswith("F."):
            yield f"{source} +grad", partial(_contest, ours, theirs, names, True)
    for source, name in LAYERS:
        ours, theirs = _layers(source)
        yield f"nn.{source}({name})", partial(_contest, ours, theirs, (name,), False)
        if VALUES[name].dtype == np.float32:
            yield f"nn.{source}({name}) +grad", partial(_contest, ours, theirs, (name,), True)


if __name__ == "__main__":
    raise SystemExit(listing.run(__doc__, contests(), 0.3))
