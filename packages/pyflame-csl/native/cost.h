#pragma once
// What things cost in cycles. The values come from one JSON file per architecture; see sim/costs_wse3.json for meanings.
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "dsd.h"
#include "isa.h"
#include "program.h"

namespace pyflame::csl {

struct Costs {
  std::array<uint16_t, size_t(CostKind::count)> scalar{};
  uint32_t branch_taken = 0, task_start = 0, dsd_setup = 0, dsr_setup = 0, dsd_finish = 0;
  uint32_t async_issue = 0, async_issue_from_dsr = 0, async_start = 0;
  std::array<double, size_t(Rate::count)> cycles_per_element{};
  double reduction = 1.0, bank_conflict = 1.0, bank_aligned = 1.0;
  uint32_t hop = 1, ramp_in = 1, ramp_out = 1, fabric_element = 1;
  std::array<uint8_t, queues> input_depth{}, output_depth{};
  uint32_t link_depth = 4;
  bool banks = false;
};

// Throws std::invalid_argument naming a missing or unknown constant.
Costs costs_from(const std::map<std::string, double>& table);

}  // namespace pyflame::csl
