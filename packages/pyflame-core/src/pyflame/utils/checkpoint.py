"""Less memory for a second computation; see `pyflame.autograd`."""

from __future__ import annotations

from ..autograd.checkpoint import checkpoint as checkpoint, checkpoint_sequential as checkpoint_sequential
