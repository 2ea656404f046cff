"""The quasi-Newton method of limited memory."""

from __future__ import annotations

from typing import Any

from pyflame import Tensor, cat, enable_grad, eval as evaluate, ops
from pyflame.nn.running import take_waiting

from .hooks import step_arguments
from .line_search import Point, strong_wolfe
from .optimizer import Closure, Optimizer, Params, check_not_negative


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last gradients (Liu and Nocedal, 1989); for all parameters in one group.

    Args:
        params: parameters, or (name, parameter) pairs.
        lr: length of a step, or where the line search begins.
        max_iter: how many iterations a call of `step` makes at most.
        max_eval: how many times it computes the loss at most; a quarter more than `max_iter` unless given.
        tolerance_grad: stop when no entry of the gradient is larger.
        tolerance_change: stop when neither the loss nor any parameter changes more.
        history_size: how many pairs of steps and changes of the gradient are remembered.
        line_search_fn: "strong_wolfe", or None for steps of fixed length.

    Raises:
        ValueError: `lr` is negative, or there is more than one group.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn, optim
        >>> weight = nn.Parameter(pf.tensor([3.0, -2.0]))
        >>> optimizer = optim.LBFGS([weight], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = ((weight - 1) ** 2).sum()
        ...     loss.backward()
        ...     return loss
        >>> optimizer.step(closure).item()
        13.0
        >>> pf.round(weight.detach(), decimals=4)
        tensor([1., 1.])
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)

    def check_options(self, group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("[LBFGS] more than one parameter group: all parameters share one history")
        check_not_negative(self, group, "lr")

    def step(self, closure: Closure | None = None) -> Any:
        """Minimize for up to `max_iter` iterations.

        Args:
            closure: computes the loss again and calls backward; the loss of its first call is returned.

        Raises:
            TypeError: there is no closure.
            RuntimeError: `line_search_fn` is unknown.
        """
        if closure is None:
            raise TypeError("[LBFGS] step needs a closure that computes the loss and calls backward")
        if self.param_groups[0]["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("[LBFGS] line_search_fn: expected None or 'strong_wolfe'")
        if self._hooks.before_step:
            closure = self._hooks.call_before_step(self, closure)
        with self._quiet:
            loss = self._minimize(closure)
        for hook in list(self._hooks.after_step.values()):
            hook(self, step_arguments(self, closure), {})
        return loss

    def _minimize(self, closure: Closure) -> Any:
        group = self.param_groups[0]
        least_change, lr = group["tolerance_change"], group["lr"]
        state = self.state.setdefault(group["params"][0], {"func_evals": 0, "n_iter": 0})
        first_loss, loss, grad = self._losses(closure)
        evals, state["func_evals"] = 1, state["func_evals"] + 1
        if largest(grad) <= group["tolerance_grad"]:
            return first_loss
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(state, grad)
            t = min(1.0, 1.0 / grad.abs().sum().item()) * lr if state["n_iter"] == 1 else lr
            before, slope = loss, dot(grad, direction)
            state.update(d=direction, t=t, prev_flat_grad=grad, prev_loss=loss)
            if slope > -least_change:
                break
            last, used = iteration == group["max_iter"], 0
            if group["line_search_fn"]:
                start = Point(0.0, loss, grad, slope)
                limit = group["max_eval"] - evals
                point, used = self._search(closure, start, t, direction, least_change, limit)
                t = state["t"] = point.t
                loss, grad = point.value, point.grad
            else:
                self._go(self._places(), t, direction)
                if not last:
                    _, loss, grad = self._losses(closure)
                    used = 1
            evals, state["func_evals"] = evals + used, state["func_evals"] + used
            if last or evals >= group["max_eval"] or largest(grad) <= group["tolerance_grad"]:
                break
            if largest(direction) * abs(t) <= least_change or abs(loss - before) < least_change:
                break
        return first_loss

    def _direction(self, state: dict[str, Any], grad: Tensor) -> Tensor:
        """Return minus the gradient times the approximate inverse Hessian, by the recursion over the history."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return evaluated(-grad)
        change, step = evaluated(grad - state["prev_flat_grad"]), evaluated(state["d"] * state["t"])
        curvature = dot(change, step)
        if curvature > 1e-10:
            kept = self.param_groups[0]["history_size"] - 1
            for name, entry in (("old_dirs", change), ("old_stps", step), ("ro", 1.0 / curvature)):
                state[name] = [*state[name][max(len(state[name]) - kept, 0) :], entry]
            state["H_diag"] = curvature / dot(change, change)
        history = list(zip(state["old_dirs"], state["old_stps"], state["ro"]))
        result, weights = evaluated(-grad), []
        for change, step, inverse in reversed(history):
            weights.append(dot(step, result) * inverse)
            result = evaluated(result - weights[-1] * change)
        result = evaluated(result * state["H_diag"])
        for change, step, inverse in history:
            result = evaluated(result + (weights.pop() - dot(change, result) * inverse) * step)
        return result

    def _search(
        self, closure: Closure, start: Point, t: float, direction: Tensor, tolerance: float, limit: int
    ) -> tuple[Point, int]:
        places = self._places()

        def at(t: float) -> Point:
            self._go(places, t, direction)
            _, loss, grad = self._losses(closure)
            return Point(t, loss, grad, dot(grad, direction))

        point, used = strong_wolfe(at, start, t, largest(direction), tolerance, limit)
        self._go(places, point.t, direction)
        return point, used

    def _losses(self, closure: Closure) -> tuple[Any, float, Tensor]:
        """Return what the closure returns, as a number, too, and the gradients in one vector."""
        with enable_grad():
            loss = closure()
        params = self.param_groups[0]["params"]
        grads = [param.new_zeros(param.shape) if param.grad is None else param.grad for param in params]
        flat = cat([grad.reshape(-1) for grad in grads])
        evaluate([flat, *([loss] if isinstance(loss, Tensor) else []), *take_waiting()])
        return loss, float(loss), flat

    def _places(self) -> list[Tensor]:
        return [param.detach().clone() for param in self.param_groups[0]["params"]]

    def _go(self, places: list[Tensor], t: float, direction: Tensor) -> None:
        """Put the parameters `t` times the direction away from the places."""
        params, first = self.param_groups[0]["params"], 0
        for param, place in zip(params, places):
            part = direction[first : first + param.numel()].reshape(param.shape)
            ops.assign(param, place + t * part)
            first += param.numel()
        evaluate(params)


def evaluated(x: Tensor) -> Tensor:
    """Evaluate at once: histories grow, and a plan for each of their lengths would be one too many."""
    evaluate([x])
    return x


def dot(a: Tensor, b: Tensor) -> float:
    return float((a * b).sum().item())


def largest(x: Tensor) -> float:
    return float(x.abs().max().item())
