"""Values and gradients at the borders of domains and of the floating-point range, wherever PyTorch's are finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pyflame.testing.differential import compare_finite

pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.torch

POINTS = [0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 20.0, 88.0, 89.5, 100.0, 1e4, 1e30, 3e38, 1e-30, 1e-40, 1 - 1e-7, np.inf]
EDGES = np.array([sign * point for point in POINTS for sign in (1, -1)] + [1 + 1e-6, np.nan])
UNARY = """\
abs acos acosh asin asinh atan atanh ceil cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 floor frac lgamma log
log10 log1p log2 logit nan_to_num neg reciprocal relu round rsqrt sigmoid sign sin sinh sqrt square tan tanh trunc
""".split()
BINARY = """\
add atan2 copysign div fmax fmin fmod hypot logaddexp logaddexp2 maximum minimum mul pow remainder sub xlogy
""".split()
LINES = {
    "zeros": [[0.0] * 4] * 3,
    "some zeros": [[0.0, 1, 2, 0], [0, 0, 0, 3], [0, -1, 5, 2]],
    "ties": [[1.0, 1, 0, 0], [2, 2, 2, 2], [0, -0.0, 0, -0.0]],
    "below": [[-np.inf] * 4, [-np.inf, 1, 2, 3], [0, 1, 2, -np.inf]],
    "above": [[np.inf, 1, 2, 3], [np.inf, np.inf, 0, 1], [np.inf, -np.inf, 0, 1]],
    "large": [[1e150, -1e150, 3, 4], [1e100, 1e100, 0, 1], [1e80] * 4],
    "small": [[1e-200, 1e-300, 0, 0], [1e-170] * 4, [0, 0, 0, 1e-310]],
}
REDUCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: lambda lib, x, name=name: getattr(x, name)(1) for name in "sum mean prod amax amin logsumexp".split()},
    **{name: lambda lib, x, name=name: getattr(x, name)(1) for name in "std var cumsum cumprod softmax".split()},
    **{f"norm {p}": lambda lib, x, p=p: x.norm(p=p, dim=1) for p in (1, 2, 3, np.inf, -np.inf)},
    "log_softmax": lambda lib, x: lib.log_softmax(x, 1),
    "norm": lambda lib, x: x.norm(),
    "logcumsumexp": lambda lib, x: x.logcumsumexp(1),
    "cummax": lambda lib, x: x.cummax(1).values,
    "max": lambda lib, x: x.max(1).values,
    "hypot": lambda lib, x: lib.hypot(x, x.flip(1)),
    "cdist": lambda lib, x: lib.cdist(x, x),
    "dist": lambda lib, x: lib.dist(x, x.detach()),
    "where": lambda lib, x: lib.where(x > 1, x.log(), x),
    "masked softmax": lambda lib, x: x.masked_fill(x > 0, -np.inf).softmax(1),
}
# Where rounding hides a sum, each of its equal terms gets all of the gradient; the mean of a variance is rounded
# otherwise. The gradient of a product is its quotient by an element here, which does not come back into range.
DIFFERENT = {("logsumexp", "large"), ("logcumsumexp", "large"), ("var", "large"), ("prod", "large")}
DIFFERENT |= {(name, lines) for name in ("prod", "cumprod") for lines in ("below", "above")}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name: str, dtype: type) -> None:
    points = EDGES.astype(dtype)
    if name == "digamma":  # away from its poles
        points = points[(points > 0) | np.isin(points, [-0.25, -0.5])]
    compare_finite(lambda lib, x: getattr(lib, name)(x), [points], 1e-9 if dtype is np.float64 else 2e-3)


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers(name: str) -> None:
    x, y = (axis.ravel() for axis in np.meshgrid(EDGES, EDGES))
    compare_finite(lambda lib, x, y: getattr(lib, name)(x, y), [x, y], 1e-9)


@pytest.mark.parametrize("lines", LINES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_functions_of_lines(name: str, lines: str) -> None:
    if (name, lines) not in DIFFERENT:
        compare_finite(REDUCTIONS[name], [np.array(LINES[lines])], 1e-9)
