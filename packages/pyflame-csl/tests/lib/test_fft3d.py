"""The transform in three dimensions against NumPy's."""

import numpy as np
import pytest

from pyflame.csl.compiler import compile_program
from pyflame.csl.sim.simulator import Simulator

LAYOUT = """
const memcpy = @import_module("<memcpy/get_params>", .{{ .width = {pes}, .height = {pes} }});
const fft = @import_module("<kernels/fft/fft3d_layout>", .{{ .width = {pes}, .memcpy = memcpy }});
layout {{
  @set_rectangle({pes}, {pes});
  fft.FFT_kernel({pes}, {points}, {element});
}}
"""
NORMS = ("backward", "ortho", "forward")


def compiled(folder, arch, pes, points, element):
    (folder / "layout.csl").write_text(LAYOUT.format(pes=pes, points=points, element=element))
    return compile_program(folder / "layout.csl", arch)


def interleaved(values, dtype):
    """Real and imaginary parts side by side, one a word for the host."""
    parts = np.stack([values.real, values.imag], -1).astype(dtype)
    return parts.view(np.uint16 if dtype == np.float16 else np.uint32).astype(np.uint32).ravel()


def transformed(program, values, dtype, pes, call):
    """Copy `values` (z, y, x) to the PEs, launch `call`, and copy the result back."""
    points = len(values)
    pencils = points // pes
    kind = {"data_type": 1 if dtype == np.float16 else 0}
    simulator = Simulator(program, sched_seed=pes)
    simulator.load()
    simulator.run()
    roots = np.exp(1j * np.pi * np.arange(points // 2) / (points // 2))
    simulator.memcpy_h2d("twiddle_array", np.tile(interleaved(roots, dtype), pes * pes), 0, 0, pes, pes, points, **kind)
    tiles = values.reshape(points, pes, pencils, pes, pencils).transpose(1, 3, 0, 2, 4)
    length = 2 * points * pencils**2
    simulator.memcpy_h2d("X", interleaved(tiles, dtype), 0, 0, pes, pes, length, **kind)
    simulator.launch(*call)
    found = np.zeros(length * pes * pes, np.uint32)
    simulator.memcpy_d2h(found, "X", 0, 0, pes, pes, length, **kind)
    cycles = np.zeros(2 * pes * pes, np.uint32)
    simulator.memcpy_d2h(cycles, "fft_time", 0, 0, pes, pes, 2)
    simulator.stop()
    assert cycles[0::2].all() and not cycles[1::2].any()
    parts = found.astype(np.uint16 if dtype == np.float16 else np.uint32).view(dtype).astype(np.float64)
    parts = parts.reshape(pes, pes, points, pencils, pencils, 2).transpose(2, 0, 3, 1, 4, 5)
    parts = parts.reshape(points, points, points, 2)
    return parts[..., 0] + 1j * parts[..., 1]


@pytest.mark.parametrize("element", ["f16", "f32"])
@pytest.mark.parametrize(
    ("arch", "pes", "points", "norm", "inverse"),
    [("wse3", 1, 4, 0, 0), ("wse2", 2, 8, 1, 1), ("wse3", 4, 8, 2, 0), ("wse2", 2, 2, 2, 1)],
)
def test_complex_transforms(tmp_path, element, arch, pes, points, norm, inverse):
    program, found = compiled(tmp_path, arch, pes, points, element)
    assert program is not None, found
    dtype = np.float16 if element == "f16" else np.float32
    chance = np.random.default_rng(points + norm)
    values = chance.normal(size=(points,) * 3) + 1j * chance.normal(size=(points,) * 3)
    result = transformed(program, values, dtype, pes, ("csfftExecC2C", norm, inverse))
    reference = (np.fft.ifftn if inverse else np.fft.fftn)(values, norm=NORMS[norm])
    error = np.abs(result - reference).max() / np.sqrt(np.mean(np.abs(reference) ** 2))
    assert error < 8 * np.finfo(dtype).eps


@pytest.mark.parametrize(("name", "reference"), [("csfftExecR2C", np.fft.fftn), ("csfftExecC2R", np.fft.ifftn)])
def test_real_transforms_work_on_complex_numbers(tmp_path, name, reference):
    program, found = compiled(tmp_path, "wse3", 2, 4, "f32")
    assert program is not None, found
    values = np.random.default_rng(3).normal(size=(4, 4, 4))
    result = transformed(program, values + 0j, np.float32, 2, (name, 0))
    np.testing.assert_allclose(result, reference(values), atol=1e-5)


@pytest.mark.parametrize(("pes", "points", "why"), [(2, 6, "no power of two"), (3, 8, "no multiple of the width")])
def test_sizes_that_cannot_be_divided_are_refused(tmp_path, pes, points, why):
    _, found = compiled(tmp_path, "wse3", pes, points, "f32")
    assert [entry.code for entry in found] == ["assert-failed"]
    assert why in found[0].message
