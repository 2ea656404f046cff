import json

import numpy as np
import pytest

from pyflame.csl.host import sdk_utils


def test_views_share_the_low_bytes():
    words = np.array([0x1234ABCD, 0xFFFF0001], np.uint32)
    low = sdk_utils.memcpy_view(words, np.dtype(np.uint16))
    assert low.tolist() == [0xABCD, 1]
    low[1] = 7
    assert words[1] == 0xFFFF0007
    assert sdk_utils.memcpy_view(words, np.float32).shape == (2,)
    with pytest.raises(ValueError, match="float64"):
        sdk_utils.memcpy_view(words, np.float64)


def test_arrays_as_words():
    halves = np.array([1, -1, 2, 3], np.int16)
    assert sdk_utils.input_array_to_u32(halves, None, 4).tolist() == [1, 0xFFFF, 2, 3]
    assert sdk_utils.input_array_to_u32(halves, 1, 2).tolist() == [1, 0x1FFFF, 2, 0x10003]
    assert sdk_utils.input_array_to_u32(np.array([1.0], np.float16), None, 1).tolist() == [0x3C00]
    assert sdk_utils.input_array_to_u32(np.array([1.0], np.float32), None, 1).tolist() == [0x3F800000]
    with pytest.raises(ValueError, match="flat"):
        sdk_utils.input_array_to_u32(halves.reshape(2, 2), None, 4)


def test_bits_of_scalars():
    assert sdk_utils.cast_uint32(-1) == 0xFFFFFFFF
    assert sdk_utils.cast_uint32(1.0) == 0x3F800000
    assert sdk_utils.cast_uint32(np.float16(1)) == 0x3C00
    assert sdk_utils.cast_uint32(np.int16(-1)) == 0xFFFF
    assert sdk_utils.float_to_hex(1.0) == "0x3f800000"
    with pytest.raises(ValueError, match="2 or 4 bytes"):
        sdk_utils.cast_uint32(np.int64(1))


def test_cycles_between_time_stamps():
    start, end = 0x0001_FFFF_FFF0, 0x0002_0000_0110
    halves = [value >> shift & 0xFFFF for value in (start, end) for shift in (0, 16, 32)]
    stored = np.array(halves, np.uint16).view(np.float32)
    assert sdk_utils.make_u48(np.array(halves[:3], np.uint16)) == start
    assert sdk_utils.calculate_cycles(stored) == end - start


def test_exported_functions(tmp_path):
    symbols = [
        {"id": 0, "kind": "Var", "name": "A", "type": "[*]f32"},
        {"id": 1, "kind": "Func", "name": "f", "inputs": [{"name": "arg0", "type": "f32"}], "type": "void"},
    ]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "out_rpc.json").write_text(json.dumps({"rpc_symbols": symbols}))
    assert sdk_utils.get_api_info_dict(tmp_path) == {"f": (["arg0"], ["f32"])}
