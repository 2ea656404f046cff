// Updates of values that are there and that nothing else can see: their kernels run at once, on the memory they are in.
//
// The bits are those of the same updates in a plan. A step of a small model spends less on the work than on a graph of it.
#include "bindings/storage.h"
#include "bindings/update_rows.h"
#include "ops/kernels.h"
#include "runtime/eval.h"

namespace pyflame::bindings {

namespace {

// Evaluated and in order.
bool at_hand(const Node* node) { return node && node->value && !node->value->strides && node->layout == 0; }

// A tensor whose memory is its own, and its value no other tensor's, view's, pending node's or array's.
bool sole(const TensorObject* tensor) {
  const Node* node = tensor->node;
  if (!at_hand(node) || node->refs != 1 || node->num_inputs || node->has(graph::kAttached | graph::kInference)) return false;
  const graph::Value& value = *node->value;
  const std::size_t bytes = static_cast<std::size_t>(node->numel() * dtype_size(node->dtype));
  return !(tensor->alias && tensor->alias->history->base) && value.buffer->refs == 1 && value.offset == 0 &&
         !value.buffer->release && value.buffer->bytes == bytes;
}

// All elements in a row, which is all that updates look at.
void set_view(const Node* node, View* view) {
  view->data = static_cast<char*>(node->value->buffer->data) + node->value->offset * dtype_size(node->dtype);
  view->dtype = node->dtype;
  view->shape.dims[0] = node->numel();
}

void announce_write(TensorObject* tensor) {
  contents_change(tensor->node->value->buffer);
  ++(tensor->alias ? tensor->alias->history->storage->version : tensor->version);
}

// Whether the row may be updated; sets the views of its inputs, and behind them those of its outputs.
bool set_views(const graph::OpDef& op, PyObject* const* row, u32 epoch, View* views) {
  const int count = static_cast<int>(op.input_names.size());
  const Node* first = as_tensor(row[0])->node;
  View* out = views + count;
  for (int i = 0; i < count; ++i) {
    TensorObject* tensor = as_tensor(row[i]);
    if (!tensor) return false;
    const bool changes = op.in_place_inputs >> i & 1;
    Node* node = changes ? tensor->node : current(tensor);
    if (!(changes ? sole(tensor) : at_hand(node))) return false;
    if (node->dtype != first->dtype || !graph::same_shape(*node, *first)) return false;
    const bool met = node->mark == epoch;
    if (met && (changes || node->slot)) return false;  // one update needs what another makes
    node->mark = epoch;
    node->slot = changes;
    set_view(node, views + i);
    if (changes) set_view(node, out++);
  }
  return true;
}

}  // namespace

bool update_in_place(const Function& f, const Rows& rows, const std::vector<Words>& words, const std::vector<u32>& which) {
  const graph::OpDef& op = *f.op;
  const ops::JointKernel kernel = ops::joint_kernel(op);
  if (!kernel || rows.size() == 0) return false;
  const std::size_t num_inputs = op.input_names.size(), width = 2 * num_inputs;
  // Kept: views are large, and three of their members tell one from another.
  static thread_local std::vector<View> views;
  if (views.size() < rows.size() * width) views.resize(rows.size() * width, {nullptr, DType::kFloat32, {0}, {1}});
  const u32 epoch = graph::next_epoch();
  i64 elements = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (!set_views(op, rows[r], epoch, views.data() + r * width)) return false;
    elements += as_tensor(rows[r][0])->node->numel();
    if (elements > kFewElements) return false;
  }
  std::unique_lock<std::recursive_mutex> backend = runtime::claim_backend();
  if (!backend) return false;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < num_inputs; ++i) {
      if (op.in_place_inputs >> i & 1) announce_write(as_tensor(rows[r][i]));
    }
  }
  graph::KernelCall calls[ops::kMaxJoint];
  for (std::size_t r = 0; r < rows.size();) {
    int joint = 0;
    for (; joint < ops::kMaxJoint && r < rows.size(); ++joint, ++r) {
      const i64* given = words[which[r]].values;
      const View* in = views.data() + r * width;
      calls[joint] = {in, in + num_inputs, given, reinterpret_cast<const u64*>(given), static_cast<int>(num_inputs)};
    }
    kernel(calls, joint);
  }
  return true;
}

}  // namespace pyflame::bindings
