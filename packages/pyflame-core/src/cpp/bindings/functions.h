// The functions of pyflame._core.ops: one for each record, whose declaration says how arguments are parsed.
#pragma once
#include <string>
#include <vector>

#include "bindings/tensor_type.h"

namespace pyflame::bindings {

struct Function {
  const graph::OpDef* op;
  PyMethodDef def;
  std::string doc;
  std::vector<PyObject*> names;  // interned: inputs, then attributes
  bool is_view;
  bool in_table;                 // elementwise: numbers are immediates
};
inline constexpr int kMaxArguments = 24;

const Function* function_of(PyObject* callable);  // nullptr: it is none of them
[[noreturn]] void bad_argument(const Function& f, const char* name, const char* expected, PyObject* got);
// Appends the words of one attribute; returns how many. `x`: the first input.
int read_attr(const Function& f, const graph::AttrDef& attr, PyObject* object, const Node* x, i64* words, int room);
// Records the op with an argument, or nullptr, for each of its names. Throws.
PyObject* record_bound(const Function& f, PyObject* const* bound);

}  // namespace pyflame::bindings
