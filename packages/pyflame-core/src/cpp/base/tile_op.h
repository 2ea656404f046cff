// The names of the elementwise table as an enumeration: the op codes of tile programs.
#pragma once
#include "base/dtype.h"

namespace pyflame {

enum class TileOp : u16 {
#define UNARY(name, ...) name,
#define BINARY(name, ...) name,
#define COMPARE(name, ...) name,
#include "base/elementwise.def"
#undef UNARY
#undef BINARY
#undef COMPARE
  where,  // in: condition (bool), x, y
  cast,   // in_dtype -> out_dtype: float to integer truncates, anything to bool is != 0
};

}  // namespace pyflame
