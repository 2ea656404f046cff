"""Running the steps of a plan without Python: they are recorded once, and recorded again by the core after that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyflame import Tensor
from pyflame.compilation import Replays

from .values import Value

Known = dict[str, Value]


class ReplayedSteps:
    """Steps that take everything they read as arguments, so that the recording of one run serves later ones.

    Args:
        follow: runs the steps, adding what they compute to what is known.
        used: names of what the steps and outputs take from outside.
        fixed: those of them that are the same at each run.
        outputs: names of the results.
    """

    def __init__(
        self,
        follow: Callable[[Known], None],
        used: Sequence[str],
        fixed: Mapping[str, Value],
        outputs: Sequence[str],
    ) -> None:
        tensors = {name: fixed[name] for name in used if isinstance(fixed.get(name), Tensor)}
        arrays = {name: fixed[name] for name in used if name in fixed and name not in tensors}
        varying = [name for name in used if name not in fixed]
        names = [*tensors, *varying]

        def run(*values: Value) -> list[Any]:
            known = {**arrays, **dict(zip(names, values))}
            follow(known)
            return [known[name] for name in outputs]

        self.varying = varying
        self.tensors = tuple(tensors.values())
        self.replays = Replays(run, any_tensor=True)

    def __call__(self, known: Mapping[str, Value]) -> list[Any]:
        """The results, for the values of what varies."""
        results: list[Any] = self.replays.call((*self.tensors, *[known[name] for name in self.varying]), {})
        return results
