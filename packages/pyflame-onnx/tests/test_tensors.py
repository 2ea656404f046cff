import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from pyflame.onnx import InvalidOnnxModel
from pyflame.onnx.tensors import array_of, dense_of

DTYPES = [np.float32, np.float64, np.float16, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.bool_]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # slow only on a busy machine
@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=0, min_side=0)))
def test_arrays_come_back(array):
    np.testing.assert_array_equal(array_of(numpy_helper.from_array(array, "x"), None), array)


@pytest.mark.parametrize("dtype", DTYPES)
def test_element_types_come_back(dtype):
    array = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    found = array_of(numpy_helper.from_array(array, "x"), None)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.INT64, TensorProto.FLOAT16, TensorProto.UINT64])
def test_typed_fields_come_back(kind):
    tensor = helper.make_tensor("x", kind, [3], [1, 2, 3])
    assert not tensor.HasField("raw_data")
    assert array_of(tensor, None).tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.UINT4])
def test_packed_types_come_back(kind):
    assert array_of(helper.make_tensor("x", kind, [3], [1, 2, 3]), None).astype(int).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dims": [2**40]}, r"has shape \[1099511627776\] of FLOAT but 12 bytes"),
        ({"dims": [2**62, 2**62]}, "but 12 bytes"),
        ({"dims": [-3]}, "sizes cannot be negative"),
        ({"dims": [2]}, "but 12 bytes: the file is damaged"),
        ({"data_type": 99}, "element type 99, which is none"),
        ({"data_type": TensorProto.STRING}, "but 12 bytes"),
    ],
)
def test_sizes_must_fit_the_data(change, message):
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "x")
    for name, value in change.items():
        if name == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, name, value)
    with pytest.raises(InvalidOnnxModel, match=message):
        array_of(tensor, None)


def external(location, offset=None, length=None, size=3):
    tensor = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[size], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return tensor


def test_external_data_are_read(tmp_path):
    (tmp_path / "w.data").write_bytes(b"????" + np.array([1, 2, 3], np.float32).tobytes())
    assert array_of(external("w.data", 4, 12), tmp_path).tolist() == [1, 2, 3]
    assert array_of(external("w.data", 4), tmp_path).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../secret", "not below the model's folder: refused"),
        ("a/../../secret", "not below the model's folder: refused"),
        ("/etc/passwd", "not below the model's folder: refused"),
        ("..\\secret", "not below the model's folder: refused"),
        ("", "not below the model's folder: refused"),
        ("link", "no file in the model's folder: refused"),
        ("missing", "no file in the model's folder: refused"),
        (".", "no file in the model's folder: refused"),
    ],
)
def test_external_data_outside_the_folder_are_refused(tmp_path, location, message):
    (tmp_path / "secret").write_bytes(bytes(12))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidOnnxModel, match=message):
        array_of(external(location), folder)


@pytest.mark.parametrize(("offset", "length"), [(8, 12), (-4, 12), (0, -1), (0, 2**62), ("x", 12), (0, 4)])
def test_external_ranges_must_lie_in_the_file(tmp_path, offset, length):
    (tmp_path / "w").write_bytes(bytes(12))
    with pytest.raises(InvalidOnnxModel):
        array_of(external("w", offset, length), tmp_path)


def test_external_data_need_a_folder():
    with pytest.raises(InvalidOnnxModel, match="the model came from memory: give its path"):
        array_of(external("w"), None)


@pytest.mark.parametrize("indices", [[[0, 1], [1, 2]], [1, 5]])
def test_sparse_tensors_are_written_out(indices):
    values = helper.make_tensor("s", TensorProto.FLOAT, [2], [1.0, 2.0])
    place = numpy_helper.from_array(np.array(indices), "i")
    sparse = helper.make_sparse_tensor(values, place, [2, 3])
    assert dense_of(sparse, None).tolist() == [[0, 1, 0], [0, 0, 2]]


@pytest.mark.parametrize(
    ("indices", "shape"), [([1, 6], [2, 3]), ([-1, 0], [2, 3]), ([0, 1], [2**40]), ([[0, 3]], [2, 3])]
)
def test_sparse_tensors_must_fit(indices, shape):
    values = helper.make_tensor("s", TensorProto.FLOAT, [len(indices)], [1.0] * len(indices))
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(indices), "i"), shape)
    with pytest.raises(InvalidOnnxModel):
        dense_of(sparse, None)
