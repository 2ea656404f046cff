// OpDef: everything the core knows about one op. Bindings, coverage table, IR verifier and tests read this record.
#pragma once
#include <string>
#include <vector>

#include "base/tile_op.h"
#include "base/view.h"
#include "graph/node.h"

namespace pyflame::graph {

struct OpDef;

// One application of an op as its rules see it: inputs are already converted to the promoted dtype.
struct Call {
  const OpDef& op;
  Node* const* in;
  int count;
  const i64* attrs;  // words as declared by the record: one each, lists as length and values

  const Node& operator[](int i) const { return *in[i]; }
  Shape shape(int i) const { return in[i]->shape(); }
  DType dtype(int i) const { return in[i]->dtype; }
};

enum class AttrKind : u8 {
  kInt,
  kBool,
  kFloat,       // hashed by its bits
  kDType,       // -1: not given
  kInts,        // a list: length, then values
  kDim,         // one dimension of input 0, wrapped; kNoDim when None is allowed and given
  kDims,        // a set of dimensions of input 0 as a bit mask; None: all
  kParamInt,    // a runtime parameter: outside the structure, so it may change without a new plan
  kParamFloat,
  kScalar,      // a runtime parameter, float or integer by the result's dtype category
};
inline constexpr i64 kNoDim = INT64_MIN;

struct AttrDef {
  const char* name;
  AttrKind kind;
  bool required = true;
  i64 fallback = 0;  // word used when not given (the bits of a double for floats)
};

enum class OpCategory : u8 { kElementwise, kReduction, kMatmul, kConv, kPool, kShape, kIndex, kRandom, kCreation, kUpdate, kCustom, kLoss, kScan, kSort, kNorm };
const char* category_name(OpCategory category);

// What mixed precision does to floating-point inputs of an op.
enum class Autocast : u8 { kKeep, kLower, kFloat32 };

struct OutputSpec {
  DType dtype;
  Shape shape;
};

struct Cost {
  double flops = 0, bytes = 0;
};

inline u16 dtype_bit(DType dtype) { return static_cast<u16>(1u << static_cast<int>(dtype)); }

// What a VJP sees: the recorded node, the gradients of its outputs, and where to put those of its inputs.
class VjpCall {
 public:
  VjpCall(const OpDef& op, Node* node, const Var* grads, Var* results, const u8* needed)
      : op(op), node_(node), grads_(grads), results_(results), needed_(needed) {}
  const OpDef& op;

  Var in(int i) const;                       // input i; an immediate becomes a 0-d constant
  Var out(int k = 0) const;                  // output k
  Var grad(int k = 0) const { return grads_[k]; }  // empty when output k has no gradient
  bool needs(int i) const { return needed_[i]; }   // false: skip, the gradient would be thrown away
  void set(int i, const Var& gradient) { results_[i] = gradient; }
  const i64* attrs() const { return node_->attrs(); }
  int num_inputs() const { return node_->num_inputs; }
  Node* node() const { return node_; }

 private:
  Node* node_;
  const Var* grads_;
  Var* results_;
  const u8* needed_;
};

// Arguments of a CPU kernel. Outputs are contiguous.
struct KernelCall {
  const View* in;
  const View* out;
  const i64* attrs;
  const u64* params;  // this op's runtime parameters
  int num_inputs;
  Buffer* weight = nullptr;  // that input 1 lies in, where what is derived from its contents may be kept
};

inline constexpr u16 kFloats = 0b1111000000, kIntegers = 0b0000111110, kBoolOnly = 1, kHalves = 0b0011000000;
void check_dtype(const OpDef& op, DType dtype);  // throws RuntimeError when the op does not compute in `dtype`

using DTypeRule = DType (*)(const Call&);
using ShapeRule = Shape (*)(const Call&);
using OutputsRule = int (*)(const Call&, OutputSpec*);  // ops with several outputs; returns their number
using CheckRule = void (*)(const Call&);                // before promotion
using VjpRule = void (*)(VjpCall&);
using CostRule = Cost (*)(const Call&, const Shape& out);
// The composite that a fused op stands for: its outputs, recorded with other ops.
using FallbackRule = void (*)(const Call&, Var* outputs);
using Kernel = void (*)(const KernelCall&);
using NameRule = const char* (*)(const i64* attrs);     // of a record that stands for many ops
// A view op: the same elements under another shape. Returns false when the strides do not allow it.
using ViewRule = bool (*)(const i64* attrs, const Shape& in_shape, const Shape& in_strides, const Shape& out_shape,
                          i64* offset, Shape* out_strides);

inline constexpr u32 kReadsOutput = 1u << 31;

struct OpDef {
  explicit OpDef(const char* op_name) : name(op_name) {}

  const char* name;
  OpId id = 0;
  OpCategory kind = OpCategory::kElementwise;
  std::vector<const char*> input_names;
  bool is_variadic = false;           // the last input name stands for any number
  std::vector<AttrDef> attr_defs;
  int num_params = 0;                 // leading attribute words that are runtime parameters
  u32 promoted = ~0u;                 // bit i: input i takes part in promotion and is converted
  bool promotes_to_float = false;     // integers and bool become the default float dtype
  u16 dtypes = (1 << kNumDTypes) - 1; // bit d: the op computes in dtype d (after promotion)
  bool refuses_bool = false;          // elementwise: even where promotion would convert it
  CheckRule check_rule = nullptr;
  DTypeRule dtype_rule = nullptr;
  ShapeRule shape_rule = nullptr;
  OutputsRule outputs_rule = nullptr;
  VjpRule vjp_rule = nullptr;
  const char* no_grad_reason = nullptr;
  std::vector<const char*> formulas;  // elementwise: kernel and gradient expressions, for documentation
  u32 saved_inputs = 0;               // bit i: the VJP reads input i
  bool saves_output = false;
  std::vector<u32> reads;             // for the gradient of each input: which inputs, and whether the output, it reads
  CostRule cost_rule = nullptr;
  FallbackRule fallback_rule = nullptr;  // of a fused op: graphs that leave the core hold the composite
  Kernel kernel = nullptr;
  u32 strided_inputs = 0;             // bit i: the kernel takes any strides for input i
  u32 in_place_inputs = 0;            // bit i: may be overwritten: input 0 by output 0, input k + 1 by output k
  ViewRule view_rule = nullptr;
  u32 spared_outputs = 0;             // bit k: where nobody reads output k, the kernel gets it without elements
  bool keeps_order = false;           // a view whose elements follow each other as the input's do
  int tile_op = -1;                   // TileOp of an elementwise op
  bool is_random = false;
  NameRule name_rule = nullptr;
  bool calls_python = false;          // the kernel may evaluate other graphs while it runs
  Autocast autocast = Autocast::kKeep;
  bool orders = false;                // a view that exists for its other edges: recorded even where a window would do
  bool sets_layout = false;           // the first attribute is the result's MeshLayout

  const char* name_of(const i64* attrs) const { return name_rule ? name_rule(attrs) : name; }

  // Reads as the record: OpDef("matmul").inputs({"a", "b"}).dtype(promote).shape(matmul_shape)...
  OpDef& inputs(std::vector<const char*> names, bool variadic = false) { input_names = std::move(names); is_variadic = variadic; return *this; }
  OpDef& attr(const char* attr_name, AttrKind attr_kind);
  OpDef& attr(const char* attr_name, AttrKind attr_kind, i64 fallback);
  OpDef& category(OpCategory value) { kind = value; return *this; }
  OpDef& promote_inputs(u32 mask) { promoted = mask; return *this; }
  OpDef& to_float() { promotes_to_float = true; return *this; }
  OpDef& only(u16 dtype_mask) { dtypes = dtype_mask; return *this; }
  OpDef& check(CheckRule rule) { check_rule = rule; return *this; }
  OpDef& dtype(DTypeRule rule) { dtype_rule = rule; return *this; }
  OpDef& shape(ShapeRule rule) { shape_rule = rule; return *this; }
  OpDef& outputs(OutputsRule rule) { outputs_rule = rule; return *this; }
  OpDef& vjp(VjpRule rule) { vjp_rule = rule; return *this; }
  OpDef& saves(u32 input_mask, bool output = false) { saved_inputs = input_mask; saves_output = output; return *this; }
  OpDef& reading(std::vector<u32> masks) { reads = std::move(masks); return *this; }
  OpDef& no_grad(const char* reason) { no_grad_reason = reason; return *this; }
  OpDef& cost(CostRule rule) { cost_rule = rule; return *this; }
  OpDef& fallback(FallbackRule rule) { fallback_rule = rule; return *this; }
  OpDef& cpu(Kernel function, u32 strided_mask = 0) { kernel = function; strided_inputs = strided_mask; return *this; }
  OpDef& in_place(u32 input_mask) { in_place_inputs = input_mask; return *this; }
  OpDef& spare(u32 output_mask) { spared_outputs = output_mask; return *this; }
  OpDef& view(ViewRule rule) { view_rule = rule; return *this; }
  OpDef& ordered() { keeps_order = true; return *this; }
  OpDef& tile(TileOp op) { tile_op = static_cast<int>(op); return *this; }
  OpDef& ordering() { orders = true; return *this; }
  OpDef& layouts() { sets_layout = true; return *this; }
  OpDef& named_by(NameRule rule) { name_rule = rule; return *this; }
  OpDef& python() { calls_python = true; return *this; }
  OpDef& random() { is_random = true; return *this; }
};

// Names to records. Filled once by ops/register_all.cpp; custom ops join at run time.
class Registry {
 public:
  OpDef& add(OpDef def);
  const OpDef& operator[](OpId id) const { return *defs_[id]; }
  const OpDef* find(const std::string& name) const;  // nullptr when unknown
  const OpDef& at(const std::string& name) const;    // throws ValueError when unknown
  void set_autocast(const std::string& name, Autocast rule);  // does nothing when the name is unknown
  std::size_t size() const { return defs_.size(); }

 private:
  std::vector<OpDef*> defs_;  // records never move or go: nodes refer to them by id for the life of the process
};
Registry& registry();

}  // namespace pyflame::graph
