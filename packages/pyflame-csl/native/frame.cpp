// Calls of functions, and what programs print.
#include <algorithm>
#include <cstdio>

#include "machine.h"
#include "scalar.h"

namespace pyflame::csl {

namespace {

constexpr int64_t element_budget = 50'000'000;  // instructions for one element of @map
constexpr size_t max_depth = 256;
constexpr size_t max_registers = 1 << 20;

}  // namespace

void Machine::push_frame(Pe& pe, uint32_t function, uint16_t dst, const uint64_t* arguments, size_t count) {
  const Function& callee = pe.tile->functions[function];
  uint32_t base = 0;
  if (!pe.frames.empty()) base = pe.frames.back().base + pe.tile->functions[pe.frames.back().function].registers;
  if (pe.frames.size() >= max_depth || base + callee.registers > max_registers)
    fault(pe, "call-depth", "calls are nested deeper than " + std::to_string(max_depth) + " in " + callee.name, now());
  uint64_t given[8];
  std::vector<uint64_t> many;
  // The arguments may lie in the register file itself, which moves when it grows.
  const uint64_t* source = given;
  if (count <= 8) std::copy(arguments, arguments + count, given);
  else {
    many.assign(arguments, arguments + count);
    source = many.data();
  }
  if (pe.registers.size() < base + callee.registers) pe.registers.resize(base + callee.registers);
  uint64_t* registers = pe.registers.data() + base;
  std::fill_n(registers, callee.registers, 0);
  std::copy(source, source + count, registers);
  pe.frames.push_back({function, 0, base, dst});
}

uint64_t Machine::call_element(Pe& pe, uint32_t function, const std::vector<uint64_t>& arguments, uint64_t& time) {
  size_t floor = pe.frames.size();
  push_frame(pe, function, 0, arguments.data(), arguments.size());
  Outcome outcome = run_code(pe, time, floor, element_budget);
  if (outcome == Outcome::paused) fault(pe, "cycle-limit", "the function of @map does not end", time);
  if (outcome == Outcome::waits)
    fault(pe, "map-waits", "the function of @map waits for the fabric: use operations in memory there", time);
  return pe.result;
}

namespace {

// A register as `kind` says: "" unsigned, "d" signed, "x" hexadecimal, "f16" and "f32".
std::string printed(const std::string& kind, uint64_t value) {
  char text[32];
  if (kind == "d") return std::to_string(int64_t(value));
  if (kind == "x") std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
  else if (kind == "f16") std::snprintf(text, sizeof text, "%g", double(T_f16::get(value)));
  else if (kind == "f32") std::snprintf(text, sizeof text, "%g", double(T_f32::get(value)));
  else return std::to_string(value);
  return text;
}

}  // namespace

void Machine::print(Pe& pe, const std::string& format, uint64_t value, uint64_t when) {
  for (size_t i = 0; i < format.size(); i++) {
    size_t end = format[i] == '{' ? format.find('}', i) : std::string::npos;
    std::string kind = end == std::string::npos ? "?" : format.substr(i + 1, end - i - 1);
    if (kind.empty() || kind == "d" || kind == "x" || kind == "f16" || kind == "f32") {
      pe.line += printed(kind, value);
      i = end;
    } else if (format[i] == '\n') {
      log_.emplace_back(when, "P" + std::to_string(pe.x) + "." + std::to_string(pe.y) + ": " + pe.line);
      pe.line.clear();
    } else if (pe.line.size() < 4096) {
      pe.line += format[i];
    }
  }
}

}  // namespace pyflame::csl
