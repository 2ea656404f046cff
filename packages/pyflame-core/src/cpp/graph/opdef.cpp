#include "graph/opdef.h"

#include <cstring>
#include <unordered_map>

#include "base/error.h"

namespace pyflame::graph {

namespace {
std::unordered_map<std::string, OpDef*>& names() {
  static std::unordered_map<std::string, OpDef*> map;
  return map;
}

bool is_param(AttrKind kind) {
  return kind == AttrKind::kParamInt || kind == AttrKind::kParamFloat || kind == AttrKind::kScalar;
}
}  // namespace

const char* category_name(OpCategory category) {
  constexpr const char* text[] = {"elementwise", "reduction", "matmul", "conv",     "pool",
                                  "shape",       "index",     "random", "creation", "update",
                                  "custom",      "loss",      "scan",   "sort",     "norm"};
  return text[static_cast<int>(category)];
}

void check_dtype(const OpDef& op, DType dtype) {
  if (op.dtypes & dtype_bit(dtype)) return;
  std::string supported;
  for (int d = 0; d < kNumDTypes; ++d) {
    if (op.dtypes >> d & 1) supported += (supported.empty() ? "" : ", ") + std::string(dtype_name(static_cast<DType>(d)));
  }
  runtime_error("[" + std::string(op.name) + "] is not defined for " + std::string(dtype_name(dtype)) +
                " tensors: convert to one of " + supported);
}

OpDef& OpDef::attr(const char* attr_name, AttrKind attr_kind) {
  if (is_param(attr_kind)) {
    if (num_params != static_cast<int>(attr_defs.size())) {
      runtime_error(std::string("[registry] ") + name + ": runtime parameters must come before other attributes");
    }
    ++num_params;
  }
  attr_defs.push_back({attr_name, attr_kind, true, 0});
  return *this;
}

OpDef& OpDef::attr(const char* attr_name, AttrKind attr_kind, i64 fallback) {
  attr(attr_name, attr_kind);
  attr_defs.back().required = false;
  attr_defs.back().fallback = fallback;
  return *this;
}

OpDef& Registry::add(OpDef def) {
  if (names().count(def.name)) runtime_error(std::string("[registry] op ") + def.name + " is registered twice");
  if (!def.vjp_rule && !def.no_grad_reason) {
    runtime_error(std::string("[registry] op ") + def.name + " has neither a VJP nor a reason for having none");
  }
  OpDef* stored = new OpDef(std::move(def));
  stored->id = static_cast<OpId>(defs_.size());
  defs_.push_back(stored);
  names()[stored->name] = stored;
  return *stored;
}

void Registry::set_autocast(const std::string& name, Autocast rule) {
  for (OpDef* def : defs_) {
    if (name == def->name) def->autocast = rule;
  }
}

const OpDef* Registry::find(const std::string& name) const {
  auto it = names().find(name);
  return it == names().end() ? nullptr : it->second;
}

const OpDef& Registry::at(const std::string& name) const {
  const OpDef* def = find(name);
  if (!def) value_error("[registry] there is no op named '" + name + "'");
  return *def;
}

Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace pyflame::graph
