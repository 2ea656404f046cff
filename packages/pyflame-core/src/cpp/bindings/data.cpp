// Values in and out: NumPy arrays, handles, in-place rebinding.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstring>

#include "base/error.h"
#include "bindings/attachments.h"
#include "bindings/register.h"
#include "bindings/storage.h"
#include "bindings/tensor_type.h"
#include "ops/functions.h"
#include "runtime/eval.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

using graph::registry;

// A NumPy dtype for each of ours; bfloat16 travels as uint16.
py::dtype numpy_dtype(DType dtype) {
  constexpr const char* codes[kNumDTypes] = {"?", "u1", "i1", "i2", "i4", "i8", "f2", "u2", "f4", "f8"};
  return py::dtype(codes[static_cast<int>(dtype)]);
}

void release_array(void* owner) {
  py::gil_scoped_acquire gil;
  Py_DECREF(static_cast<PyObject*>(owner));
}

// `array` is C-contiguous and of the dtype's NumPy form. share: keep the array's memory, which must never change.
Var from_array(py::array array, int code, bool share) {
  DType dtype = static_cast<DType>(code);
  if (!(array.flags() & py::array::c_style)) value_error("[tensor] the array must be C-contiguous");
  if (array.ndim() > kMaxDims) {
    value_error("[tensor] the array has " + std::to_string(array.ndim()) + " dimensions: at most " + std::to_string(kMaxDims) + " are supported");
  }
  Shape shape;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) shape.push(array.shape(i));
  std::size_t bytes = static_cast<std::size_t>(array.nbytes());
  if (share) {
    void* data = const_cast<void*>(array.data());
    return graph::make_leaf(dtype, shape, wrap_external(data, bytes, release_array, array.release().ptr()));
  }
  Buffer* buffer = allocate_buffer(bytes, "tensor");
  std::memcpy(buffer->data, array.data(), bytes);
  return graph::make_leaf(dtype, shape, buffer);
}

// A read-only window on the tensor's memory, which stays alive as long as the array does.
py::array to_array(const Var& tensor) {
  Node* node = tensor.get();
  runtime::eval(node);
  const graph::Value& value = *node->value;
  Shape shape = node->shape(), strides = value.strides ? *value.strides : contiguous_strides(shape);
  py::ssize_t size = dtype_size(node->dtype);
  std::vector<py::ssize_t> dims(shape.begin(), shape.end()), steps;
  for (i64 stride : strides) steps.push_back(stride * size);
  value.buffer->retain();
  py::capsule owner(value.buffer, [](void* buffer) { release_buffer(static_cast<Buffer*>(buffer)); });
  char* data = static_cast<char*>(value.buffer->data) + value.offset * size;
  py::array array(numpy_dtype(node->dtype), dims, steps, data, owner);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

py::object item(const Var& tensor) {
  Node* node = tensor.get();
  runtime::eval(node);
  const char* data = static_cast<const char*>(node->value->buffer->data) + node->value->offset * dtype_size(node->dtype);
  switch (node->dtype) {
    case DType::kFloat32: return py::float_(*reinterpret_cast<const float*>(data));
    case DType::kFloat64: return py::float_(*reinterpret_cast<const double*>(data));
    case DType::kInt64: return py::int_(*reinterpret_cast<const i64*>(data));
    case DType::kInt32: return py::int_(*reinterpret_cast<const std::int32_t*>(data));
    case DType::kInt16: return py::int_(*reinterpret_cast<const std::int16_t*>(data));
    case DType::kInt8: return py::int_(*reinterpret_cast<const std::int8_t*>(data));
    case DType::kUInt8: return py::int_(*reinterpret_cast<const u8*>(data));
    case DType::kBool: return py::bool_(*data != 0);
    case DType::kFloat16:
    case DType::kBFloat16: return item(ops::cast(tensor, DType::kFloat32));
  }
  return py::none();
}

// The same values without history: shares memory when there is any.
Var detach(const Var& tensor) {
  bool previous = graph::set_grad_enabled(false);
  Var result = graph::apply(registry().at("alias"), {tensor});
  graph::set_grad_enabled(previous);
  return result;
}

PyObject* assign_call(PyObject*, PyObject* const* args, Py_ssize_t count) {
  TensorObject* target = count == 2 ? as_tensor(args[0]) : nullptr;
  Node* source = count == 2 ? node_of(args[1]) : nullptr;
  if (!target || !source) return PyErr_Format(PyExc_TypeError, "[assign] expected two tensors: a target and a value");
  try {
    assign(target, Var(source));
    Py_RETURN_NONE;
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_assign = {"assign", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(assign_call)), METH_FASTCALL, nullptr};

}  // namespace

void assign(TensorObject* handle, const Var& source) {
  Node *old = current(handle), *next = source.get();
  if (!same_shape(*old, *next) || old->dtype != next->dtype) {
    runtime_error("[assign] the target has shape " + to_string(old->shape()) + " and dtype " + std::string(dtype_name(old->dtype)) +
                  ", the value " + to_string(next->shape()) + " and " + std::string(dtype_name(next->dtype)));
  }
  write(handle, source, false);
}

void require_grad(TensorObject* handle, bool required) {
  Node* node = current(handle);
  if (required && !is_floating(node->dtype)) {
    runtime_error("[requires_grad_] only floating-point tensors can require gradients, this one is " + std::string(dtype_name(node->dtype)));
  }
  if (node->has(graph::kRequiresGrad) && !node->has(graph::kGradLeaf)) {
    if (!required) runtime_error("[requires_grad_] only leaves can stop requiring grad: use detach() for a computed tensor");
    return;
  }
  if (required == node->has(graph::kGradLeaf)) return;
  if (required && node->has(graph::kInference) && !(runtime::record_flags() & graph::kInference)) {
    runtime_error("[requires_grad_] the tensor was made in inference mode: clone() it, or use no_grad() instead");
  }
  // Other handles and graphs may hold the node: this handle gets one of its own, sharing the memory.
  Var own = detach(Var(node));
  if (required) {
    own->flags |= graph::kRequiresGrad | graph::kGradLeaf;
    own_node(handle, own.get());
  }
  replace_node(handle, own);
}

void register_data(py::module_& module) {
  module.def("from_array", from_array);
  module.def("to_array", to_array);
  module.def("item", item);
  module.def("detach", detach);
  module.attr("assign") = py::reinterpret_steal<py::object>(PyCFunction_New(&g_assign, nullptr));
  module.def("is_evaluated", [](const Var& tensor) { return tensor->value != nullptr; });
  module.def("same_node", [](const Var& a, const Var& b) { return a.get() == b.get(); });
  module.def("storage", [](const Var& tensor) {
    runtime::eval(tensor.get());
    return py::make_tuple(reinterpret_cast<std::uintptr_t>(tensor->value->buffer->data), tensor->value->offset);
  });
  module.def("default_dtype", [] { return static_cast<int>(default_dtype()); });
  module.def("set_default_dtype", [](int dtype) { set_default_dtype(static_cast<DType>(dtype)); });
  module.def("promote_types", [](int a, int b) { return static_cast<int>(promote_types(static_cast<DType>(a), static_cast<DType>(b))); });
}

}  // namespace pyflame::bindings
