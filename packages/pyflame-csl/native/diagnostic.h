#pragma once
// What the simulator has to say about a program: an error stops the run, warnings are collected.
#include <cstdint>
#include <string>
#include <vector>

#include "program.h"

namespace pyflame::csl {

struct Diagnostic {
  std::string code;     // such as "deadlock"; the table of codes is in sim/diagnostics.py
  std::string message;  // facts, then the remedy
  Span span;
  int x = -1, y = -1;
  uint64_t cycle = 0;
};

struct SimulationFault {
  std::vector<Diagnostic> diagnostics;
};

// Thrown where the caller's check for interrupts asks to stop.
struct Interrupted {};

}  // namespace pyflame::csl
