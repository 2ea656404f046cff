"""Batches on their way from a worker: structure through a socket, the bytes of arrays through shared memory.

A slot is a piece of memory without a name in any file system: its descriptor travels through the socket once, both
sides map it, and the kernel frees it with the last mapping, however the processes end. The tensors of a batch are views
of its slot. When the last of them is gone the parent gives the slot back with its next message, and the worker writes
another batch there: in the steady state no memory is allocated, mapped or cleared.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import weakref
from collections.abc import Callable
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from pyflame import Tensor, bfloat16, from_numpy

HAS_SHARED_MEMORY = hasattr(os, "memfd_create")
# Bytes. In processor time of both sides the two ways are equal here; at 1 MiB the socket takes ten times as much.
SMALLEST = 32 << 10
MOST_SLOTS = 64  # of one worker; when the program keeps more batches than that, they come through the socket
ALIGNMENT = 64

Layout = list[tuple[int, int]]  # begin and end of each array in the slot


def _tensor_of(array: np.ndarray[Any, Any]) -> Tensor:
    return from_numpy(array, copy=False)


class _Pickler(pickle.Pickler):
    """Hands the memory of arrays and tensors out instead of writing it into the stream."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is Tensor and not value.requires_grad and value.dtype != bfloat16:
            return _tensor_of, (value.numpy(),)
        if type(value) is np.ndarray and not (value.flags.c_contiguous or value.dtype.hasobject):
            return np.asarray, (value.copy(order="C"),)
        return NotImplemented


def pack(value: Any) -> tuple[bytes, list[memoryview]]:
    """Return a stream of bytes, and the memory of the arrays in a value."""
    buffers: list[memoryview] = []
    stream = io.BytesIO()
    _Pickler(stream, 5, buffer_callback=lambda buffer: buffers.append(buffer.raw())).dump(value)
    return stream.getvalue(), buffers


def place(buffers: list[memoryview]) -> tuple[Layout, int]:
    """Return where in a slot each array goes, and how many bytes that takes."""
    layout, end = [], 0
    for buffer in buffers:
        begin = -(-end // ALIGNMENT) * ALIGNMENT
        end = begin + buffer.nbytes
        layout.append((begin, end))
    return layout, end


class Sender:
    """The worker's side."""

    def __init__(self, connection: Connection, shared: bool) -> None:
        self.connection, self.shared = connection, shared
        self.slots: list[mmap.mmap] = []
        self.free: list[int] = []

    def release(self, slots: list[int]) -> None:
        """Take back slots that the parent has no use for any more."""
        self.free += slots

    def send(self, head: tuple[Any, ...], stream: bytes, buffers: list[memoryview]) -> None:
        """Send a packed value, with a head that goes as it is."""
        layout, size = place(buffers)
        slot, descriptor = self._slot(size) if self.shared and size >= SMALLEST else (None, None)
        if slot is None:
            self.connection.send((head, stream, [bytes(buffer) for buffer in buffers], None))
            return
        memory = np.frombuffer(self.slots[slot], np.uint8)
        for (begin, end), buffer in zip(layout, buffers):
            memory[begin:end] = np.frombuffer(buffer, np.uint8)
        new = descriptor is not None
        self.connection.send((head, stream, layout, (slot, len(self.slots[slot]), new)))
        if descriptor is not None:
            try:
                reduction.send_handle(self.connection, descriptor, os.getppid())
            finally:
                os.close(descriptor)

    def _slot(self, size: int) -> tuple[int | None, int | None]:
        """Return the smallest free slot that is large enough, or a new one with its descriptor, or None."""
        fitting = [slot for slot in self.free if len(self.slots[slot]) >= size]
        if fitting:
            slot = min(fitting, key=lambda slot: len(self.slots[slot]))
            self.free.remove(slot)
            return slot, None
        if len(self.slots) >= MOST_SLOTS:
            return None, None
        # Batches of slightly different sizes share slots.
        capacity = -(-size * 5 // (4 * mmap.PAGESIZE)) * mmap.PAGESIZE
        descriptor = os.memfd_create("pyflame-batch", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, capacity)
        self.slots.append(mmap.mmap(descriptor, capacity))
        return len(self.slots) - 1, descriptor


class Receiver:
    """The parent's side."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.slots: dict[int, mmap.mmap] = {}
        self.freed: list[int] = []

    def take_freed(self) -> list[int]:
        """Return the slots that no tensor uses any more."""
        # Finalizers append from any thread; what they append after the copy stays for the next time.
        freed = self.freed[:]
        del self.freed[: len(freed)]
        return freed

    def receive(self) -> tuple[tuple[Any, ...], Callable[[], Any]]:
        """Return the head of the next message, and what makes its value; unused values give their slot back."""
        head, stream, parts, slot = self.connection.recv()
        if slot is None:
            return head, lambda: pickle.loads(stream, buffers=list(map(bytearray, parts)))  # arrays can be written to
        number, capacity, new = slot
        if new:
            descriptor = reduction.recv_handle(self.connection)
            try:
                self.slots[number] = mmap.mmap(descriptor, capacity)
            finally:
                os.close(descriptor)
        root = np.frombuffer(self.slots[number], np.uint8)
        weakref.finalize(root, self.freed.append, number).atexit = False
        return head, lambda: pickle.loads(stream, buffers=[root[begin:end] for begin, end in parts])
