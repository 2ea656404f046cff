// Source lines of recorded ops: a node keeps a 32-bit id; text is made only when somebody asks.
#pragma once
#include <pybind11/pybind11.h>

#include "base/dtype.h"

namespace pyflame::bindings {

// Id of the innermost frame outside the package. The table grows with the program's size, not with its running time.
u32 current_location();

struct SourceLine {
  pybind11::object file, function;
  int line;
};
// file is None for id 0 (unknown).
SourceLine source_line(u32 id);

std::string source_text(u32 id);  // "file:line"; empty for id 0

// Code under these directory prefixes counts as the package's own.
void add_internal_prefix(const std::string& directory);

}  // namespace pyflame::bindings
