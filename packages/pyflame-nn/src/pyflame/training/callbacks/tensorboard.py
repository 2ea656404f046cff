"""Measurements for TensorBoard.

Written here, as scalars need few fields of one message, and the libraries that write them bring TensorBoard or PyTorch
along. TensorBoard's own reader judges the files in the tests.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .logger import LoggerCallback

if TYPE_CHECKING:
    from ..trainer import Trainer

POLYNOMIAL = 0x82F63B78  # of CRC-32C, bits reversed


def crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


class TensorBoardLogger(LoggerCallback):
    """Writes measurements as event files that TensorBoard shows; TensorBoard itself is not needed to write them.

    Losses of logged steps appear as `loss`, the epoch's as `epoch_loss`, others under their names. A run that goes on
    from a checkpoint begins a new file in the same folder, which TensorBoard joins to the others by step.

    Args:
        log_dir: the folder.

    Example:
        >>> from pyflame.training import TensorBoardLogger
        >>> logger = TensorBoardLogger("build/runs/first")
    """

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        super().__init__(self)
        self.log_dir = Path(log_dir)
        self._file: IO[bytes] | None = None

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        """Write numbers of one step, and flush them to the file."""
        if self._file is None:
            self.log_dir.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
            self._file = open(self.log_dir / name, "xb")
            self._file.write(record(event(file_version="brain.Event:2")))
        self._file.write(record(event(step=step, values=metrics)))
        self._file.flush()

    def on_train_end(self, trainer: Trainer, **kw: Any) -> None:
        self.close()

    def on_exception(self, trainer: Trainer, exception: BaseException, **kw: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next measurement begins another."""
        if self._file is not None:
            self._file.close()
            self._file = None


def event(step: int = 0, values: dict[str, float] | None = None, file_version: str = "") -> bytes:
    """A message `Event` in protobuf's wire format: 1 wall_time, 2 step, 3 file_version, 5 summary."""
    parts = [b"\x09" + struct.pack("<d", time.time()), b"\x10" + varint(step)]
    if file_version:
        parts.append(field(3, file_version.encode()))
    if values:
        # Summary: 1 value, each 1 tag and 2 simple_value, a float.
        scalars = (field(1, tag.encode()) + b"\x15" + struct.pack("<f", value) for tag, value in values.items())
        parts.append(field(5, b"".join(field(1, scalar) for scalar in scalars)))
    return b"".join(parts)


def field(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def record(content: bytes) -> bytes:
    """Content in the frame of a TFRecord file: length, its checksum, content, its checksum."""
    length = struct.pack("<Q", len(content))
    return length + checksum(length) + content + checksum(content)


def checksum(data: bytes) -> bytes:
    """CRC-32C, rotated and shifted as TFRecord wants it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
