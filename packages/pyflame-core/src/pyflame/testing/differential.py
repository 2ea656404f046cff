"""The same call in PyFlame and in PyTorch: values, dtypes, shapes, gradients and exception classes must agree."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import pyflame

from .. import autograd
from .._tensor import Tensor
from ..dtypes import DType, all_dtypes, bfloat16, bool_, uint8
from .bridge import BY_NAME, Array, bfloat16_values, rounded, to_numpy, to_tensor

# dtype name: tolerance, relative and absolute
TOLERANCE = {"float64": 1e-9, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}
FLOATS = tuple(dtype for dtype in all_dtypes if dtype.is_floating_point)

# A call written once for both: it gets the library (pyflame or torch) and that library's tensors.
Twin = Callable[..., Any]


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError:
        raise ModuleNotFoundError("[differential] needs PyTorch: pip install torch", name="torch") from None


def _differ(what: str, operands: str) -> AssertionError:
    return AssertionError(f"{what}\noperands: {operands}")


def draw_values(
    rng: np.random.Generator, shape: Sequence[int], dtype: DType, low: float = -4, high: float = 4
) -> Array:
    """Values of the dtype in [low, high)."""
    if dtype is bool_:
        return rng.random(shape) < 0.5
    if not dtype.is_floating_point:
        return rng.integers(max(int(low), 0) if dtype is uint8 else int(low), max(int(high), int(low) + 1), shape)
    return rounded(rng.uniform(low, high, shape), dtype)


def draw_shape(rng: np.random.Generator, max_dims: int = 4, low: int = 0) -> tuple[int, ...]:
    """A shape of up to `max_dims` dimensions; sizes are small, a 0 is rare."""
    sizes = [size for size in (0, 1, 1, 2, 2, 3, 3, 4, 5) if size >= low]
    return tuple(int(rng.choice(sizes)) for _ in range(rng.integers(0, max_dims + 1)))


def draw_broadcast(rng: np.random.Generator, count: int, max_dims: int = 4) -> list[tuple[int, ...]]:
    """Shapes that broadcast with each other."""
    full = draw_shape(rng, max_dims)
    shapes = []
    for _ in range(count):
        part = full[rng.integers(0, len(full) + 1) :] if rng.random() < 0.3 else full
        shapes.append(tuple(1 if rng.random() < 0.2 else size for size in part))
    return shapes


def torch_tensor(x: Tensor) -> Any:
    """The same values as a PyTorch tensor, without history."""
    torch = _torch()

    if x.dtype is bfloat16:
        return torch.from_numpy(np.array(to_numpy(x.detach()))).to(torch.bfloat16)
    return torch.from_numpy(np.array(x.detach().numpy()))


def compare(
    call: Twin,
    operands: Sequence[tuple[Array, DType]],
    *,
    gradient: bool = True,
    slack: float = 1.0,
    same_dtype: bool = True,
) -> bool:
    """Make the call in both libraries; return whether it succeeded (in both).

    Args:
        call: `call(library, *tensors)`.
        operands: values and dtype of each tensor; floating-point ones require grad.
        gradient: compare the gradients of a weighted sum of the floating-point results.
        slack: multiplies the tolerance.

    Raises:
        AssertionError: values, dtypes, shapes, gradients or exception classes differ.
    """
    torch = _torch()

    ours = [to_tensor(values, dtype) for values, dtype in operands]
    theirs = [torch_tensor(x) for x in ours]
    shown = ", ".join(f"{dtype.name}{list(np.shape(values))}" for values, dtype in operands)
    if sum(np.size(values) for values, _ in operands) <= 24:
        shown += "\n" + "\n".join(repr(x) for x in ours)
    for x, y in zip(ours, theirs):
        if gradient and x.dtype.is_floating_point:
            x.requires_grad, y.requires_grad = True, True
    expected, found = _attempt(lambda: call(torch, *theirs)), _attempt(lambda: call(pyflame, *ours))
    if _failed(found, expected, shown):
        return False
    results, references = _flat(found), _flat(expected)
    if len(results) != len(references):
        raise _differ(f"{len(results)} results, torch has {len(references)}", shown)
    for place, (one, other) in enumerate(zip(results, references)):
        precision = TOLERANCE.get(one.dtype.name, 0.0) if isinstance(one, Tensor) else 0.0
        _same(f"result {place}", one, other, slack * precision, shown, same_dtype)
    if gradient:
        # Gradients pass through the dtypes of all operands.
        coarsest = max((TOLERANCE.get(x.dtype.name, 0.0) for x in ours), default=0.0)
        _same_gradients(results, references, ours, theirs, 4 * slack * coarsest, shown)
    return True


def compare_finite(
    call: Twin, operands: Sequence[Array], rtol: float, atol: tuple[float, float] = (1e-9, 1e-6)
) -> float:
    """Assert that values and gradients are PyTorch's wherever its own are finite, as at borders of domains.

    Args:
        call: takes the library and a tensor for each operand, all of which get a gradient.
        atol: absolute tolerance of values, and of gradients.

    Returns:
        The share of values that are finite.

    Raises:
        AssertionError: they differ.
    """
    found = []
    for lib in (_torch(), pyflame):
        tensors = [lib.tensor(operand.copy()).requires_grad_() for operand in operands]
        out = call(lib, *tensors)
        out.backward(lib.ones_like(out))
        found.append((out.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]))
    (value, gradients), (ours, our_gradients) = found
    finite = np.isfinite(value)
    np.testing.assert_allclose(ours[finite], value[finite], rtol=rtol, atol=atol[0])
    for gradient, mine in zip(gradients, our_gradients, strict=True):
        shown = np.isfinite(gradient) & (finite if value.shape == gradient.shape else True)
        np.testing.assert_allclose(mine[shown], gradient[shown], rtol=rtol, atol=atol[1])
    return float(finite.mean())


def _attempt(call: Callable[[], Any]) -> Any:
    """The evaluated result, or the exception."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's own deprecations
            result = call()
        for x in _flat(result):
            if isinstance(x, Tensor):
                x.eval()
        return result
    except Exception as error:  # compared with the other library's
        return error


def _failed(found: Any, expected: Any, shown: str) -> bool:
    """Whether both calls raised, and the same; torch alone may lack a kernel for a dtype."""
    if isinstance(expected, Exception):
        if isinstance(found, Exception):
            if not issubclass(_built_in(found), _built_in(expected)) and not isinstance(expected, _built_in(found)):
                raise _differ(f"ours raised {found!r}, torch {expected!r}", shown)
        elif not any(words in str(expected) for words in ("not implemented for", "INTERNAL ASSERT")):
            raise _differ(f"torch raised {expected!r}, ours returned {found!r}", shown)
        return True
    if isinstance(found, Exception):
        raise _differ(f"ours raised {found!r}, torch returned {expected!r}", shown) from found
    return False


def _built_in(error: Exception) -> type:
    """The nearest class that both libraries have."""
    return next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")


def _flat(result: Any) -> list[Any]:
    if isinstance(result, (list, tuple)) and not (result and isinstance(result[0], int)):
        return [x for item in result for x in _flat(item)]
    return [result]


def _same(what: str, one: Any, other: Any, tolerance: float, shown: str, same_dtype: bool = True) -> None:
    if not isinstance(one, Tensor):
        plain = tuple(other) if isinstance(other, tuple) else other
        mine = tuple(one) if isinstance(one, tuple) else one
        if mine != plain and not (mine != mine and plain != plain):
            raise _differ(f"{what}: {one!r}, torch has {other!r}", shown)
        return
    if tuple(one.shape) != tuple(other.shape):
        raise _differ(f"{what}: shape {tuple(one.shape)}, torch has {tuple(other.shape)}", shown)
    if same_dtype and f"torch.{one.dtype.name}" != str(other.dtype):
        raise _differ(f"{what}: dtype {one.dtype.name}, torch has {other.dtype}", shown)
    a, b = to_numpy(one.detach()), torch_array(other)
    with np.errstate(all="ignore"):
        close = np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not close.all():
        raise _differ(f"{what}: {a[~close][:6]}, torch has {b[~close][:6]}", shown)


def torch_array(x: Any) -> Array:
    """A PyTorch tensor's values in the arithmetic of references."""
    torch = _torch()

    x = (x.detach() + 0 if x._is_zerotensor() else x.detach()).resolve_neg()
    if x.dtype is torch.bfloat16:
        return bfloat16_values(x.view(torch.int16).numpy().view(np.uint16)).astype(np.float64)
    return rounded(x.numpy(), BY_NAME[str(x.dtype).removeprefix("torch.")])


def _same_gradients(
    results: list[Any], references: list[Any], ours: list[Any], theirs: list[Any], tolerance: float, shown: str
) -> None:
    torch = _torch()

    pairs = [(one, other) for one, other in zip(results, references) if isinstance(one, Tensor)]
    for one, other in pairs:
        if one.requires_grad != other.requires_grad:
            raise _differ(f"requires_grad is {one.requires_grad}, torch has {other.requires_grad}", shown)
    pairs = [(one, other) for one, other in pairs if one.requires_grad]
    wanted = [place for place, x in enumerate(ours) if x.requires_grad]
    if not pairs or not wanted:
        return
    rng = np.random.default_rng(0)
    starts = [to_tensor(rng.uniform(0.5, 1.5, tuple(one.shape)), one.dtype) for one, _ in pairs]
    options = {"allow_unused": True, "materialize_grads": True}
    expected = _attempt(
        lambda: torch.autograd.grad(
            [other for _, other in pairs],
            [theirs[place] for place in wanted],
            [torch_tensor(start) for start in starts],
            **options,
        )
    )
    found = _attempt(
        lambda: autograd.grad([one for one, _ in pairs], [ours[place] for place in wanted], starts, **options)
    )
    if _failed(found, expected, shown):
        return
    for place, one, other in zip(wanted, found, expected):
        _same(f"gradient of operand {place}", one, other, tolerance, shown)
