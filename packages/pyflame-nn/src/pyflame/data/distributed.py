"""The sampler that gives each process of a group its share."""

from __future__ import annotations

from collections.abc import Iterator, Sized

from .order import permutation
from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """A share of the items for one process of several: every `num_replicas`-th of a common order, from `rank` on.

    Args:
        dataset: has a length.
        num_replicas: how many processes there are.
        rank: which of them this is, from 0 on.
        shuffle: another random order in each epoch, which `set_epoch` chooses; the same in all processes.
        seed: of that order, the same in all processes.
        drop_last: leave out items at the end to make shares equal; else items from the begin come twice.

    Raises:
        ValueError: processes are not told, or the rank is none of them.

    Example:
        >>> from pyflame.data import DistributedSampler
        >>> [list(DistributedSampler(range(5), num_replicas=2, rank=rank, shuffle=False)) for rank in range(2)]
        [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise ValueError("[DistributedSampler] num_replicas and rank are not given: nothing else tells them")
        if not 0 <= rank < num_replicas:
            raise ValueError(f"[DistributedSampler] rank is {rank}: expected one of 0 to {num_replicas - 1}")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last, self.epoch = shuffle, seed, drop_last, 0

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.num_replicas)
        return full + (1 if rest and not self.drop_last else 0)

    @property
    def num_samples(self) -> int:
        """How many items the share has."""
        return len(self)

    @property
    def total_size(self) -> int:
        """How many items all shares have."""
        return len(self) * self.num_replicas

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; without it every epoch has the same."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = permutation(n, None, self.seed, self.epoch).tolist() if self.shuffle else list(range(n))
        if self.total_size > n > 0:
            order = (order * -(-self.total_size // n))[: self.total_size]
        return iter(order[self.rank : self.total_size : self.num_replicas])
