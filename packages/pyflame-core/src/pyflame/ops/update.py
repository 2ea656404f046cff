"""Optimizer steps, one pass over a parameter, its gradient and its state; and rebinding of handles.

The results are new tensors. `assign` puts them in place of the old ones; an old value that nobody else holds gives its
memory to the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import _core
from .direct import direct

if TYPE_CHECKING:
    from .._tensor import Tensor

_adam_step = _core.ops.adam_step
_adam_step_amsgrad = _core.ops.adam_step_amsgrad
_assign = _core.assign
_forget_grads = _core.forget_grads
_sgd_step = _core.ops.sgd_step
_sgd_step_plain = _core.ops.sgd_step_plain
_start_step = _core.start_step
_update_all = _core.update_all
_update_params = _core.update_params


def assign(target: Tensor, value: Tensor) -> None:
    """Make an existing tensor object stand for another value; its leaf status and `requires_grad` stay.

    Raises:
        RuntimeError: shape or dtype differ.

    Example:
        >>> import pyflame as pf
        >>> x = pf.zeros(2)
        >>> pf.ops.assign(x, pf.ones(2))
        >>> x
        tensor([1., 1.])
    """
    _assign(target, value)


def sgd_step_plain(param: Tensor, grad: Tensor, lr: float, weight_decay: float = 0.0, maximize: bool = False) -> Tensor:
    """Return the parameter after a step of gradient descent without momentum.

    Args:
        grad: of the shape and dtype of `param`.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.sgd_step_plain(pf.tensor([1.0]), pf.tensor([2.0]), lr=0.1)
        tensor([0.8000])
    """
    return _sgd_step_plain(param, grad, lr, weight_decay, maximize)


def sgd_step(
    param: Tensor,
    grad: Tensor,
    velocity: Tensor,
    lr: float,
    momentum: float,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return parameter and velocity after a step of gradient descent with momentum.

    Args:
        velocity: of the shape and dtype of `param`.
        first: the velocity has no value yet and becomes the gradient.

    Example:
        >>> import pyflame as pf
        >>> pf.ops.sgd_step(pf.tensor([1.0]), pf.tensor([2.0]), pf.zeros(1), lr=0.1, momentum=0.9, first=True)
        (tensor([0.8000]), tensor([2.]))
    """
    return _sgd_step(param, grad, velocity, lr, momentum, dampening, weight_decay, nesterov, maximize, first)


def adam_step(
    param: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    correction1: float,
    correction2: float,
    decoupled: bool = False,
    maximize: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return parameter, first and second moment after a step of Adam.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015); `decoupled` is AdamW, Loshchilov and Hutter,
    "Decoupled Weight Decay Regularization" (2019).

    Args:
        m, v: moments, of the shape and dtype of `param`.
        correction1, correction2: 1 - beta ** step of each moment.

    Example:
        >>> import pyflame as pf
        >>> p, g, m, v = pf.tensor([1.0]), pf.tensor([2.0]), pf.zeros(1), pf.zeros(1)
        >>> pf.ops.adam_step(p, g, m, v, 0.1, 0.9, 0.999, 1e-8, 0.0, 1 - 0.9, 1 - 0.999)[0]
        tensor([0.9000])
    """
    return _adam_step(
        param, grad, m, v, lr, beta1, beta2, eps, weight_decay, correction1, correction2, decoupled, maximize
    )


def adam_step_amsgrad(
    param: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    vmax: Tensor,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    correction1: float,
    correction2: float,
    decoupled: bool = False,
    maximize: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return parameter, moments and largest second moment after a step of AMSGrad.

    Reddi et al., "On the Convergence of Adam and Beyond" (2018).

    Args:
        m, v, vmax: state, of the shape and dtype of `param`.
        correction1, correction2: 1 - beta ** step of each moment.

    Example:
        >>> import pyflame as pf
        >>> p, g, m, v, w = pf.tensor([1.0]), pf.tensor([2.0]), pf.zeros(1), pf.zeros(1), pf.zeros(1)
        >>> pf.ops.adam_step_amsgrad(p, g, m, v, w, 0.1, 0.9, 0.999, 1e-8, 0.0, 1 - 0.9, 1 - 0.999)[0]
        tensor([0.9000])
    """
    return _adam_step_amsgrad(
        param, grad, m, v, vmax, lr, beta1, beta2, eps, weight_decay, correction1, correction2, decoupled, maximize
    )


def sgd_update(
    rows: list[tuple[Tensor, ...]],
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first: bool = False,
) -> None:
    """Record a step of gradient descent for many parameters and point them, and their velocities, at the results.

    Args:
        rows: (param, grad) without momentum, else (param, grad, velocity).

    Example:
        >>> import pyflame as pf
        >>> p = pf.tensor([1.0])
        >>> pf.ops.sgd_update([(p, pf.tensor([2.0]))], lr=0.1)
        >>> p
        tensor([0.8000])
    """
    if momentum == 0.0:
        _update_all(_sgd_step_plain, rows, lr, weight_decay, maximize)
    else:
        _update_all(_sgd_step, rows, lr, momentum, dampening, weight_decay, nesterov, maximize, first)


def adam_update(
    rows: list[tuple[Tensor, ...]],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    correction1: float,
    correction2: float,
    decoupled: bool = False,
    maximize: bool = False,
    amsgrad: bool = False,
) -> None:
    """Record a step of Adam for many parameters and point them, and their moments, at the results.

    Args:
        rows: (param, grad, m, v), with amsgrad (param, grad, m, v, vmax).

    Example:
        >>> import pyflame as pf
        >>> p, m, v = pf.tensor([1.0]), pf.zeros(1), pf.zeros(1)
        >>> pf.ops.adam_update([(p, pf.tensor([2.0]), m, v)], 0.1, 0.9, 0.999, 1e-8, 0.0, 1 - 0.9, 1 - 0.999)
        >>> p
        tensor([0.9000])
    """
    op = _adam_step_amsgrad if amsgrad else _adam_step
    _update_all(op, rows, lr, beta1, beta2, eps, weight_decay, correction1, correction2, decoupled, maximize)


@direct
def update_params(
    record: str,
    params: list[Tensor],
    state: dict[Tensor, dict[str, Any]],
    keys: tuple[str, ...],
    attrs: tuple[float, ...] | Callable[[int], tuple[float, ...]],
    counter: str | None = None,
) -> list[Tensor] | None:
    """Record a step of an optimizer for parameters that have a gradient; point them and their state at the results.

    Args:
        record: name of an update op, such as "adam_step".
        state: the state of each parameter by name.
        keys: names of the state tensors, in the order in which the op takes them.
        attrs: the attributes of the op; with a counter, a function that returns them for a count of steps.
        counter: name of the count of steps in the state, which goes up by one.

    Returns:
        The parameters that have a gradient; None, with nothing recorded or counted, if one lacks part of its state.

    Raises:
        TypeError: something else than tensors in `params`, or than dicts in `state`; keys or attributes that do not fit
            the op.

    Example:
        >>> import pyflame as pf
        >>> p, idle = pf.tensor([1.0]), pf.tensor([1.0])
        >>> p.grad = pf.tensor([2.0])
        >>> pf.ops.update_params("sgd_step_plain", [p, idle], {}, (), (0.1, 0.0, False))
        [tensor([0.8000])]
    """
    return _update_params(record, params, state, keys, attrs, counter)


@direct
def start_step(
    groups: list[dict[str, Any]], waiting: list[Tensor], state: dict[Tensor, dict[str, Any]], in_place: bool
) -> tuple[list[list[Tensor]], _core.Undo | None]:
    """Return, for each group of an optimizer, those of its "params" that have a gradient, and the way back.

    The way back is for an evaluation that fails, as it does where a batch has a class that there is none of: `back()`
    points parameters and state at what they were. It is None where the gradients have been evaluated.

    Args:
        waiting: tensors that the step is to evaluate as well. The loss that `backward` was last called on joins them
            if somebody holds it: almost every training loop asks for its value afterwards.
        state: the state of each parameter by name.
        in_place: evaluate the gradients and what is waiting now, if the parameters are at most 2^18 elements in all.
            `update_params` then needs no graph for them. The update of more belongs in one plan with its gradients.

    Raises:
        TypeError: a group without "params", or something else than tensors in the lists.

    Example:
        >>> import pyflame as pf
        >>> p, idle = pf.tensor([1.0], requires_grad=True), pf.tensor([2.0])
        >>> loss = (p * p).sum()
        >>> loss.backward()
        >>> pf.ops.start_step([{"params": [p, idle]}], [], {}, in_place=True)
        ([[tensor([1.], requires_grad=True)]], None)
        >>> loss.is_evaluated()
        True
    """
    return _start_step(groups, waiting, state, in_place)


def take_back(tensors: list[Tensor]) -> None:
    """Undo pending changes of tensors each of which has the value before it as its first operand.

    Running statistics are like that. They stay pending for good where the batch that moved them cannot be computed.

    Raises:
        TypeError: something else than tensors in the list.

    Example:
        >>> import pyflame as pf
        >>> mean = pf.eval(pf.zeros(2))
        >>> pf.ops.assign(mean, mean * 0.9 + pf.ops.embedding(pf.tensor([5]), pf.ones(3, 2))[0] * 0.1)
        >>> pf.ops.take_back([mean])
        >>> mean
        tensor([0., 0.])
    """
    _core.take_back(tensors)


@direct
def forget_grads(tensors: list[Tensor]) -> None:
    """Set the gradient of each tensor to None.

    Example:
        >>> import pyflame as pf
        >>> p = pf.tensor([1.0])
        >>> p.grad = pf.tensor([2.0])
        >>> pf.ops.forget_grads([p])
        >>> p.grad is None
        True
    """
    _forget_grads(tensors)
