"""Mixed precision: fast operations in 16 bits, sensitive ones in 32."""

from __future__ import annotations

from ..ops.half import in_float32 as in_float32
from .grad_scaler import GradScaler as GradScaler
from .precision import (
    autocast as autocast,
    custom_bwd as custom_bwd,
    custom_fwd as custom_fwd,
    float32_inputs as float32_inputs,
    get_autocast_dtype as get_autocast_dtype,
    is_autocast_enabled as is_autocast_enabled,
)
