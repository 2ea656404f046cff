#include "autograd/overwritten.h"

#include "base/error.h"
#include "graph/apply.h"

namespace pyflame::autograd {

using namespace graph;

namespace {

// A view shares the memory of its base. clone() records `alias`, and shares nothing.
bool overwritten(const Node* node) {
  static const OpId alias = registry().at("alias").id;
  while (!node->has(kOverwritten)) {
    if (!registry()[node->op].view_rule || node->op == alias || node->num_inputs != 1) return false;
    node = node->in[0];
  }
  return true;
}

[[noreturn]] void refuse(const OpDef& op, const Node* node, const char* what) {
  std::string line = hooks.source_line ? hooks.source_line(node->location) : "";
  runtime_error("[backward] " + std::string(op.name) + (line.empty() ? "" : " (" + line + ")") + " needs its " + what +
                ", which was changed in place since: clone() it before the change, or use the op that returns a new tensor");
}

}  // namespace

void refuse_overwritten(const OpDef& op, const Node* node, const u8* needs) {
  int first = node->has(kImmediateLeft) ? 1 : 0;
  u32 read = 0;
  for (int i = 0; i < node->num_inputs; ++i) {
    std::size_t operand = static_cast<std::size_t>(i + first);
    if (!needs[operand]) continue;
    read |= operand < op.reads.size() ? op.reads[operand] : op.saved_inputs | (op.saves_output ? kReadsOutput : 0);
  }
  if (!read) return;
  for (int i = 0; i < node->num_inputs; ++i) {
    if (!(read >> (i + first < 31 ? i + first : 30) & 1) || !overwritten(node->inputs()[i])) continue;
    refuse(op, node, op.is_variadic ? op.input_names[0] : op.input_names[static_cast<std::size_t>(i + first)]);
  }
  if (read & kReadsOutput && overwritten(node)) refuse(op, node, "result");
}

}  // namespace pyflame::autograd
