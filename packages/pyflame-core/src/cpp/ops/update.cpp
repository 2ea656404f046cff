// Optimizer steps: one pass over a parameter, its gradient and its state.
//
// The inputs are the parameter, its gradient and the state; the outputs are the new parameter and the new state in
// the same order. in_place names every input but the gradient: output k may take the memory of the k-th of them.
#include "cpu/optimizer.h"

#include "ops/kernels.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::Cost;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;
using graph::OutputSpec;

namespace {

// Nothing is converted: promotion could change the dtype of the parameter, and with it the model's.
void check_update(const Call& call) {
  check_dtype(call.op, call.dtype(0));
  auto described = [&](int i) {
    return std::string(call.op.input_names[i]) + " has dtype " + std::string(dtype_name(call.dtype(i))) +
           " and shape " + to_string(call.shape(i));
  };
  for (int i = 1; i < call.count; ++i) {
    if (call.dtype(i) == call.dtype(0) && graph::same_shape(call[i], call[0])) continue;
    runtime_error("[" + std::string(call.op.name) + "] " + described(0) + ", " + described(i) +
                  ": expected the same dtype and shape");
  }
}

int update_outputs(const Call& call, OutputSpec* specs) {
  int count = call.count - 1;
  for (int k = 0; k < count; ++k) specs[k] = {call.dtype(0), call.shape(0)};
  return count;
}

template <int flops>
Cost update_cost(const Call& call, const Shape& out) {
  double n = static_cast<double>(out.numel());
  double bytes = n * static_cast<double>(dtype_size(call.dtype(0)));
  return {n * flops, bytes * (2 * call.count - 1)};
}

double number(const KernelCall& call, int i) { return attr_double(static_cast<i64>(call.params[i])); }

// lr, momentum, dampening, weight_decay | nesterov, maximize, first
cpu::SgdStep sgd_of(const KernelCall& call) {
  const i64* flags = call.attrs + 4;
  return {number(call, 0), number(call, 1), number(call, 2), number(call, 3),
          flags[0] != 0,   flags[1] != 0,   true,            flags[2] != 0};
}
// lr, weight_decay | maximize
cpu::SgdStep plain_sgd_of(const KernelCall& call) {
  return {number(call, 0), 0.0, 0.0, number(call, 1), false, call.attrs[2] != 0, false, false};
}
// lr, beta1, beta2, eps, weight_decay, correction1, correction2 | decoupled, maximize
template <bool amsgrad>
cpu::AdamStep adam_of(const KernelCall& call) {
  const i64* flags = call.attrs + 7;
  return {number(call, 0), number(call, 1), number(call, 2), number(call, 3), number(call, 4),
          number(call, 5), number(call, 6), flags[0] != 0,   flags[1] != 0,   amsgrad};
}

// One loop over the parameters of all calls.
template <class Step, Step (*step_of)(const KernelCall&), void (*run)(const Step*, const cpu::Update*, int)>
struct Updates {
  static void joint(const KernelCall* calls, int count) {
    Step steps[cpu::kMaxUpdates];
    cpu::Update updates[cpu::kMaxUpdates];
    for (int k = 0; k < count; ++k) {
      steps[k] = step_of(calls[k]);
      updates[k] = {calls[k].in, calls[k].out, calls[k].num_inputs};
    }
    run(steps, updates, count);
  }
  static void single(const KernelCall& call) { joint(&call, 1); }
};
static_assert(kMaxJoint <= cpu::kMaxUpdates);
using Sgd = Updates<cpu::SgdStep, sgd_of, cpu::sgd_steps>;
using PlainSgd = Updates<cpu::SgdStep, plain_sgd_of, cpu::sgd_steps>;
template <bool amsgrad>
using Adam = Updates<cpu::AdamStep, adam_of<amsgrad>, cpu::adam_steps>;

template <class... Kernels>
JointKernel find_joint(graph::Kernel kernel) {
  JointKernel found = nullptr;
  ((kernel == Kernels::single ? void(found = Kernels::joint) : void()), ...);
  return found;
}

OpDef update(const char* name, std::vector<const char*> inputs) {
  u32 all = (1u << inputs.size()) - 1, gradient = 0b10;
  return OpDef(name)
      .category(OpCategory::kUpdate)
      .inputs(std::move(inputs))
      .promote_inputs(0)
      .only(graph::kFloats)
      .check(check_update)
      .no_grad("updates run outside autograd")
      .in_place(all & ~gradient);
}
OpDef adam(const char* name, std::vector<const char*> inputs) {
  return update(name, std::move(inputs))
      .attr("lr", AttrKind::kParamFloat)
      .attr("beta1", AttrKind::kParamFloat)
      .attr("beta2", AttrKind::kParamFloat)
      .attr("eps", AttrKind::kParamFloat)
      .attr("weight_decay", AttrKind::kParamFloat)
      .attr("correction1", AttrKind::kParamFloat)
      .attr("correction2", AttrKind::kParamFloat)
      .attr("decoupled", AttrKind::kBool)
      .attr("maximize", AttrKind::kBool)
      .outputs(update_outputs);
}

}  // namespace

JointKernel joint_kernel(const OpDef& op) { return find_joint<Sgd, PlainSgd, Adam<false>, Adam<true>>(op.kernel); }

void register_update(graph::Registry& ops) {
  ops.add(update("sgd_step", {"param", "grad", "velocity"})
              .attr("lr", AttrKind::kParamFloat)
              .attr("momentum", AttrKind::kParamFloat)
              .attr("dampening", AttrKind::kParamFloat)
              .attr("weight_decay", AttrKind::kParamFloat)
              .attr("nesterov", AttrKind::kBool)
              .attr("maximize", AttrKind::kBool)
              .attr("first", AttrKind::kBool)
              .outputs(update_outputs)
              .cost(update_cost<8>)
              .cpu(Sgd::single));
  ops.add(update("sgd_step_plain", {"param", "grad"})
              .attr("lr", AttrKind::kParamFloat)
              .attr("weight_decay", AttrKind::kParamFloat)
              .attr("maximize", AttrKind::kBool)
              .shape(first_shape)
              .cost(update_cost<4>)
              .cpu(PlainSgd::single));
  ops.add(adam("adam_step", {"param", "grad", "m", "v"}).cost(update_cost<14>).cpu(Adam<false>::single));
  ops.add(adam("adam_step_amsgrad", {"param", "grad", "m", "v", "vmax"}).cost(update_cost<15>).cpu(Adam<true>::single));
}

}  // namespace pyflame::ops
