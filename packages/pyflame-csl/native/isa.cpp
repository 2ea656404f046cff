#include "isa.h"

#include <cstring>
#include <initializer_list>

namespace pyflame::csl {

const char* op_name(uint16_t op) {
  static const char* const names[] = {
#define X(op) #op,
      CSL_PLAIN_OPS(X)
#undef X
#define X(op, type) #op "." #type,
          CSL_TYPED_OPS(X)
#undef X
#define X(from, to) "cast." #from "." #to,
              CSL_CASTS(X)
#undef X
  };
  return op < op_count ? names[op] : "?";
}

namespace {

bool starts(const char* name, const char* prefix) {
  size_t n = std::strlen(prefix);
  return std::strncmp(name, prefix, n) == 0 && (name[n] == '.' || name[n] == 0);
}

bool one_of(const char* name, std::initializer_list<const char*> prefixes) {
  for (const char* prefix : prefixes)
    if (starts(name, prefix)) return true;
  return false;
}

}  // namespace

CostKind cost_kind(uint16_t op) {
  const char* name = op_name(op);
  bool is_float = std::strstr(name, ".f16") || std::strstr(name, ".f32");
  if (one_of(name, {"load"})) return CostKind::load;
  if (one_of(name, {"store", "copy"})) return CostKind::store;
  if (one_of(name, {"const", "move"})) return CostKind::move;
  if (one_of(name, {"jump"})) return CostKind::jump;
  if (one_of(name, {"branch", "branch_not"})) return CostKind::branch;
  if (one_of(name, {"call"})) return CostKind::call;
  if (one_of(name, {"ret"})) return CostKind::ret;
  if (one_of(name, {"sqrt", "exp", "log", "sin", "cos", "tanh", "pow"})) return CostKind::transcendental;
  if (one_of(name, {"div", "rem"})) return is_float ? CostKind::float_divide : CostKind::divide;
  if (op < op_add_i8 && op != op_lnot) return CostKind::control;
  if (is_float) return CostKind::floating;
  return one_of(name, {"mul"}) ? CostKind::multiply : CostKind::integer;
}

}  // namespace pyflame::csl
