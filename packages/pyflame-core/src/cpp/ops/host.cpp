#include "ops/host.h"

#include <cstring>

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
void host_kernel(const KernelCall& call) { host_calls.run(call); }
void host_vjp(VjpCall& call) { host_calls.vjp(call); }

}  // namespace

std::vector<i64> host_words(i64 line, i64 op, const std::vector<i64>& types, std::string_view bytes) {
  std::vector<i64> words = {line, op, static_cast<i64>(types.size())};
  words.insert(words.end(), types.begin(), types.end());
  std::size_t used = (bytes.size() + sizeof(i64) - 1) / sizeof(i64), first = words.size() + 2;
  words.push_back(static_cast<i64>(used) + 1);
  words.push_back(static_cast<i64>(bytes.size()));
  words.resize(first + used, 0);
  std::memcpy(words.data() + first, bytes.data(), bytes.size());
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
}

}  // namespace pyflame::ops
