"""Random numbers from counters.

A generator holds a seed and a counter. A call takes the counter when the op is recorded and moves it on, so neither
laziness nor the number of threads changes the numbers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from ..dtypes import DType, float32, int64, uint8
from .creation import finish, from_array
from .shape import broadcast_shapes

if TYPE_CHECKING:
    from .._tensor import Tensor
    from ..layout import MeshLayout

_normal = _core.ops.normal
_randint = _core.ops.randint
_uniform = _core.ops.uniform


class Generator:
    """A stream of random numbers.

    Args:
        device: "cpu".

    Example:
        >>> import pyflame as pf
        >>> g = pf.Generator().manual_seed(1)
        >>> pf.equal(pf.rand(2, generator=g), pf.rand(2, generator=g.manual_seed(1)))
        True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self._seed = 0
        self._offset = 0

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of this seed anew."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError(f"[manual_seed] seed {seed} does not fit into 64 bits")
        self._seed, self._offset = seed, 0
        return self

    def seed(self) -> int:
        """Start a stream from entropy of the system; return its seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed of the stream."""
        return self._seed

    def draw(self, numel: int) -> tuple[int, int]:
        """Take the seed and the counter for so many numbers, and move the counter on."""
        offset = self._offset
        self._offset += (numel + 31) // 32 * 16
        seed = self._seed & 0xFFFFFFFFFFFFFFFF
        return (seed if seed < 2**63 else seed - 2**64), offset

    def get_state(self) -> Tensor:
        """Return seed and counter as a uint8 tensor."""
        words = np.array([self._seed & 0xFFFFFFFFFFFFFFFF, self._offset], dtype="<u8")
        return from_array(words.view(np.uint8), uint8)

    def set_state(self, state: Tensor) -> Generator:
        """Go back to what `get_state` returned."""
        data = _core.to_array(state)
        if data.shape != (16,) or state.dtype is not uint8:
            raise RuntimeError("[set_state] expected the 16 bytes that get_state() returns")
        self._seed, self._offset = (int(word) for word in np.ascontiguousarray(data).view("<u8"))
        return self

    def clone_state(self) -> Generator:
        """Return another generator at the same place of the same stream."""
        copy = Generator(self.device)
        copy._seed, copy._offset = self._seed, self._offset
        return copy


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: int) -> Generator:
    """Start the default stream anew.

    Example:
        >>> import pyflame as pf
        >>> pf.manual_seed(0).initial_seed()
        0
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default stream from entropy of the system; return the seed.

    Example:
        >>> import pyflame as pf
        >>> pf.seed() == pf.initial_seed()
        True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the default stream.

    Example:
        >>> import pyflame as pf
        >>> _ = pf.manual_seed(3)
        >>> pf.initial_seed()
        3
    """
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the default stream.

    Example:
        >>> import pyflame as pf
        >>> pf.get_rng_state().shape
        pyflame.Size([16])
    """
    return default_generator.get_state()


def set_rng_state(state: Tensor) -> None:
    """Set the state of the default stream.

    Example:
        >>> import pyflame as pf
        >>> pf.set_rng_state(pf.get_rng_state())
    """
    default_generator.set_state(state)


class fork_rng:
    """Restore the default stream on leaving a `with` block.

    Example:
        >>> import pyflame as pf
        >>> with pf.fork_rng():
        ...     _ = pf.manual_seed(0)
    """

    def __init__(self, enabled: bool = True) -> None:
        self._enabled = enabled

    def __enter__(self) -> None:
        self._state = (default_generator._seed, default_generator._offset)

    def __exit__(self, *exc: object) -> None:
        if self._enabled:
            default_generator._seed, default_generator._offset = self._state


def _sizes(size: tuple[Any, ...]) -> tuple[int, ...]:
    if len(size) == 1:
        return (size[0],) if isinstance(size[0], int) else tuple(size[0])
    return size


def _count(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def uniform(shape: Sequence[int], dtype: DType | None = None, generator: Generator | None = None) -> Tensor:
    key, offset = (generator or default_generator).draw(_count(shape))
    return _uniform(key, offset, shape, dtype)


def gaussian(shape: Sequence[int], dtype: DType | None = None, generator: Generator | None = None) -> Tensor:
    key, offset = (generator or default_generator).draw(_count(shape))
    return _normal(key, offset, shape, dtype)


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from the uniform distribution on [0, 1).

    Args:
        size: sizes, as numbers or one tuple.

    Example:
        >>> import pyflame as pf
        >>> bool((pf.rand(100) < 1).all())
        True
    """
    return finish(uniform(_sizes(size), dtype, generator), layout, device, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from the normal distribution with mean 0 and variance 1.

    Args:
        size: sizes, as numbers or one tuple.

    Example:
        >>> import pyflame as pf
        >>> pf.randn(2, 3).shape
        pyflame.Size([2, 3])
    """
    return finish(gaussian(_sizes(size), dtype, generator), layout, device, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: DType = int64,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw integers from low to high - 1; `randint(high, size)` starts at 0.

    Raises:
        RuntimeError: the range is empty or does not fit the dtype.

    Example:
        >>> import pyflame as pf
        >>> pf.randint(5, 6, (3,))
        tensor([5, 5, 5])
    """
    if size is None and isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if size is None:
        raise TypeError("[randint] size is missing: expected randint(high, size) or randint(low, high, size)")
    shape = _sizes((size,))
    key, offset = (generator or default_generator).draw(_count(shape))
    whole = dtype if not dtype.is_floating_point else int64
    made = _randint(key, offset, low, high, shape, whole)
    return finish(made if whole is dtype else _core.ops.cast(made, dtype), layout, device, requires_grad)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DType = int64,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw a permutation of the numbers from 0 to n - 1; it is made on the host at once.

    Example:
        >>> import pyflame as pf
        >>> sorted(pf.randperm(3).tolist())
        [0, 1, 2]
    """
    if n < 0:
        raise RuntimeError(f"[randperm] n is {n}: it must not be negative")
    key, offset = (generator or default_generator).draw(n)
    # NumPy's Philox from the same seed and counter: no other stream of this process has this key.
    words = np.random.Philox(key=[key & 0xFFFFFFFFFFFFFFFF, 1], counter=offset)
    order = np.random.Generator(words).permutation(n)
    return finish(from_array(order.astype(dtype.to_numpy()), dtype), layout, device, requires_grad)


def normal(
    mean: Tensor | float = 0.0,
    std: Tensor | float = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from normal distributions.

    Args:
        mean: a number, or a tensor with one mean per result.
        std: a number, or a tensor with one standard deviation per result.
        size: the shape, when both are numbers.

    Example:
        >>> import pyflame as pf
        >>> pf.normal(0.0, 1.0, (2, 2)).shape
        pyflame.Size([2, 2])
    """
    given = [x for x in (mean, std) if isinstance(x, _core.TensorBase)]
    if isinstance(std, (int, float)) and std < 0:
        raise RuntimeError(f"[normal] std is {std}: it must not be negative")
    if size is None and not given:
        raise TypeError("[normal] size is missing: give it, or a tensor as mean or std")
    shape = size if size is not None else broadcast_shapes(*(x.shape for x in given))
    if dtype is None and given:
        dtype = given[0].dtype
    drawn = gaussian(_sizes((shape,)), dtype, generator)
    return finish(_core.ops.add(_core.ops.mul(drawn, std), mean), layout, device, requires_grad)


def bernoulli(x: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Draw 1 with the probability each element states, else 0.

    Args:
        x: floating-point probabilities; only shape and dtype count when `p` is given.

    Example:
        >>> import pyflame as pf
        >>> pf.bernoulli(pf.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    if not x.dtype.is_floating_point:
        raise RuntimeError(f"[bernoulli] x has dtype {x.dtype.name}: expected floating-point probabilities")
    wide = x.dtype if x.dtype.itemsize >= 4 else float32
    drawn = uniform(x.shape, wide, generator)
    return _core.ops.cast(_core.ops.lt(drawn, _core.detach(x) if p is None else p), x.dtype)


def rand_like(
    x: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw uniformly from [0, 1), in the shape of another tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.rand_like(pf.zeros(2, 3)).shape
        pyflame.Size([2, 3])
    """
    made = uniform(x.shape, dtype or x.dtype, generator)
    return finish(made, x.layout if layout is None else layout, device, requires_grad)


def randn_like(
    x: Tensor,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from the standard normal distribution, in the shape of another tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.randn_like(pf.zeros(2, 3)).shape
        pyflame.Size([2, 3])
    """
    made = gaussian(x.shape, dtype or x.dtype, generator)
    return finish(made, x.layout if layout is None else layout, device, requires_grad)


def randint_like(
    x: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    layout: MeshLayout | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw integers from low to high - 1, in the shape of another tensor.

    Example:
        >>> import pyflame as pf
        >>> pf.randint_like(pf.zeros(2), 5, 6)
        tensor([5., 5.])
    """
    low, high = (0, low) if high is None else (low, high)
    made = randint(low, high, x.shape, generator=generator, dtype=dtype or x.dtype)
    return finish(made, x.layout if layout is None else layout, device, requires_grad)
