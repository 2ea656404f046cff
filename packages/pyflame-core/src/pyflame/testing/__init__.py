"""Tools for tests of everything built on tensors."""

from ..autograd.check import gradcheck as gradcheck, gradgradcheck as gradgradcheck
from .backends import BackendReport as BackendReport, check_backend as check_backend
from .checks import assert_no_leak as assert_no_leak, check_layouts as check_layouts, check_pass as check_pass
from .compare import (
    assert_close as assert_close,
    assert_equal as assert_equal,
    fixed_seed as fixed_seed,
    make_tensor as make_tensor,
)
from .graphs import random_graph as random_graph
from .samples import OpInfo as OpInfo, op_db as op_db
