"""Commands of the host that wait for their turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _sim
from .lookup import Area, Lookup

# A host takes about 10 us to act: what PEs do after its last command, and send, is mostly done before the next one.
HOST_CYCLES = 10_000


class Transfer:
    """A host command that may still be under way; `Simulator.task_wait` waits for it."""

    def __init__(
        self, area: Area, step: Callable[[], None], stream: tuple[int, int] | None = None, queues: bool = False
    ) -> None:
        self.area = area
        self.step = step
        self.stream = stream  # color and words a PE, for a command that waits for a stream
        self.queues = queues  # whether the PEs keep it until their earlier commands are done
        self.done = False

    @property
    def lane(self) -> int:
        """Commands of one lane happen in order: all that are no streams, and the streams of one color."""
        return -1 if self.stream is None else self.stream[0]


class Transfers:
    """The commands that are under way.

    `waited` runs a wait of the machine and gives what it finds, `check` raises for findings.
    """

    def __init__(
        self,
        machine: _sim.Machine,
        lookup: Lookup,
        waited: Callable[..., list[Any]],
        check: Callable[[list[Any]], None],
    ) -> None:
        self.pending: list[Transfer] = []
        self._machine = machine
        self._lookup = lookup
        self._waited = waited
        self._check = check

    def submit(self, transfer: Transfer, nonblock: bool) -> Transfer:
        self.pending.append(transfer)
        self._advance()
        if not nonblock:
            self.finish(transfer)
        return transfer

    def _advance(self) -> bool:
        """Do every pending command whose turn has come; whether there was one."""
        progress = False
        waiting: set[int] = set()
        for transfer in list(self.pending):
            if transfer.lane in waiting or not self._may_run(transfer):
                waiting.add(transfer.lane)
                continue
            if transfer.stream is None and not transfer.queues:
                self._check(self._waited(self._machine.settle, HOST_CYCLES))
            self.pending.remove(transfer)
            transfer.done = progress = True
            transfer.step()
        return progress

    def _may_run(self, transfer: Transfer) -> bool:
        if transfer.stream is not None:
            return self._machine.stream_ready(self._lookup.pes(transfer.area), *transfer.stream)
        return transfer.queues or self._machine.commands_idle(*transfer.area)

    def finish(self, transfer: Transfer) -> None:
        if not transfer.done and transfer not in self.pending:
            self.pending.append(transfer)
        while True:
            self._advance()
            if transfer.done:
                return
            first = next(other for other in self.pending if other.lane == transfer.lane)
            if first.stream is not None:
                found = self._waited(self._machine.wait_stream, *first.area, *first.stream)
            else:
                found = self._waited(self._machine.wait_commands, *first.area)
            if found and not self._advance():
                self._check(found)
