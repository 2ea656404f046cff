"""Damaged and malicious files end in a typed error, quickly and without large allocations."""

import faulthandler
import random
import resource
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyflame as pf

ROOT = Path(__file__).resolve().parents[3]
FETCHED = ROOT / "build" / "onnx-models"
MODELS = [
    "magika/models/standard_v3_3/model.onnx",
    "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
    "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
    "text2tashkeel/models/rawi.int8.onnx",
]
TYPED = (ValueError, TypeError, NotImplementedError, RuntimeError, IndexError, OverflowError)
MOST_SECONDS = 60.0
MOST_MEMORY = 4 << 30
CHUNKS, CHUNK = 10, 50  # for each of the four models: 2,000 mutations


def try_import(data):
    """Import, and run where that is possible; return the class of the error, None without one."""
    try:
        model = pf.onnx.import_onnx(data)
        examples = [
            np.zeros([size if isinstance(size, int) else 1 for size in slot.shape or ()], slot.type.array)
            for slot in model.body.inputs
            if slot.type is not None and np.prod([s for s in slot.shape or () if isinstance(s, int)], dtype=float) < 1e7
        ]
        if len(examples) == len(model.body.inputs):
            results = model(*examples)
            for result in results if isinstance(results, tuple) else (results,):
                if isinstance(result, pf.Tensor):
                    result.numpy()
    except TYPED as error:
        return type(error)
    return None


def mutations(data, rng):
    """Return damaged forms of a file: flipped, cut, repeated and shuffled bytes, mostly where structure is."""
    changed = bytearray(data)
    kind = rng.randrange(5)
    if kind == 0:
        return bytes(changed[: rng.randrange(len(changed))])
    # Weights are most of a file and carry no structure: the start and the end are hit more often.
    where = (rng.randrange(min(4096, len(data))), rng.randrange(len(data)), -rng.randrange(1, 2048))
    places = [rng.choice(where) + rng.randrange(64) for _ in range(rng.randrange(1, 9))]
    for place in places:
        if kind == 1:
            changed[place % len(changed)] ^= 1 << rng.randrange(8)
        elif kind == 2:
            changed[place % len(changed)] = rng.choice((0, 1, 127, 128, 255))
        elif kind == 3:
            start = place % len(changed)
            del changed[start : start + rng.randrange(1, 16)]
        else:
            start = place % len(changed)
            changed[start:start] = changed[start : start + rng.randrange(1, 64)]
    return bytes(changed)


def restructured(proto, rng):
    """Return a model with one name, number or edge changed."""
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    node = rng.choice(model.graph.node)
    names = [name for other in model.graph.node for name in (*other.input, *other.output)]
    kind = rng.randrange(6)
    if kind == 0 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice([*names, "nowhere", ""])
    elif kind == 1:
        node.op_type = rng.choice([other.op_type for other in model.graph.node] + ["Loop", "Expand", "Nonsense"])
    elif kind == 2 and node.attribute:
        attribute = rng.choice(node.attribute)
        attribute.i = rng.choice((-1, 0, 2**31, 2**62))
        if attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice((-1, 0, 2**31, 2**62))
    elif kind == 3 and model.graph.initializer:
        tensor = rng.choice(model.graph.initializer)
        tensor.dims.append(rng.choice((0, 1, 2**40)))
    elif kind == 4:
        del node.output[:]
    else:
        model.opset_import[0].version = rng.choice((0, 1, 6, 13, 99, 2**40))
    return model.SerializeToString()


def run_all(data, seed, count):
    rng = random.Random(seed)
    proto = onnx.ModelProto.FromString(data)
    outcomes = {}
    try:
        for number in range(count):
            damaged = restructured(proto, rng) if number % 2 else mutations(data, rng)
            start = time.process_time()
            faulthandler.dump_traceback_later(10 * MOST_SECONDS, exit=True)  # a hang ends the run, and shows where
            outcome = try_import(damaged)
            assert time.process_time() - start < MOST_SECONDS
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < MOST_MEMORY
    return outcomes


def test_damaged_small_models_are_refused(small_network):
    outcomes = run_all(small_network.SerializeToString(), 0, 200)
    assert outcomes.get(pf.onnx.InvalidOnnxModel, 0) > 20  # the mutations do hit something


@pytest.mark.onnx_models
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("name", MODELS, ids=lambda name: name.split("/")[0] + "-" + name.split("/")[-1])
def test_damaged_real_models_are_refused(name, chunk):
    """A failure repeats alone: the seed is the model and the chunk."""
    path = FETCHED / name
    if not path.is_file():
        pytest.skip(f"{name} is not there: make onnx-models fetches it")
    outcomes = run_all(path.read_bytes(), f"{name} {chunk}", CHUNK)
    assert outcomes.get(pf.onnx.InvalidOnnxModel, 0) >= CHUNK // 10


def small(node, *inputs, **initializers):
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in inputs],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(value), name) for name, value in initializers.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


HUGE = [
    small(helper.make_node("ConstantOfShape", ["s"], ["y"]), s=[2**40]),
    small(helper.make_node("Expand", ["x", "s"], ["y"]), "x", s=[2**40, 2]),
    small(helper.make_node("Tile", ["x", "s"], ["y"]), "x", s=[2**40]),
    small(helper.make_node("Pad", ["x", "s"], ["y"]), "x", s=[2**40, 0]),
    small(helper.make_node("Range", ["a", "b", "c"], ["y"]), a=0, b=2**50, c=1),
    small(helper.make_node("OneHot", ["i", "d", "v"], ["y"]), i=[0], d=2**42, v=[0.0, 1.0]),
    small(helper.make_node("RandomNormal", [], ["y"], shape=[2**40])),
    small(helper.make_node("HannWindow", ["n"], ["y"]), n=2**45),
]


@pytest.mark.parametrize("model", HUGE, ids=lambda model: model.graph.node[0].op_type)
def test_small_files_cannot_ask_for_huge_tensors(model):
    imported = pf.onnx.import_onnx(model)
    inputs = [pf.ones(2)] * len(imported.input_names)
    with pytest.raises((ValueError, RuntimeError, MemoryError)):
        imported(*inputs).numpy()


@pytest.mark.parametrize("kind", ["UNDEFINED", "INT"])
def test_a_constant_whose_value_has_the_wrong_type_is_refused(kind):
    model = small(helper.make_node("Add", ["x", "c"], ["y"]), "x")
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(2, np.float32)))
    constant.attribute[0].type = getattr(onnx.AttributeProto, kind)
    model.graph.node.insert(0, constant)
    with pytest.raises(pf.onnx.InvalidOnnxModel, match="Constant 'c'"):
        pf.onnx.import_onnx(model)
