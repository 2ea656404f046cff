// Errors that state the shapes of the operands before what is wrong with them.
#pragma once
#include "base/error.h"
#include "graph/opdef.h"

namespace pyflame::ops {

// "[op] a has shape (..), b has shape (..): what"
[[noreturn]] inline void refuse(const graph::Call& call, std::initializer_list<int> operands, const std::string& what) {
  std::string text = "[" + std::string(call.op.name) + "] ";
  for (int i : operands) {
    text += std::string(call.op.input_names[i]) + " has shape " + to_string(call.shape(i));
    text += i == *(operands.end() - 1) ? ": " : ", ";
  }
  runtime_error(text + what);
}

// The indices of input i, which kernels take as int64 only.
inline void check_int64(const graph::Call& call, int i) {
  if (call.dtype(i) == DType::kInt64) return;
  runtime_error("[" + std::string(call.op.name) + "] " + call.op.input_names[i] + " has dtype " +
                std::string(dtype_name(call.dtype(i))) + ": expected int64");
}

}  // namespace pyflame::ops
