"""The stronger forms of peers, which need not be there: what is missing is noted in the row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from .contest import Contest


def add_inductor(contest: Contest, function: Callable[..., torch.Tensor], arguments: Sequence[torch.Tensor]) -> None:
    """PyTorch's compiler, where it finds a C++ compiler."""
    compiled = torch.compile(function)
    try:
        with torch.no_grad():
            compiled(*arguments)
    except Exception as error:  # whatever ails a peer's tool chain is no error of the benchmark
        contest.notes.append(f"torch.compile did not run: {type(error).__name__}: {str(error).splitlines()[0][:120]}")
        return

    def run() -> torch.Tensor:
        with torch.no_grad():
            return compiled(*arguments)

    contest.runs["torch.compile"] = run
    contest.results["torch.compile"] = lambda: run().numpy()


def add_jax(contest: Contest, make: Callable[[Any, Any], Callable[..., Any]], arrays: Sequence[Any]) -> None:
    """A function of arrays under jax.jit."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError as error:
        contest.notes.append(f"jax did not run: {error}")
        return
    function = jax.jit(make(jnp, jax))
    arguments = [jax.device_put(a) for a in arrays]
    contest.runs["jax jit"] = lambda: function(*arguments).block_until_ready()
    contest.results["jax jit"] = lambda: np.asarray(function(*arguments))
