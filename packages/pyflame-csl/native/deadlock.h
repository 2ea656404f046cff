#pragma once
// Why nothing happens any more: who waits for what.
#include <map>
#include <string>
#include <vector>

#include "diagnostic.h"

namespace pyflame::csl {

class Machine;
struct Pe;
struct Operation;

class DeadlockReport {
 public:
  explicit DeadlockReport(const Machine& machine) : machine_(machine) {}
  // The summary first, then one entry for each thing that waits; at most a screenful.
  std::vector<Diagnostic> entries();
  // Wavelets that nobody has taken.
  std::vector<Diagnostic> leftovers() const;

 private:
  void add(const Pe& pe, const std::string& message, Span span);
  void describe(const Pe& pe);
  void describe_operation(const Pe& pe, int number);
  // PEs whose ramp feeds `color` at this PE, walking its route backwards.
  std::vector<uint32_t> sources(uint32_t pe, int color) const;
  // PEs at whose ramp `color` from this PE ends.
  std::vector<uint32_t> sinks(uint32_t pe, int color) const;
  std::string list(const std::vector<uint32_t>& pes) const;
  std::string cycle() const;

  const Machine& machine_;
  std::vector<Diagnostic> entries_;
  std::map<uint32_t, std::vector<uint32_t>> waits_for_;
  size_t hidden_ = 0;
};

}  // namespace pyflame::csl
