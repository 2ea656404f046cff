"""What all optimizers share: parameter groups, state, and one evaluation for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from pyflame import Tensor, as_tensor, enable_grad, eval as evaluate, no_grad
from pyflame.compilation import acts, compiling, postpone
from pyflame.nn.hooks import RemovableHandle, register
from pyflame.nn.running import take_waiting
from pyflame.ops import forget_grads, start_step, take_back

from .hooks import Hook, OptimizerHooks, step_arguments

Group = dict[str, Any]
Params = Iterable[Any]
Closure = Callable[[], Any]


class Optimizer:
    """Base class of optimizers.

    A step records the new value of each parameter and of its state, then evaluates all of them at once: forward pass,
    gradients and update run as one plan. Learning rates and the like are numbers given to that plan, so changing them
    costs nothing.

    Args:
        params: parameters, (name, parameter) pairs, or dicts with "params" and options of their own.
        defaults: the options of groups that do not set them.

    Raises:
        TypeError: `params` is one tensor, or holds something else than tensors.
        ValueError: no parameters, a tensor that is not a leaf, or a parameter given twice.
    """

    in_place = False  # updates parameters and state with `update_params`, which needs no graph where they are small

    def __init__(self, params: Params, defaults: Mapping[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError("[optimizer] params is a tensor: expected several, such as model.parameters()")
        self.defaults = dict(defaults)
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[Group] = []
        self._quiet = no_grad()
        self._hooks = OptimizerHooks()
        groups = list(params)
        if not groups:
            raise ValueError("[optimizer] params is empty")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add parameters with options of their own, for example layers that are thawed later."""
        group = {**self.defaults, **param_group}
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        if any(isinstance(param, tuple) for param in params):
            group["param_names"] = [name for name, _ in params]
            params = [param for _, param in params]
        known = {id(param) for other in self.param_groups for param in other["params"]}
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"[optimizer] expected a tensor, got {type(param).__name__}")
            if not param.is_leaf:
                raise ValueError("[optimizer] a tensor that is computed from others cannot be optimized")
            if id(param) in known:
                raise ValueError("[optimizer] a parameter is given twice: once is enough, also for shared ones")
            known.add(id(param))
        group["params"] = params
        self.check_options(group)
        self.param_groups.append(group)

    def check_options(self, group: Group) -> None:
        """Raise ValueError for options out of range."""

    def update(self, params: list[Tensor], group: Group) -> list[Tensor]:
        """Point parameters (all have gradients) and their state at new values.

        Returns the state that is not computed together with the parameters, to be evaluated with them.
        """
        raise NotImplementedError(f"[optimizer] {type(self).__name__} has no update(params, group)")

    def step(self, closure: Closure | None = None) -> Any:
        """Update all parameters that have a gradient.

        Args:
            closure: computes the loss again and calls backward; called first, its result is returned.
        """
        if compiling and closure is None and postpone(self.step):
            return None
        if self._hooks.before_step:
            closure = self._hooks.call_before_step(self, closure)
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with self._quiet:
            statistics, undo = take_waiting(), None
            waiting = statistics.copy()
            try:
                found, undo = start_step(self.param_groups, waiting, self.state, self.in_place)
                changed: list[Tensor] = []
                for params, group in zip(found, self.param_groups):
                    changed += params
                    changed += self.update(params, group)
                changed += waiting
                evaluate(changed)
            except BaseException:
                if undo is not None:
                    undo.back()
                take_back(statistics)
                raise
        if self._hooks.after_step:
            for hook in list(self._hooks.after_step.values()):
                hook(self, step_arguments(self, closure), {})
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or with False set them to zero."""
        for group in self.param_groups:
            if set_to_none:
                forget_grads(group["params"])
                continue
            for param in group["params"]:
                if param.grad is not None:
                    param.grad = param.grad.new_zeros(param.grad.shape)

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before every step; a returned pair replaces args and kwargs.

        As in PyTorch, `args` is (optimizer,) or (optimizer, closure).
        """
        return register(self._hooks.before_step, hook, False)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after every step."""
        return register(self._hooks.after_step, hook, False)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict()`."""
        return register(self._hooks.before_saving, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict()`; a returned dict takes its place."""
        return register(self._hooks.after_saving, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before a state is loaded; a returned dict takes its place."""
        return register(self._hooks.before_loading, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after a state is loaded."""
        return register(self._hooks.after_loading, hook, prepend)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the state and the options; parameters are numbered in the order of the groups."""
        for hook in list(self._hooks.before_saving.values()):
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            own = []
            for param in group["params"]:
                own.append(numbers.setdefault(id(param), len(numbers)))
            groups.append({**group, "params": own})
        state = {
            numbers[id(param)]: {key: detached(value) for key, value in values.items()}
            for param, values in self.state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in list(self._hooks.after_saving.values()):
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict()` returned.

        Raises:
            ValueError: the groups are of other sizes than this optimizer's.
        """
        state_dict = dict(state_dict)
        for hook in list(self._hooks.before_loading.values()):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        groups = state_dict["param_groups"]
        sizes, own = ([len(group["params"]) for group in some] for some in (groups, self.param_groups))
        if sizes != own:
            raise ValueError(f"[load_state_dict] the groups have {sizes} parameters, the optimizer's {own}")
        params: dict[int, Tensor] = {}
        for group, current in zip(groups, self.param_groups):
            params.update(zip(group["params"], current["params"]))
            current.update({key: value for key, value in group.items() if key not in ("params", "param_names")})
        self.state = {}
        for number, values in state_dict["state"].items():
            param = params[int(number)]
            self.state[param] = {key: restored(key, value, param) for key, value in values.items()}
        for hook in list(self._hooks.after_loading.values()):
            hook(self)

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key not in ("params", "param_names")]
        return "\n".join([*lines, ")"])


def watched(optimizer: Optimizer) -> list[list[Any]]:
    return [optimizer.param_groups, *(group["params"] for group in optimizer.param_groups)]


acts(Optimizer, "step", frozenset({"zero_grad"}), watched)


def detached(value: Any) -> Any:
    """A stored state neither moves on with the optimizer nor holds a graph."""
    if isinstance(value, list):
        return [detached(entry) for entry in value]
    return value.detach().clone() if isinstance(value, Tensor) else value


# What PyTorch keeps as tensors of one element and is a number here.
NUMBERS: dict[str, type[int] | type[float]] = {"step": int, "eta": float, "mu": float, "mu_product": float}
NUMBERS |= {"H_diag": float, "ro": float}


def restored(key: str, value: Any, param: Tensor) -> Any:
    """A state tensor has the dtype of its parameter; the copy is a handle of its own, as steps assign to it."""
    if isinstance(value, list | tuple):
        return [restored(key, entry, param) for entry in value]
    if not isinstance(value, Tensor | np.ndarray):
        return value
    if key in NUMBERS:
        return NUMBERS[key](value.item())
    return as_tensor(value).detach().clone().to(param.dtype)


def check_not_negative(optimizer: Optimizer, group: Group, *names: str) -> None:
    for name in names:
        if group[name] < 0:
            raise ValueError(
                f"[{type(optimizer).__name__}] {name} is {group[name]}: expected a number that is not negative"
            )
