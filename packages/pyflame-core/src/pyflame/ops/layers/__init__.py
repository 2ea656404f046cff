"""Kernels of layers, imported when the first of them is asked for: `pyflame.ops` lists their names."""
