// The records of ops that Python makes while the program runs.
//
// host: the op whose kernel, and gradient if any, are Python callables. One record stands for all of them: which one a
// node calls, the types of its results and its attributes are words of the node, so they are part of the plan's key and go
// when the node goes.
#pragma once
#include "graph/opdef.h"

namespace pyflame::ops {

// Words: line (a runtime parameter: equal graphs of different lines share a plan), op, types, attributes.
struct HostWords {
  explicit HostWords(const i64* words) : op(words[1]), types(words + 2), data(types + 1 + types[0]) {}
  i64 op;
  const i64* types;  // a list: for each result its dtype, its rank and its sizes
  const i64* data;   // a list: length in bytes, then the bytes

  std::string_view bytes() const { return {reinterpret_cast<const char*>(data + 2), static_cast<std::size_t>(data[1])}; }
};
std::vector<i64> host_words(i64 line, i64 op, const std::vector<i64>& types, std::string_view bytes);

// A named call of a function of tensors: what the function recorded stays in the graph, and the call's node hands on its
// results. Inputs are the results, then the operands, which only gradients and exports read.
//
//   call         one result, whose gradient is that of what was recorded
//   call_vjp     one result, whose gradient is a user's function of the operands
//   call_multi   several results, either way
struct CallWords {
  explicit CallWords(const i64* words) : op(words[0]), num_results(words[1]), composite(words[2]), data(words + 3) {}
  i64 op, num_results;
  bool composite;
  const i64* data;

  std::string_view bytes() const { return {reinterpret_cast<const char*>(data + 2), static_cast<std::size_t>(data[1])}; }
};
std::vector<i64> call_words(i64 op, i64 num_results, bool composite, std::string_view bytes);
// How many leading inputs are results; 0 for all other records.
inline int num_results(const graph::OpDef& op, const i64* words) {
  return op.name_rule && !op.calls_python ? static_cast<int>(CallWords(words).num_results) : 0;
}

// Supplied by bindings: ops know nothing of Python.
struct HostCalls {
  void (*run)(const graph::KernelCall&) = nullptr;
  void (*vjp)(graph::VjpCall&) = nullptr;
  void (*call_vjp)(graph::VjpCall&) = nullptr;
  const char* (*name)(i64 op) = nullptr;
};
extern HostCalls host_calls;

}  // namespace pyflame::ops
