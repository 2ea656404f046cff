"""What all metrics share: states that are updated batch by batch, merged and reset."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import wraps
from typing import Any

import numpy as np

from pyflame import Tensor, get_default_dtype, tensor

Array = np.ndarray[Any, Any]
Reduction = Callable[[Any, Any], Any]
REDUCTIONS: dict[str, Reduction] = {"sum": np.add, "max": np.maximum, "min": np.minimum, "cat": lambda a, b: [*a, *b]}


def to_array(values: Any) -> Array:
    """Metrics are computed on the host, in double precision: nothing depends on them."""
    return values.numpy(force=True) if isinstance(values, Tensor) else np.asarray(values)


def to_tensor(values: Any) -> Tensor:
    return tensor(np.asarray(values), dtype=get_default_dtype())


class Metric:
    """Base class of values that are gathered over batches.

    A subclass declares its states, and says how a batch changes them and what follows from them. Called, a metric takes
    in a batch and returns the value of that batch alone.

    Example:
        >>> import numpy as np
        >>> from pyflame import metrics
        >>> class Count(metrics.Metric):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.add_state("count", np.zeros(()), "sum")
        ...     def update(self, values):
        ...         self.count = self.count + len(values)
        ...     def compute(self):
        ...         return float(self.count)
        >>> count = Count()
        >>> count([1, 2]), count([3]), count.compute()
        (2.0, 1.0, 3.0)
    """

    def __init__(self) -> None:
        self._defaults: dict[str, Any] = {}
        self._reductions: dict[str, Reduction] = {}
        self.update_count = 0

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "update" in cls.__dict__:
            cls.update = counted(cls.update)  # type: ignore[method-assign]

    def add_state(self, name: str, default: Any, dist_reduce_fx: str | Reduction = "sum") -> None:
        """Declare an attribute that `reset` sets to its default.

        Args:
            default: an array, or an empty list for "cat".
            dist_reduce_fx: how two metrics' states become one: "sum", "max", "min", "cat", or a function of both.

        Raises:
            ValueError: the reduction is unknown.
        """
        if not callable(dist_reduce_fx) and dist_reduce_fx not in REDUCTIONS:
            raise ValueError(f"[add_state] dist_reduce_fx is {dist_reduce_fx!r}: expected {', '.join(REDUCTIONS)}")
        self._defaults[name] = default if isinstance(default, list) else to_array(default)
        self._reductions[name] = dist_reduce_fx if callable(dist_reduce_fx) else REDUCTIONS[dist_reduce_fx]
        setattr(self, name, deepcopy(self._defaults[name]))

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"[metrics] {type(self).__name__} has no update")

    def compute(self) -> Any:
        """Return the value over all batches since the last reset."""
        raise NotImplementedError(f"[metrics] {type(self).__name__} has no compute")

    def reset(self) -> None:
        """Forget all batches."""
        self.update_count = 0
        for name, default in self._defaults.items():
            setattr(self, name, deepcopy(default))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch and return its own value."""
        before, count = self._states(), self.update_count
        self.reset()
        self.update(*args, **kwargs)
        value = self.compute()
        self._merge(before, count)
        return value

    __call__ = forward

    def clone(self) -> Metric:
        """Return a copy with states of its own."""
        return deepcopy(self)

    def merge_state(self, incoming: Metric | Mapping[str, Any]) -> None:
        """Take in what another metric of the same kind, or its `state_dict()`, has gathered."""
        if isinstance(incoming, Metric):
            self._merge(incoming._states(), incoming.update_count)
        else:
            self._merge(self._arrays(incoming), int(incoming["update_count"]))

    def _merge(self, states: Mapping[str, Any], count: int) -> None:
        # What came first stays first: the order matters to lists.
        for name, reduce in self._reductions.items():
            setattr(self, name, reduce(states[name], getattr(self, name)))
        self.update_count += count

    def _states(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._defaults}

    def _arrays(self, states: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: [to_array(entry) for entry in states[name]] if isinstance(default, list) else to_array(states[name])
            for name, default in self._defaults.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the states as tensors or lists of tensors, ready to be saved."""
        states = {
            name: [tensor(to_array(entry)) for entry in value] if isinstance(value, list) else tensor(to_array(value))
            for name, value in self._states().items()
        }
        return {**states, "update_count": self.update_count}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned."""
        for name, value in self._arrays(state_dict).items():
            setattr(self, name, value)
        self.update_count = int(state_dict["update_count"])

    def to(self, *args: Any, **kwargs: Any) -> Metric:
        """Return the metric: its states are on the host, wherever the inputs are."""
        return self


def counted(update: Any) -> Any:
    @wraps(update)
    def wrapper(self: Metric, *args: Any, **kwargs: Any) -> None:
        update(self, *args, **kwargs)
        self.update_count += 1

    return wrapper


def divide(top: Any, bottom: Any, what: str, needed: Any = True) -> Array:
    """Divide, with 0 and one warning where nothing stands below the line and a value is needed."""
    top, bottom = np.asarray(top, np.float64), np.asarray(bottom, np.float64)
    empty = bottom == 0
    if np.any(empty & needed):
        warnings.warn(f"[{what}] nothing to divide by, such as a class without samples: the value is 0", stacklevel=4)
    return np.where(empty, 0.0, top / np.where(empty, 1.0, bottom))
