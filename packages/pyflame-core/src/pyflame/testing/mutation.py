"""Damaged bytes, the same for the same seed."""

from __future__ import annotations

import random

_NUMBERS = [
    0,
    1,
    2,
    7,
    8,
    63,
    64,
    127,
    128,
    255,
    256,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**62,
    2**63,
    2**64 - 1,
]


def mutate(data: bytes, seed: int) -> bytes:
    """Damage bytes in one to four ways that readers are known to stumble over.

    Bits flip; bytes, numbers and whole pieces change, go missing, come twice or move; the end is cut off or grows.

    Args:
        data: at least one byte.
        seed: what is done depends on it and the data alone.

    Example:
        >>> mutate(b"pyflame", 1) == mutate(b"pyflame", 1), mutate(b"pyflame", 1) == b"pyflame"
        (True, False)
    """
    rng = random.Random(seed)
    result = bytearray(data)
    while result == data:
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            _change(result, rng)
    return bytes(result)


def _change(data: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(data)) if data else 0
    length = min(rng.choice([1, 1, 2, 4, 8, 16, 64, 500]), len(data) - place)
    kind = rng.randrange(9)
    if kind == 0 and data:
        data[place] ^= 1 << rng.randrange(8)
    elif kind == 1 and data:
        data[place] = rng.randrange(256)
    elif kind == 2:  # a number of 1, 2, 4 or 8 bytes, often at its edge
        size = rng.choice([1, 2, 4, 8])
        value = rng.choice(_NUMBERS) % 256**size
        data[place : place + size] = value.to_bytes(size, rng.choice(["little", "big"]))
    elif kind == 3:
        del data[place : place + length]
    elif kind == 4:
        data[place:place] = data[place : place + length]
    elif kind == 5:
        other = rng.randrange(len(data) + 1)
        data[place : place + length] = data[other : other + length]
    elif kind == 6:
        data[place : place + length] = rng.randbytes(length)
    elif kind == 7:  # digits, where text is
        digits = [k for k, byte in enumerate(data) if 48 <= byte <= 57]
        if digits:
            k = rng.choice(digits)
            data[k : k + 1] = str(rng.choice(_NUMBERS) - rng.choice([0, 0, 0, 1])).encode()
    elif rng.random() < 0.5:
        del data[rng.randrange(len(data) + 1) :]
    else:
        data += data[:length] if rng.random() < 0.5 else bytes(length)
