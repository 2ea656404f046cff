"""ONNX's own cases that passed once pass again; ci/onnx_conformance.py keeps their list."""

import json
import unittest
import warnings
from pathlib import Path

import pytest
from onnx.backend.test import BackendTest

from pyflame.onnx.backend import PyFlameBackend

STORED = json.loads((Path(__file__).parent / "conformance.json").read_text())

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the expected values, which NumPy computes while the cases are made
    SUITES = BackendTest(PyFlameBackend, __name__).test_cases
LABELS = {
    label.removesuffix("_cpu"): (suite, label)
    for suite in SUITES.values()
    for label in unittest.defaultTestLoader.getTestCaseNames(suite)
    if label.endswith("_cpu")
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy on expected values such as NaN
@pytest.mark.parametrize("name", [*STORED["node"], *STORED["model"]])
def test_case_passes(name):
    suite, label = LABELS[name]
    result = unittest.TestResult()
    suite(label).run(result)
    problems = [text for _, text in (*result.failures, *result.errors)]
    assert not problems, problems[0]
    assert not result.skipped
