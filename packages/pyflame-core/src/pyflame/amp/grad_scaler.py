"""Scaling losses so that small gradients survive float16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import TensorBase
from ..autograd.modes import no_grad

if TYPE_CHECKING:
    from .._tensor import Tensor

_READY, _UNSCALED, _STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """Multiplies losses by a factor, divides gradients by it, and skips steps whose gradients overflow.

    Args:
        device: accepted and ignored.
        init_scale: first factor.
        growth_factor: what the factor is multiplied with after `growth_interval` steps without overflow.
        backoff_factor: what it is multiplied with after an overflow.
        growth_interval: number of steps.
        enabled: False makes all methods pass things through.

    Raises:
        ValueError: growth_factor is not above 1, or backoff_factor not below.

    Example:
        >>> import pyflame as pf
        >>> scaler = pf.amp.GradScaler(init_scale=4.0)
        >>> scaler.scale(pf.tensor(2.0))
        tensor(8.)
    """

    def __init__(
        self,
        device: str = "cpu",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and growth_factor <= 1.0:
            raise ValueError(f"[GradScaler] growth_factor is {growth_factor}: it must be above 1")
        if enabled and backoff_factor >= 1.0:
            raise ValueError(f"[GradScaler] backoff_factor is {backoff_factor}: it must be below 1")
        self._scale = float(init_scale)
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._enabled = bool(enabled)
        # For each optimizer since the last update: how far it is, and whether a gradient was found that is not finite.
        self._stages: dict[int, str] = {}
        self._overflows: dict[int, Tensor | None] = {}

    def scale(self, outputs: Any) -> Any:
        """Return outputs multiplied by the factor: a tensor, or tensors in lists and tuples.

        Raises:
            ValueError: there is something else in them.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, TensorBase):
            return _core.ops.mul(outputs, self._scale)
        if isinstance(outputs, (tuple, list)):
            return type(outputs)(self.scale(item) for item in outputs)
        raise ValueError(f"[scale] got {type(outputs).__name__}: expected tensors, or lists and tuples of them")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the factor, as clipping them needs.

        Raises:
            RuntimeError: it was called before since the last `update`, or after `step`.
            ValueError: a gradient is float16.
        """
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), _READY)
        if stage == _UNSCALED:
            raise RuntimeError("[unscale_] it has already been called on this optimizer since the last update()")
        if stage == _STEPPED:
            raise RuntimeError("[unscale_] it is called after step()")
        bad: list[Tensor] = []
        with no_grad():
            for group in optimizer.param_groups:
                for param in group["params"]:
                    if param.grad is None:
                        continue
                    if param.grad.dtype.name == "float16":
                        raise ValueError("[unscale_] a gradient is float16: keep parameters in float32 under autocast")
                    param.grad = _core.ops.mul(param.grad, 1.0 / self._scale)
                    bad.append(_core.ops.isfinite(param.grad).all())
            finite = _core.ops.cat([x.reshape(1) for x in bad], 0).all() if bad else None
        self._overflows[id(optimizer)] = finite
        self._stages[id(optimizer)] = _UNSCALED

    def _finite(self, optimizer: Any) -> bool:
        finite = self._overflows.get(id(optimizer))
        return finite is None or bool(finite.item())

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Call `optimizer.step` unless a gradient is infinite or not a number; unscales them before.

        Returns:
            What `optimizer.step` returns, None if it was skipped.

        Raises:
            RuntimeError: it was called before since the last `update`, there are no gradients, or a closure is given.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("[step] closures are not available while the scaler is enabled")
        stage = self._stages.get(id(optimizer), _READY)
        if stage == _STEPPED:
            raise RuntimeError("[step] it has already been called since the last update()")
        if stage == _READY:
            self.unscale_(optimizer)
        if self._overflows.get(id(optimizer)) is None:
            raise RuntimeError("[step] no parameter of the optimizer has a gradient: call backward() on a scaled loss")
        self._stages[id(optimizer)] = _STEPPED
        return optimizer.step(*args, **kwargs) if self._finite(optimizer) else None

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapt the factor: smaller after an overflow, larger after `growth_interval` steps without.

        Args:
            new_scale: the factor to take instead.

        Raises:
            RuntimeError: no gradients were looked at since the last call.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            looked = [x for x in self._overflows.values() if x is not None]
            if not looked:
                raise RuntimeError("[update] no gradients were looked at: call step() or unscale_() before")
            if not all(bool(x.item()) for x in looked):
                self._scale *= self._backoff_factor
                self._growth_tracker = 0
            else:
                self._growth_tracker += 1
                if self._growth_tracker == self._growth_interval:
                    self._scale *= self._growth_factor
                    self._growth_tracker = 0
        self._stages.clear()
        self._overflows.clear()

    def get_scale(self) -> float:
        """Return the factor, 1 when disabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """Return what the factor grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the factor grows by."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """Return what the factor shrinks by."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the factor shrinks by."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """Return after how many steps the factor grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many steps the factor grows."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Tell whether the scaler does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Return factor, options and progress; nothing when disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned.

        Raises:
            RuntimeError: it is empty, as a disabled scaler's is.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("[load_state_dict] the state is empty: it comes from a disabled scaler")
        self._scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
