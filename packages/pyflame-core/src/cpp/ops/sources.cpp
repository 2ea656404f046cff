// Nodes without inputs, and the projection of a further output.
#include "cpu/index.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using graph::AttrKind;
using graph::Call;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;

namespace {

Shape no_shape(const Call& call) { runtime_error(std::string("[") + call.op.name + "] is not recorded by name"); }

// value, dtype, shape
DType full_dtype(const Call& call) { return static_cast<DType>(call.attrs[1]); }
Shape full_shape(const Call& call) { return read_list(call.attrs + 2); }

// start, step, length, dtype
DType arange_dtype(const Call& call) { return static_cast<DType>(call.attrs[3]); }
Shape arange_shape(const Call& call) { return Shape{call.attrs[2]}; }

void arange_kernel(const KernelCall& call) {
  cpu::arange(attr_double(call.attrs[0]), attr_double(call.attrs[1]), call.out[0]);
}
void arange_int_kernel(const KernelCall& call) { cpu::arange_int(call.attrs[0], call.attrs[1], call.out[0]); }

}  // namespace

void register_sources(graph::Registry& ops) {
  const char* constant = "a source has no inputs";
  ops.add(OpDef("leaf").category(OpCategory::kCreation).shape(no_shape).no_grad(constant));
  ops.add(OpDef("input").category(OpCategory::kCreation).shape(no_shape).no_grad(constant));
  ops.add(OpDef("output").category(OpCategory::kShape).inputs({"node"}).attr("index", AttrKind::kInt).shape(no_shape)
              .no_grad("its gradient is handed to the node it projects"));
  // A broadcast scalar: the memory of one element, whatever the shape.
  ops.add(OpDef("full")
              .category(OpCategory::kCreation)
              .attr("value", AttrKind::kScalar)
              .attr("dtype", AttrKind::kDType)
              .attr("shape", AttrKind::kInts)
              .dtype(full_dtype)
              .shape(full_shape)
              .no_grad(constant)
              .cost(streaming_cost<0>));
  ops.add(OpDef("arange")
              .category(OpCategory::kCreation)
              .attr("start", AttrKind::kFloat)
              .attr("step", AttrKind::kFloat)
              .attr("length", AttrKind::kInt)
              .attr("dtype", AttrKind::kDType)
              .dtype(arange_dtype)
              .shape(arange_shape)
              .no_grad(constant)
              .cost(streaming_cost<1>)
              .cpu(arange_kernel));
  ops.add(OpDef("arange_int")
              .category(OpCategory::kCreation)
              .attr("start", AttrKind::kInt)
              .attr("step", AttrKind::kInt)
              .attr("length", AttrKind::kInt)
              .attr("dtype", AttrKind::kDType)
              .dtype(arange_dtype)
              .shape(arange_shape)
              .no_grad(constant)
              .cost(streaming_cost<1>)
              .cpu(arange_int_kernel));
}

}  // namespace pyflame::ops
