"""Conversions between host arrays and the 32-bit words of memcpy, and time stamps: `cerebras.sdk.sdk_utils`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def cast_uint32(value: Any) -> np.uint32:
    """The bits of a scalar of 2 or 4 bytes, 16-bit ones zero-extended; Python numbers count as 32-bit."""
    if isinstance(value, bool | int):
        return np.uint32(value & 0xFFFFFFFF)
    scalar = np.float32(value) if isinstance(value, float) else np.asarray(value)[()]
    if scalar.dtype.itemsize not in (2, 4):
        raise ValueError(f"[csl] {scalar!r} is a {scalar.dtype}: cast_uint32 takes scalars of 2 or 4 bytes")
    return np.uint32(scalar.view(f"u{scalar.dtype.itemsize}"))


def memcpy_view(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """The low bytes of each word as an array of `dtype` that shares the memory.

    Raises:
        ValueError: `array` has not 4-byte elements, or `dtype` is wider.
    """
    kind = np.dtype(dtype)
    if array.dtype.itemsize != 4 or kind.itemsize not in (1, 2, 4):
        raise ValueError(f"[csl] memcpy_view of {array.dtype} as {kind}: words of 4 bytes, and a type of at most 4")
    narrow = array.view(kind)
    return narrow[..., :: 4 // kind.itemsize]


def input_array_to_u32(np_arr: NDArray[Any], sentinel: int | None, fast_dim_sz: int) -> NDArray[np.uint32]:
    """A flat array as words: 32-bit elements as they are, 16-bit ones in the low half.

    Args:
        sentinel: None leaves the high half zero; else it holds the index of the element.
        fast_dim_sz: after so many elements the index starts again.
    """
    if np_arr.ndim != 1 or np_arr.itemsize not in (2, 4):
        raise ValueError(f"[csl] a {np_arr.dtype} array of shape {np_arr.shape}: flat ones of 2 or 4 bytes are taken")
    if np_arr.itemsize == 4:
        return np_arr.view(np.uint32)
    words = np_arr.view(np.uint16).astype(np.uint32)
    if sentinel is not None:
        words |= (np.arange(words.size, dtype=np.uint32) % np.uint32(fast_dim_sz)) << np.uint32(16)
    return words


def float_to_hex(value: float) -> str:
    """The bits of an f32 as hexadecimal text."""
    return hex(int(np.float32(value).view(np.uint32)))


def make_u48(words: NDArray[np.uint16]) -> np.int64:
    """Three 16-bit words, the low one first, as one number."""
    low, middle, high = (int(word) for word in words)
    return np.int64(low | middle << 16 | high << 32)


def sub_ts(words: NDArray[np.uint16]) -> np.int64:
    """The cycles between two time stamps of three words, the earlier one first."""
    return np.int64(make_u48(words[3:6]) - make_u48(words[:3]))


def calculate_cycles(timestamp_buf: NDArray[np.float32]) -> np.int64:
    """The cycles between two time stamps whose six 16-bit words lie in three f32, low halves first."""
    return sub_ts(np.ascontiguousarray(timestamp_buf[:3], np.float32).view(np.uint16))


def get_api_info_dict(app_path: str | os.PathLike[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Names and types of the parameters of each function that a compiled program exports."""
    return get_api_info_dict_from_json(Path(app_path, "bin", "out_rpc.json"))


def get_api_info_dict_from_json(json_path: str | os.PathLike[str]) -> dict[str, tuple[list[str], list[str]]]:
    """The same, from the file itself."""
    symbols = json.loads(Path(json_path).read_text())["rpc_symbols"]
    functions = {symbol["name"]: symbol.get("inputs", []) for symbol in symbols if symbol["kind"] == "Func"}
    return {
        name: ([entry["name"] for entry in inputs], [entry["type"] for entry in inputs])
        for name, inputs in functions.items()
    }
