"""Write what PyTorch computes to packages/pyflame-nn/tests/references, for the tests of pyflame-nn to compare with.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    PYTHONPATH=packages/pyflame-core/src venv/bin/python ci/make_torch_references.py

It draws calls of functions with pyflame.testing, so a built pyflame-core is needed. Other cases are named by the
expression that makes them, which means the same in both libraries: `nn.Linear(4, 3)`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "packages" / "pyflame-nn" / "tests" / "references"
STEPS = 20
EPOCHS = 60
CALLS = 8  # of each family of functions

# expression -> shape of the input
LAYERS = {
    "nn.Linear(4, 3)": (5, 4),
    "nn.Linear(4, 3, bias=False)": (2, 5, 4),
    "nn.Flatten()": (2, 3, 4),
    "nn.Unflatten(1, (2, 3))": (2, 6),
    "nn.Conv2d(3, 4, 3)": (2, 3, 6, 5),
    "nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2))": (2, 3, 7, 6),
    "nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False)": (2, 4, 5, 5),
    "nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4)": (2, 4, 6, 6),
    "nn.Conv2d(2, 3, 1)": (2, 2, 3, 3),
    "nn.Conv2d(2, 3, (4, 3), padding='same', dilation=(1, 2))": (2, 2, 6, 6),
    "nn.Conv2d(2, 3, 3, padding='valid')": (2, 5, 5),
    "nn.MaxPool2d(2)": (2, 3, 6, 6),
    "nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)": (2, 3, 8, 7),
    "nn.MaxPool2d((2, 3), stride=1, dilation=2)": (3, 7, 8),
    "nn.AvgPool2d(2)": (2, 3, 6, 6),
    "nn.AvgPool2d(3, stride=2, padding=1)": (2, 3, 7, 8),
    "nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)": (2, 3, 8, 8),
    "nn.AvgPool2d((2, 3), divisor_override=4)": (2, 3, 4, 6),
    "nn.BatchNorm1d(4)": (6, 4),
    "nn.BatchNorm1d(4, affine=False, momentum=0.3)": (3, 4, 5),
    "nn.BatchNorm2d(3, eps=0.01)": (4, 3, 3, 2),
    "nn.BatchNorm2d(3, momentum=None)": (2, 3, 4, 4),
    "nn.BatchNorm2d(3, track_running_stats=False)": (2, 3, 4, 4),
    "nn.BatchNorm1d(4).eval()": (6, 4),
    "nn.BatchNorm2d(3).eval()": (2, 3, 2, 2),
    "nn.BatchNorm2d(3, track_running_stats=False).eval()": (2, 3, 4, 4),
    "nn.ReLU()": (4, 5),
    "nn.LeakyReLU(0.2)": (4, 5),
    "nn.ELU(0.7)": (4, 5),
    "nn.SiLU()": (4, 5),
    "nn.GELU()": (4, 5),
    "nn.GELU(approximate='tanh')": (4, 5),
    "nn.Sigmoid()": (4, 5),
    "nn.LogSigmoid()": (4, 5),
    "nn.Tanh()": (4, 5),
    "nn.Softplus(beta=2.0)": (4, 5),
    "nn.Softmax(dim=1)": (4, 5),
    "nn.LogSoftmax(dim=-1)": (2, 3, 5),
    "nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3))": (4, 1, 5, 5),
}

# expression -> what kind of input and target; `w` and `p` in the expressions are vectors of weights
LOSSES = {
    "nn.CrossEntropyLoss()": "classes",
    "nn.CrossEntropyLoss(reduction='sum')": "classes",
    "nn.CrossEntropyLoss(reduction='none')": "classes",
    "nn.CrossEntropyLoss(weight=w)": "classes",
    "nn.CrossEntropyLoss(ignore_index=2)": "classes",
    "nn.CrossEntropyLoss(weight=w, ignore_index=1, label_smoothing=0.2)": "classes",
    "nn.CrossEntropyLoss(label_smoothing=0.1, reduction='none')": "classes",
    "nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.1)": "dense",
    "nn.CrossEntropyLoss(weight=w, reduction='none')": "dense",
    "nn.CrossEntropyLoss(weight=w, reduction='sum', label_smoothing=0.3)": "single",
    "nn.CrossEntropyLoss(weight=w, label_smoothing=0.2)": "probabilities",
    "nn.CrossEntropyLoss(reduction='none')  #": "probabilities",
    "nn.NLLLoss(weight=w, ignore_index=3)": "classes",
    "nn.NLLLoss(reduction='sum')": "dense",
    "nn.MSELoss()": "values",
    "nn.MSELoss(reduction='sum')": "values",
    "nn.L1Loss(reduction='none')": "values",
    "nn.SmoothL1Loss(beta=0.7)": "values",
    "nn.HuberLoss(delta=0.6)": "values",
    "nn.BCEWithLogitsLoss()": "shares",
    "nn.BCEWithLogitsLoss(weight=w, pos_weight=p, reduction='none')": "shares",
    "nn.BCELoss(weight=w)": "unit",
    "nn.KLDivLoss(reduction='batchmean')": "shares",
    "nn.KLDivLoss(log_target=True)": "values",
}

OPTIMIZERS = [
    "optim.SGD(params, lr=0.1)",
    "optim.SGD(params, lr=0.1, momentum=0.9)",
    "optim.SGD(params, lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.05)",
    "optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1)",
    "optim.SGD(params, lr=0.05, weight_decay=0.1, maximize=True)",
    "optim.Adam(params, lr=0.05)",
    "optim.Adam(params, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)",
    "optim.Adam(params, lr=0.05, amsgrad=True)",
    "optim.Adam(params, lr=0.05, betas=(0.3, 0.9), maximize=True)",
    "optim.AdamW(params, lr=0.05)",
    "optim.AdamW(params, lr=0.05, weight_decay=0.2, amsgrad=True)",
    "optim.AdamW([{'params': params[:1]}, {'params': params[1:], 'lr': 0.2, 'weight_decay': 0.0}], lr=0.05)",
]

# whose steps are taken in double precision
STEPPERS = [
    "optim.Adamax(params, lr=0.05)",
    "optim.Adamax(params, lr=0.05, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.1, maximize=True)",
    "optim.NAdam(params, lr=0.05)",
    "optim.NAdam(params, lr=0.05, betas=(0.8, 0.95), weight_decay=0.1, momentum_decay=0.1)",
    "optim.NAdam(params, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True, maximize=True)",
    "optim.RAdam(params, lr=0.05)",
    "optim.RAdam(params, lr=0.05, betas=(0.8, 0.6), weight_decay=0.1)",
    "optim.RAdam(params, lr=0.05, betas=(0.9, 0.99), weight_decay=0.1, decoupled_weight_decay=True, maximize=True)",
    "optim.RMSprop(params, lr=0.05)",
    "optim.RMSprop(params, lr=0.05, alpha=0.8, eps=1e-3, weight_decay=0.1, momentum=0.7)",
    "optim.RMSprop(params, lr=0.02, momentum=0.5, centered=True, maximize=True)",
    "optim.RMSprop(params, lr=0.02, alpha=0.9, centered=True)",
    "optim.Adagrad(params, lr=0.2)",
    "optim.Adagrad(params, lr=0.2, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.3, maximize=True)",
    "optim.Adadelta(params)",
    "optim.Adadelta(params, lr=2.0, rho=0.7, eps=1e-3, weight_decay=0.1, maximize=True)",
    "optim.ASGD(params, lr=0.2)",
    "optim.ASGD(params, lr=0.2, lambd=0.05, alpha=0.6, t0=5, weight_decay=0.1, maximize=True)",
    "optim.Rprop(params)",
    "optim.Rprop(params, lr=0.2, etas=(0.3, 1.5), step_sizes=(0.05, 0.4))",
    "optim.Rprop(params, lr=0.1, maximize=True)",
    "optim.LBFGS(params, lr=0.3, max_iter=3)",
    "optim.LBFGS(params, lr=0.1, max_iter=4, history_size=2, max_eval=3)",
    "optim.LBFGS(params, max_iter=2, line_search_fn='strong_wolfe')",
    "optim.LBFGS(params, lr=20.0, max_iter=3, history_size=3, line_search_fn='strong_wolfe')",
    "optim.Adagrad([{'params': params[:1]}, {'params': params[1:], 'lr': 0.02, 'weight_decay': 0.1}], lr=0.1)",
]

# `sgd` and `adam` are optimizers of two groups, `lr` is optim.lr_scheduler
SCHEDULERS = [
    "lr.StepLR(sgd, 3, gamma=0.5)",
    "lr.StepLR(sgd, 7)",
    "lr.MultiStepLR(sgd, [30, 4, 9, 9], gamma=0.3)",
    "lr.ConstantLR(sgd)",
    "lr.ConstantLR(sgd, factor=0.7, total_iters=20)",
    "lr.LinearLR(sgd)",
    "lr.LinearLR(sgd, start_factor=1.0, end_factor=0.2, total_iters=40)",
    "lr.ExponentialLR(sgd, 0.95)",
    "lr.PolynomialLR(sgd, total_iters=45, power=2.0)",
    "lr.PolynomialLR(sgd)",
    "lr.CosineAnnealingLR(sgd, 15, eta_min=0.01)",
    "lr.CosineAnnealingLR(sgd, 60)",
    "lr.CosineAnnealingWarmRestarts(sgd, 7)",
    "lr.CosineAnnealingWarmRestarts(sgd, 5, T_mult=2, eta_min=0.02)",
    "lr.OneCycleLR(sgd, 1.0, total_steps=60)",
    "lr.OneCycleLR(sgd, [1.0, 0.3], epochs=7, steps_per_epoch=9, anneal_strategy='linear', pct_start=0.4)",
    "lr.OneCycleLR(adam, 0.1, total_steps=70, three_phase=True, div_factor=10.0, base_momentum=0.7)",
    "lr.OneCycleLR(adam, 0.1, total_steps=60, cycle_momentum=False)",
    "lr.CyclicLR(sgd, 0.1, 0.9, step_size_up=7)",
    "lr.CyclicLR(sgd, [0.1, 0.2], [0.9, 0.7], step_size_up=4, step_size_down=9, mode='triangular2', max_momentum=0.95)",
    "lr.CyclicLR(adam, 0.1, 0.9, step_size_up=6, mode='exp_range', gamma=0.97)",
    "lr.CyclicLR(sgd, 0.1, 0.9, step_size_up=6, scale_fn=lambda x: 1 / (1 + x), scale_mode='iterations')",
    "lr.LambdaLR(sgd, lambda epoch: 1 / (1 + epoch))",
    "lr.LambdaLR(sgd, [lambda epoch: 0.9**epoch, lambda epoch: epoch / 10])",
    "lr.MultiplicativeLR(sgd, lambda epoch: 1 - 0.3 / (1 + epoch))",
    "lr.ChainedScheduler([lr.ConstantLR(sgd, 0.1, 10), lr.ExponentialLR(sgd, 0.9)])",
    "lr.ChainedScheduler([lr.LinearLR(sgd, 0.1, 1.0, 10), lr.CosineAnnealingLR(sgd, 20), lr.StepLR(sgd, 9)])",
    "lr.SequentialLR(sgd, [lr.ConstantLR(sgd, 0.1, 10), lr.ExponentialLR(sgd, 0.9)], [8])",
    "lr.SequentialLR(sgd, [lr.LinearLR(sgd, 0.1), lr.CosineAnnealingLR(sgd, 20), lr.StepLR(sgd, 9)], [5, 25])",
    "lr.SequentialLR(sgd, [lr.MultiplicativeLR(sgd, lambda epoch: 0.95), lr.PolynomialLR(sgd, 9),"
    " lr.LinearLR(sgd, 0.5), lr.MultiStepLR(sgd, [0, 3])], [10, 25, 40])",
    "lr.SequentialLR(sgd, [lr.ExponentialLR(sgd, 0.9), lr.CosineAnnealingWarmRestarts(sgd, 6)], [13])",
    "lr.ReduceLROnPlateau(sgd, patience=1, cooldown=1, factor=0.5)",
    "lr.ReduceLROnPlateau(sgd, 'max', patience=0, threshold_mode='abs', min_lr=[0.02, 0.1])",
    "lr.ReduceLROnPlateau(sgd, 'min', 0.8, 2, threshold=0.1)",
    "swa.SWALR(sgd, swa_lr=0.05)",
    "swa.SWALR(sgd, swa_lr=[0.05, 0.3], anneal_epochs=25, anneal_strategy='linear')",
    "lr.SequentialLR(sgd, [lr.ExponentialLR(sgd, 0.9), swa.SWALR(sgd, swa_lr=0.05, anneal_epochs=5)], [30])",
]

Arrays = dict[str, np.ndarray[Any, Any]]


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return RANDOM.standard_normal(shape).astype(np.float32)


RANDOM = np.random.default_rng(2024)


def layers(torch: Any) -> Arrays:
    """For each layer: input, state before and after, output, the gradient that came and those that went."""
    found: Arrays = {}
    for case, shape in LAYERS.items():
        layer = eval(case, {"nn": torch.nn})
        for name, tensor in layer.state_dict().items():
            if tensor.is_floating_point():
                values = normal(*tensor.shape)
                tensor.copy_(torch.tensor(abs(values) + 0.5 if name.endswith("var") else values))
            found[f"{case}/before/{name}"] = tensor.numpy().copy()
        x = torch.tensor(normal(*shape), requires_grad=True)
        y = layer(x)
        upstream = normal(*y.shape)
        y.backward(torch.tensor(upstream))
        found |= {f"{case}/{key}": value for key, value in (("x", x), ("y", y), ("grad_x", x.grad))}
        found[f"{case}/upstream"] = upstream
        found |= {f"{case}/grad/{name}": parameter.grad for name, parameter in layer.named_parameters()}
        found |= {f"{case}/after/{name}": tensor for name, tensor in layer.state_dict().items()}
    return found


def loss_arguments(kind: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    shapes = {"dense": (2, 5, 3, 2), "single": (5,)}
    x = normal(*shapes.get(kind, (6, 5)))
    if kind in ("classes", "dense", "single"):
        return x, RANDOM.integers(0, 5, x.shape[:1] + x.shape[2:] if x.ndim > 1 else ())
    if kind == "probabilities":
        return x, RANDOM.dirichlet(np.ones(5), 6).astype(np.float32)
    if kind == "unit":
        x = RANDOM.uniform(0.01, 0.99, x.shape).astype(np.float32)
    target = normal(*x.shape) if kind == "values" else RANDOM.uniform(0, 1, x.shape).astype(np.float32)
    return x, target


def losses(torch: Any) -> Arrays:
    """For each loss: weights, input, target, value and the gradient of the sum of values."""
    w, p = (RANDOM.uniform(0.5, 2.0, 5).astype(np.float32) for _ in range(2))
    found: Arrays = {"w": w, "p": p}
    for case, kind in LOSSES.items():
        values, target = loss_arguments(kind)
        x = torch.tensor(values, requires_grad=True)
        y = eval(case, {"nn": torch.nn, "w": torch.tensor(w), "p": torch.tensor(p)})(x, torch.tensor(target))
        y.sum().backward()
        found |= {f"{case}/x": x, f"{case}/target": target, f"{case}/y": y, f"{case}/grad_x": x.grad}
    return found


def optimizers(torch: Any) -> Arrays:
    """For each optimizer: the parameters after each of its steps on a small regression."""
    found: Arrays = {"w": normal(4, 3), "b": normal(3), "x": normal(8, 4), "t": normal(8, 3)}
    x, t = torch.tensor(found["x"]), torch.tensor(found["t"])
    for case in OPTIMIZERS:
        params = [torch.nn.Parameter(torch.tensor(found[name])) for name in "wb"]
        optimizer = eval(case, {"optim": torch.optim, "params": params})
        path: dict[str, list[np.ndarray[Any, Any]]] = {"w": [], "b": []}
        for _ in range(STEPS):
            optimizer.zero_grad()
            (((x @ params[0] + params[1]).tanh() - t) ** 2).mean().backward()
            optimizer.step()
            for name, param in zip("wb", params):
                path[name].append(param.detach().numpy().copy())
        found |= {f"{case}/{name}": np.stack(values) for name, values in path.items()}
    return found


def regression(optimizer: Any, params: list[Any], x: Any, t: Any) -> Any:
    """The loss as optimizers ask for it: with gradients."""

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (((x @ params[0] + params[1]).tanh() - t) ** 2).mean()
        loss.backward()
        return loss

    return closure


def steppers(torch: Any) -> Arrays:
    """For each optimizer: both parameters, one after the other, after each of its steps."""
    random = np.random.default_rng(7)
    shapes = {"w": (3, 2), "b": (2,), "x": (6, 3), "t": (6, 2)}
    found: Arrays = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    x, t = torch.tensor(found["x"]), torch.tensor(found["t"])
    torch.set_default_dtype(torch.float64)  # in which optimizers keep their numbers
    for case in STEPPERS:
        params = [torch.nn.Parameter(torch.tensor(found[name])) for name in "wb"]
        optimizer = eval(case, {"optim": torch.optim, "params": params})
        closure = regression(optimizer, params, x, t)
        path = []
        for _ in range(STEPS):
            optimizer.step(closure)
            path.append(np.concatenate([param.detach().numpy().ravel() for param in params]))
        found[case] = np.stack(path)
    torch.set_default_dtype(torch.float32)
    return found


def schedulers(torch: Any) -> Arrays:
    """For each scheduler: both learning rates and the momentum after each step, given the measured values."""
    random = np.random.default_rng(11)
    found: Arrays = {"values": random.uniform(0, 1, EPOCHS) + np.linspace(2, 1, EPOCHS)}
    for case in SCHEDULERS:
        params = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
        groups: list[dict[str, Any]] = [{"params": params[:1]}, {"params": params[1:], "lr": 0.2}]
        optimizers = {
            "sgd": torch.optim.SGD(groups, lr=0.5, momentum=0.9),
            "adam": torch.optim.Adam([dict(group) for group in groups], lr=0.5),
        }
        scheduler = eval(case, {"lr": torch.optim.lr_scheduler, "swa": torch.optim.swa_utils, **optimizers})
        rates = []
        for value in found["values"]:
            scheduler.optimizer.step()
            scheduler.step(*([float(value)] if "Plateau" in case else []))
            one, two = scheduler.optimizer.param_groups
            rates.append((one["lr"], two["lr"], one["betas"][0] if "betas" in one else one["momentum"]))
        found[case] = np.array(rates)
    return found


def functional(torch: Any) -> Arrays:
    """For each family of functions: the first calls that PyTorch takes, and all their results in one line."""
    from pyflame.testing.layer_cases import FAMILIES, Draw, outcome

    found: Arrays = {}
    for family, draw in FAMILIES.items():
        seeds, results = [], []
        for seed in range(10 * CALLS):
            case = draw(Draw(seed, family))
            try:
                arrays = outcome(case, {"F": torch.nn.functional, "R": torch}, torch.tensor, torch.float64)
            except Exception:  # a call that PyTorch refuses has no results
                continue
            seeds.append(seed)
            results += [np.ravel(array).astype(np.float64) for array in arrays]
            if len(seeds) == CALLS:
                break
        found |= {f"{family}/seeds": np.array(seeds), f"{family}/results": np.concatenate(results).astype(np.float32)}
    return found


def to_numpy(value: Any) -> np.ndarray[Any, Any]:
    return value if isinstance(value, np.ndarray) else value.detach().numpy()


def main() -> None:
    torch = importlib.import_module("torch")
    TARGET.mkdir(parents=True, exist_ok=True)
    for make in (layers, losses, optimizers, schedulers, functional, steppers):
        arrays: dict[str, Any] = {name: to_numpy(value) for name, value in make(torch).items()}
        path = TARGET / f"{make.__name__}.npz"
        np.savez_compressed(path, **arrays)
        print(f"{path.relative_to(ROOT)}: {len(arrays)} arrays, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
