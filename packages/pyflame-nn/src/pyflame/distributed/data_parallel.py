"""A module that trains in several processes at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pyflame import Tensor, as_tensor, cat, eval as evaluate, float32, is_grad_enabled, no_grad, zeros
from pyflame.nn import Module

from .collectives import ReduceOp, agree, all_gather_bytes, broadcast_all, on_host, reduced
from .group import needed

MEGABYTE = 1 << 20


class DistributedDataParallel(Module):
    """Wraps a module whose copies in several processes learn from different data.

    All copies begin with the weights of rank 0. `backward` ends by averaging the gradients over the processes, in
    buckets of many parameters each, so every copy takes the same step. A step with batches of n items in k processes is
    one with a batch of k * n items.

    The keys of `state_dict` begin with `module.`, as in PyTorch.

    Args:
        module: with the same parameters in all processes.
        bucket_cap_mb: size that a message of gradients has at most, in MiB, unless one parameter is larger.
        broadcast_buffers: give the buffers of rank 0, such as running statistics, to all before each forward pass in
            training.
        find_unused_parameters: look, after each forward pass, for parameters that the outputs do not depend on; their
            gradients count as zero. Without it, such parameters are an error.

    Raises:
        ValueError: the processes have other parameters than each other, or nothing is to be trained.
        RuntimeError: there is no process group; in `forward`, when parameters got no gradient before.

    Example:
        >>> from pyflame import distributed, nn
        >>> def main():  # mpirun -n 2 python train.py
        ...     distributed.init_process_group()
        ...     model = distributed.DistributedDataParallel(nn.Linear(2, 1))
    """

    def __init__(
        self,
        module: Module,
        bucket_cap_mb: float = 25.0,
        broadcast_buffers: bool = True,
        find_unused_parameters: bool = False,
    ) -> None:
        super().__init__()
        self.module = module
        self.broadcast_buffers, self.find_unused_parameters = broadcast_buffers, find_unused_parameters
        self._group = needed("DistributedDataParallel")
        self._names = {id(param): name for name, param in module.named_parameters()}
        self._trained: list[Tensor] = [param for param in module.parameters() if param.requires_grad]
        if not self._trained:
            raise ValueError("[DistributedDataParallel] no parameter requires grad: there is nothing to train")
        check_parameters(module)
        with no_grad():
            broadcast_all(self._group, "DistributedDataParallel", [*module.parameters(), *module.buffers()])
        self._buckets = in_buckets(self._trained, bucket_cap_mb)
        self._synchronizing = True
        self._ready: set[int] = set()
        self._unused: set[int] = set()
        self._waiting = False  # for the gradients of a forward pass
        for param in self._trained:
            param.register_post_accumulate_grad_hook(self._accumulated)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        expected = self._synchronizing and is_grad_enabled() and self.module.training
        if expected:
            self._check_last()
            if self.broadcast_buffers and self._group.size > 1:
                buffers = list(self.module.buffers())
                if buffers:
                    broadcast_all(self._group, "DistributedDataParallel", buffers)
        output = self.module(*args, **kwargs)
        if expected:
            self._ready.clear()
            self._waiting = True
            if self.find_unused_parameters:
                self._unused = {id(param) for param in self._trained} - used_leaves(output)
        return output

    def _check_last(self) -> None:
        """Gradients that arrived in part were not averaged: the copies would drift apart."""
        if not self._waiting or not self._ready:
            return
        missing = [self._names[id(param)] for param in self._trained if id(param) not in self._ready | self._unused]
        raise RuntimeError(
            f"[DistributedDataParallel] rank {self._group.rank}: the last backward gave no gradient to "
            f"{', '.join(missing[:10])}{' and others' if len(missing) > 10 else ''}: use all parameters for the loss, "
            "or pass find_unused_parameters=True"
        )

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Let gradients add up in each process; the first `backward` outside averages them all.

        Example:
            >>> def accumulate(model, batches, loss_of):
            ...     with model.no_sync():
            ...         for batch in batches[:-1]:
            ...             loss_of(model, batch).backward()
            ...     loss_of(model, batches[-1]).backward()
        """
        before, self._synchronizing = self._synchronizing, False
        try:
            yield
        finally:
            self._synchronizing = before

    def _accumulated(self, param: Tensor) -> None:
        if not self._synchronizing:
            return
        self._ready.add(id(param))
        if len(self._ready | self._unused) == len(self._trained):
            self._ready.clear()
            self._unused = set()
            self._waiting = False
            if self._group.size > 1:
                self._average()

    def _average(self) -> None:
        """Replace all gradients by their means over the processes."""
        with no_grad():
            flat = [cat([gradient_of(param).reshape(-1) for param in bucket]) for bucket in self._buckets]
            evaluate(flat)  # forward and backward pass of all buckets: one plan
            arrays = [on_host(values) for values in flat]
            del flat
            agree(self._group, "backward", f"of {sum(array.size for array in arrays)} elements")
            means = reduced(self._group, "backward", arrays, ReduceOp.AVG)
            for bucket, values in zip(self._buckets, means):
                ends = np.cumsum([param.numel() for param in bucket])
                for param, part in zip(bucket, np.split(values, ends[:-1])):
                    param.grad = as_tensor(part.reshape(tuple(param.shape))).to(param.dtype)


def gradient_of(param: Tensor) -> Tensor:
    """The gradient, zeros where there is none, in a type whose sums keep their digits."""
    gradient = zeros(param.shape, dtype=param.dtype) if param.grad is None else param.grad
    return gradient.to(float32) if gradient.dtype.itemsize < 4 else gradient


def check_parameters(module: Module) -> None:
    """Compare the parameters and buffers of all processes.

    Raises:
        ValueError: they differ, by name.
    """
    own = {
        name: f"{value.dtype.name} {tuple(value.shape)}{'' if value.requires_grad else ', not trained'}"
        for name, value in [*module.named_parameters(), *module.named_buffers()]
    }
    everyone = [json.loads(data) for data in all_gather_bytes(json.dumps(own).encode())]
    first = everyone[0]
    for rank, other in enumerate(everyone):
        differing = [name for name in {**first, **other} if first.get(name) != other.get(name)]
        if differing:
            name = differing[0]
            raise ValueError(
                f"[DistributedDataParallel] {name}: rank 0 has {first.get(name, 'none')}, rank {rank} has "
                f"{other.get(name, 'none')}; {len(differing)} of {len(first)} differ: build the same module everywhere"
            )
        if list(other) != list(first):
            raise ValueError(
                f"[DistributedDataParallel] rank {rank} has the parameters in another order than rank 0: build the "
                "same module everywhere"
            )


def in_buckets(params: list[Tensor], megabytes: float) -> list[list[Tensor]]:
    """Parameters of one dtype each, the last ones first, up to a size."""
    buckets: list[list[Tensor]] = []
    size = 0.0
    for param in reversed(params):
        if not buckets or param.dtype is not buckets[-1][-1].dtype or size + param.nbytes > megabytes * MEGABYTE:
            buckets.append([])
            size = 0.0
        buckets[-1].append(param)
        size += param.nbytes
    return buckets


def used_leaves(output: Any) -> set[int]:
    """The identities of the leaves that outputs were computed from."""
    found: set[int] = set()
    seen: set[Any] = set()
    pending = [tensor.grad_fn for tensor in tensors_in(output) if tensor.grad_fn is not None]
    while pending:
        function = pending.pop()
        if function in seen:
            continue
        seen.add(function)
        leaf = getattr(function, "variable", None)
        if leaf is not None:
            found.add(id(leaf))
        pending += [other for other, _ in function.next_functions if other is not None]
    return found


def tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from tensors_in(entry)
