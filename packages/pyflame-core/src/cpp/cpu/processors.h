// How many processors this process may use.
#pragma once
#include <string>

namespace pyflame::cpu {

// Those of the affinity mask, but no more than the control group's share of time allows.
int available_processors();

// Processors that the CPU time of the control group amounts to, rounded up; 0 without a limit. Groups lie inside each
// other, and the tightest counts. Files are looked for below `root`, which is empty but in tests.
int control_group_processors(const std::string& root);

}  // namespace pyflame::cpu
