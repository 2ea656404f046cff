#include "ops/host.h"

#include <cstring>

#include "cpu/elementwise.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;
using graph::OutputSpec;
using graph::VjpCall;

HostCalls host_calls;

namespace {

int host_outputs(const Call& call, OutputSpec* specs) {
  HostWords words(call.attrs);
  const i64 *word = words.types + 1, *end = word + words.types[0];
  int count = 0;
  while (word < end) {
    specs[count++] = {static_cast<DType>(word[0]), Shape(word + 2, static_cast<int>(word[1]))};
    word += 2 + word[1];
  }
  return count;
}

const char* host_name(const i64* attrs) { return host_calls.name(HostWords(attrs).op); }
const char* call_name(const i64* attrs) { return host_calls.name(CallWords(attrs).op); }
void host_kernel(const KernelCall& call) { host_calls.run(call); }
void host_vjp(VjpCall& call) { host_calls.vjp(call); }


bool same_view(const i64*, const Shape&, const Shape& in_strides, const Shape&, i64*, Shape* out) {
  *out = in_strides;
  return true;
}

int call_outputs(const Call& call, OutputSpec* specs) {
  int count = static_cast<int>(CallWords(call.attrs).num_results);
  for (int k = 0; k < count; ++k) specs[k] = {call.dtype(k), call.shape(k)};
  return count;
}

void call_kernel(const KernelCall& call) {
  i64 count = CallWords(call.attrs).num_results;
  for (i64 k = 0; k < count; ++k) {
    if (call.out[k].numel()) cpu::copy_strided(call.in[k], call.out[k]);
  }
}

void call_vjp(VjpCall& call) {
  CallWords words(call.attrs());
  if (!words.composite) return host_calls.call_vjp(call);
  for (int k = 0; k < words.num_results; ++k) {
    if (call.grad(k)) call.set(k, call.grad(k));
  }
}

graph::Cost no_cost(const Call&, const Shape&) { return {}; }

OpDef call_record(const char* name) {
  return OpDef(name)
      .category(OpCategory::kCustom)
      .inputs({"operands"}, true)
      .promote_inputs(0)
      .attr("op", AttrKind::kInt)
      .attr("num_results", AttrKind::kInt)
      .attr("composite", AttrKind::kBool)
      .attr("data", AttrKind::kInts)
      .named_by(call_name)
      .cost(no_cost)
      .vjp(call_vjp);
}

void add_bytes(std::vector<i64>& words, std::string_view bytes) {
  std::size_t used = (bytes.size() + sizeof(i64) - 1) / sizeof(i64), first = words.size() + 2;
  words.push_back(static_cast<i64>(used) + 1);
  words.push_back(static_cast<i64>(bytes.size()));
  words.resize(first + used, 0);
  std::memcpy(words.data() + first, bytes.data(), bytes.size());
}

}  // namespace

std::vector<i64> host_words(i64 line, i64 op, const std::vector<i64>& types, std::string_view bytes) {
  std::vector<i64> words = {line, op, static_cast<i64>(types.size())};
  words.insert(words.end(), types.begin(), types.end());
  add_bytes(words, bytes);
  return words;
}

std::vector<i64> call_words(i64 op, i64 num_results, bool composite, std::string_view bytes) {
  std::vector<i64> words = {op, num_results, composite};
  add_bytes(words, bytes);
  return words;
}

void register_host(graph::Registry& ops) {
  ops.add(OpDef("host")
              .category(OpCategory::kCustom)
              .inputs({"operands"}, true)
              .promote_inputs(0)
              .attr("line", AttrKind::kParamInt)
              .attr("op", AttrKind::kInt)
              .attr("types", AttrKind::kInts)
              .attr("data", AttrKind::kInts)
              .named_by(host_name)
              .outputs(host_outputs)
              .vjp(host_vjp)
              .saves(~0u, true)
              .cost(streaming_cost<0>)
              .cpu(host_kernel, ~0u)
              .python());
  constexpr u32 operands = ~1u;
  ops.add(call_record("call").shape(first_shape).view(same_view));
  ops.add(call_record("call_vjp").shape(first_shape).view(same_view).saves(operands));
  ops.add(call_record("call_multi").outputs(call_outputs).saves(~0u).cpu(call_kernel, ~0u));
}

}  // namespace pyflame::ops
