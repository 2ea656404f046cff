import numpy as np
import pytest

from pyflame.csl.host.debug import debug_util
from pyflame.csl.host.runtime import SdkRuntime


def test_traces_and_symbols_in_fabric_coordinates(compiled):
    runner = SdkRuntime(compiled)
    runner.load()
    runner.run()
    runner.launch("scale", 1.5, -2)
    runner.stop()
    debug = debug_util(compiled, cmaddr=None)
    text, factor, offset, flag, stamp = debug.read_trace(4 + 1, 1 + 0, "steps")
    assert (text, factor, offset, flag) == ("begin", 1.5, -2, True) and stamp >= 0
    assert debug.get_symbol(4, 1, "x", np.float32).tolist() == [-2.0] * 4
    assert debug.get_symbol_rect(((4, 1), (2, 1)), "x", np.float32).shape == (2, 1, 4)


def test_a_program_that_did_not_run(tmp_path):
    with pytest.raises(RuntimeError, match="has not been run"):
        debug_util(tmp_path)
