#include "base/dtype.h"

namespace pyflame {

namespace {
DType g_default_dtype = DType::kFloat32;
}

std::string_view dtype_name(DType dtype) {
  constexpr std::string_view names[kNumDTypes] = {"bool",  "uint8",   "int8",     "int16",   "int32",
                                                  "int64", "float16", "bfloat16", "float32", "float64"};
  return names[static_cast<int>(dtype)];
}

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  if (category(a) != category(b)) return category(a) > category(b) ? a : b;
  if (a > b) {
    DType swap = a;
    a = b;
    b = swap;
  }
  if (a == DType::kFloat16 && b == DType::kBFloat16) return DType::kFloat32;
  if (a == DType::kUInt8 && b == DType::kInt8) return DType::kInt16;
  return b;
}

DType default_dtype() { return g_default_dtype; }
void set_default_dtype(DType dtype) { g_default_dtype = dtype; }

}  // namespace pyflame
