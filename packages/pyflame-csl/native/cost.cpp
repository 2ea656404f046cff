#include "cost.h"

#include <stdexcept>

namespace pyflame::csl {

Costs costs_from(const std::map<std::string, double>& table) {
  size_t used = 0;
  auto get = [&](const std::string& name) {
    auto found = table.find(name);
    if (found == table.end()) throw std::invalid_argument("[csl] the cost table lacks " + name);
    if (!(found->second >= 0 && found->second <= 60000))
      throw std::invalid_argument("[csl] cost " + name + " = " + std::to_string(found->second) + " is outside 0 to 60000");
    used++;
    return found->second;
  };
  Costs costs;
  const char* scalar[] = {"move",           "integer", "multiply", "divide", "floating", "float_divide",
                          "transcendental", "load",    "store",    "branch", "jump",     "call",
                          "ret",            "control"};
  static_assert(sizeof scalar / sizeof *scalar == size_t(CostKind::count));
  for (size_t i = 0; i < costs.scalar.size(); i++) costs.scalar[i] = uint16_t(get(std::string("scalar_") + scalar[i]));
  const char* rates[] = {"move16", "move32", "arith16", "arith32", "fma32", "map"};
  static_assert(sizeof rates / sizeof *rates == size_t(Rate::count));
  for (size_t i = 0; i < costs.cycles_per_element.size(); i++)
    costs.cycles_per_element[i] = get(std::string("dsd_cycles_") + rates[i]);
  costs.branch_taken = uint32_t(get("scalar_branch_taken"));
  costs.task_start = uint32_t(get("task_start"));
  costs.dsd_setup = uint32_t(get("dsd_setup"));
  costs.dsr_setup = uint32_t(get("dsd_setup_from_dsr"));
  costs.async_issue = uint32_t(get("async_issue"));
  costs.async_issue_from_dsr = uint32_t(get("async_issue_from_dsr"));
  costs.async_start = uint32_t(get("async_start"));
  costs.dsd_finish = uint32_t(get("dsd_finish"));
  costs.reduction = get("dsd_cycles_reduction");
  costs.bank_conflict = get("bank_conflict_factor");
  costs.bank_aligned = get("bank_aligned_factor");
  costs.hop = uint32_t(get("hop"));
  costs.ramp_in = uint32_t(get("ramp_in"));
  costs.ramp_out = uint32_t(get("ramp_out"));
  costs.fabric_element = uint32_t(get("fabric_cycles_per_element"));
  costs.link_depth = uint32_t(get("router_buffer_depth"));
  for (int q = 0; q < queues; q++) {
    costs.input_depth[q] = uint8_t(get("input_queue_depth_" + std::to_string(q)));
    costs.output_depth[q] = uint8_t(get("output_queue_depth_" + std::to_string(q)));
    if (costs.input_depth[q] < 1 || costs.input_depth[q] > 8 || costs.output_depth[q] > 8)
      throw std::invalid_argument("[csl] queues hold 1 to 8 wavelets");
  }
  if (used != table.size()) throw std::invalid_argument("[csl] the cost table has an unknown constant");
  if (costs.hop < 1 || costs.fabric_element < 1 || costs.link_depth < 1 || costs.link_depth > 8 || costs.ramp_in < 1)
    throw std::invalid_argument("[csl] hop, ramp_in and fabric_cycles_per_element are at least 1, router_buffer_depth 1 to 4");
  return costs;
}

}  // namespace pyflame::csl
