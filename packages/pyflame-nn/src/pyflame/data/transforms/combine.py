"""Transforms made of others."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from pyflame import Generator, randperm

from .transform import Transform, check_probability

Step = Callable[[Any], Any]


class Compose(Transform):
    """Applies transforms one after the other.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.Compose([lambda x: x + 1, transforms.Normalize([1.0], [2.0])])(pf.ones(1, 1, 2))
        tensor([[[0.5000, 0.5000]]])
    """

    def __init__(self, transforms: Sequence[Step]) -> None:
        super().__init__()
        self.transforms = list(transforms)

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        lines = [f"p={p}"] if (p := getattr(self, "p", None)) is not None else []
        lines += [line for transform in self.transforms for line in repr(transform).split("\n")]
        return "\n    ".join([f"{type(self).__name__}(", *lines]) + "\n)"


class Lambda(Transform):
    """Applies a function.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.Lambda(lambda x: x * 2)(pf.ones(2))
        tensor([2., 2.])
    """

    def __init__(self, lambd: Step) -> None:
        if not callable(lambd):
            raise TypeError(f"[Lambda] expected a function, got {type(lambd).__name__}")
        super().__init__()
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        return self.lambd(image)


class RandomApply(Compose):
    """Applies all transforms, or none, with probability `p`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomApply([lambda x: x + 1], p=1.0)(pf.ones(2))
        tensor([2., 2.])
    """

    def __init__(self, transforms: Sequence[Step], p: float = 0.5, generator: Generator | None = None) -> None:
        super().__init__(transforms)
        check_probability(self, p)
        self.p, self.generator = p, generator

    def __call__(self, image: Any) -> Any:
        return super().__call__(image) if self.happens(self.p) else image


class RandomChoice(Compose):
    """Applies one of the transforms.

    Args:
        transforms: to choose from.
        p: how often each is chosen, relative to the others; equally often if None.

    Raises:
        ValueError: not one number >= 0 for each transform.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomChoice([lambda x: x + 1, lambda x: 1 + x])(pf.ones(2))
        tensor([2., 2.])
    """

    def __init__(
        self, transforms: Sequence[Step], p: Sequence[float] | None = None, generator: Generator | None = None
    ) -> None:
        super().__init__(transforms)
        if p is not None and (len(p) != len(transforms) or min(p, default=0) < 0 or not sum(p) > 0):
            raise ValueError(
                f"[RandomChoice] p is {p}: expected a number >= 0 for each of {len(transforms)} transforms"
            )
        self.p, self.generator = p, generator

    def __call__(self, image: Any) -> Any:
        if self.p is None:
            return self.transforms[self.pick(len(self.transforms))](image)
        ends = list(itertools.accumulate(self.p))
        place = bisect.bisect_right(ends, self.uniform(0, ends[-1]))
        return self.transforms[min(place, len(ends) - 1)](image)


class RandomOrder(Compose):
    """Applies all transforms in random order.

    Example:
        >>> import pyflame as pf
        >>> from pyflame.data import transforms
        >>> transforms.RandomOrder([lambda x: x + 1, lambda x: x + 2])(pf.ones(2))
        tensor([4., 4.])
    """

    def __init__(self, transforms: Sequence[Step], generator: Generator | None = None) -> None:
        super().__init__(transforms)
        self.generator = generator

    def __call__(self, image: Any) -> Any:
        for place in randperm(len(self.transforms), generator=self.generator).tolist():
            image = self.transforms[place](image)
        return image
