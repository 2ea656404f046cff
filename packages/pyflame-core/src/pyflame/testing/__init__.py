"""Tools for tests of everything built on tensors."""

from .compare import (
    assert_close as assert_close,
    assert_equal as assert_equal,
    fixed_seed as fixed_seed,
    make_tensor as make_tensor,
)
from .gradcheck import gradcheck as gradcheck, gradgradcheck as gradgradcheck
from .samples import OpInfo as OpInfo, op_db as op_db
