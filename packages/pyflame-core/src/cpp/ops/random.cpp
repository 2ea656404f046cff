// Random draws. The key (seed, offset) is a runtime parameter: new numbers, same structure and plan; and computing a
// node again gives the numbers it gave before.
#include "cpu/random.h"

#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::Cost;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;

namespace {

// Words: seed, offset, further parameters, then shape and dtype.
constexpr int kRealParams = 2, kRandintParams = 4;

template <int num_params>
Shape drawn_shape(const Call& call) {
  return read_list(call.attrs + num_params);
}
template <int num_params>
DType drawn_dtype(const Call& call) {
  i64 word = *after_list(call.attrs + num_params);
  if (word >= 0) return static_cast<DType>(word);
  return num_params == kRandintParams ? DType::kInt64 : default_dtype();
}
template <int num_params>
void check_drawn_dtype(const Call& call) {
  check_dtype(call.op, drawn_dtype<num_params>(call));
}

// randint: the whole range must be representable, as a wrapped value would not be a draw from it.
void check_range(const Call& call) {
  check_drawn_dtype<kRandintParams>(call);
  i64 low = call.attrs[2], high = call.attrs[3];
  std::string facts = "[randint] low is " + std::to_string(low) + ", high is " + std::to_string(high) + ": ";
  if (low >= high) runtime_error(facts + "low must be less than high");
  DType dtype = drawn_dtype<kRandintParams>(call);
  int bits = static_cast<int>(dtype_size(dtype)) * 8;
  i64 largest = dtype == DType::kUInt8 ? 255 : INT64_MAX >> (64 - bits);
  i64 smallest = dtype == DType::kUInt8 ? 0 : -largest - 1;
  if (low < smallest || high - 1 > largest) {
    runtime_error(facts + std::string(dtype_name(dtype)) + " holds " + std::to_string(smallest) + " to " +
                  std::to_string(largest));
  }
}

cpu::RandomKey key_of(const KernelCall& call) { return {call.params[0], call.params[1]}; }
void uniform_kernel(const KernelCall& call) { cpu::random_uniform(key_of(call), call.out[0]); }
void normal_kernel(const KernelCall& call) { cpu::random_normal(key_of(call), call.out[0]); }
void randint_kernel(const KernelCall& call) {
  cpu::random_integers(key_of(call), static_cast<i64>(call.params[2]), static_cast<i64>(call.params[3]), call.out[0]);
}

// Ten rounds of Philox give four words; Box-Muller adds a logarithm, a root and a sine or cosine.
template <int num_params, int flops>
Cost drawn_cost(const Call& call, const Shape& out) {
  double n = static_cast<double>(out.numel());
  return {n * flops, n * static_cast<double>(dtype_size(drawn_dtype<num_params>(call)))};
}

OpDef draw(const char* name) {
  return OpDef(name)
      .category(OpCategory::kRandom)
      .attr("seed", AttrKind::kParamInt)
      .attr("offset", AttrKind::kParamInt)
      .no_grad("draws do not depend on inputs")
      .random();
}
OpDef real_draw(const char* name) {
  return draw(name)
      .attr("shape", AttrKind::kInts)
      .attr("dtype", AttrKind::kDType, -1)
      .only(graph::kFloats)
      .check(check_drawn_dtype<kRealParams>)
      .dtype(drawn_dtype<kRealParams>)
      .shape(drawn_shape<kRealParams>);
}

}  // namespace

void register_random(graph::Registry& ops) {
  ops.add(real_draw("uniform").cost(drawn_cost<kRealParams, 20>).cpu(uniform_kernel));
  ops.add(real_draw("normal").cost(drawn_cost<kRealParams, 40>).cpu(normal_kernel));
  ops.add(draw("randint")
              .attr("low", AttrKind::kParamInt)
              .attr("high", AttrKind::kParamInt)
              .attr("shape", AttrKind::kInts)
              .attr("dtype", AttrKind::kDType, -1)
              .only(graph::kIntegers)
              .check(check_range)
              .dtype(drawn_dtype<kRandintParams>)
              .shape(drawn_shape<kRandintParams>)
              .cost(drawn_cost<kRandintParams, 20>)
              .cpu(randint_kernel));
}

}  // namespace pyflame::ops
