// What convolution and pooling share: attributes that are pairs (height, width), and the bytes they move.
#pragma once
#include <cstring>

#include "ops/rules.h"

namespace pyflame::ops {

// Every list attribute of a 2-d window is a pair; padding starts at 0, the others at 1.
inline void check_pairs(const graph::Call& call) {
  const i64* word = call.attrs;
  for (const graph::AttrDef& attr : call.op.attr_defs) {
    if (attr.kind != graph::AttrKind::kInts) {
      ++word;
      continue;
    }
    i64 least = std::strcmp(attr.name, "padding") == 0 ? 0 : 1;
    if (word[0] != 2 || word[1] < least || word[2] < least) {
      std::string name = "[" + std::string(call.op.name) + "] " + attr.name;
      if (word[0] == 2) {
        runtime_error(name + " is " + to_string(read_list(word)) + ": each must be at least " + std::to_string(least));
      }
      runtime_error(name + " has " + std::to_string(word[0]) + " values: expected 2, for height and width");
    }
    word = after_list(word);
  }
}

inline double moved_bytes(const graph::Call& call, const Shape& out) {
  double bytes = static_cast<double>(out.numel() * dtype_size(call.dtype(0)));
  for (int i = 0; i < call.count; ++i) bytes += static_cast<double>(call[i].numel() * dtype_size(call.dtype(i)));
  return bytes;
}

}  // namespace pyflame::ops
