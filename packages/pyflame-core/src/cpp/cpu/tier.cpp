#include "cpu/tier.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace pyflame::cpu {

namespace {

bool runs_here(TierId tier) {
#if defined(__x86_64__)
  __builtin_cpu_init();  // checks the operating system's XSAVE support as well as CPUID
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return tier == TierId::kBaseline || (tier == TierId::kAvx2 ? avx2 : avx512);
#else
  return tier == TierId::kBaseline;
#endif
}

TierId choose() {
  constexpr TierId tiers[] = {TierId::kAvx512, TierId::kAvx2, TierId::kBaseline};
  if (const char* forced = std::getenv("PYFLAME_CPU_TIER")) {
    for (TierId tier : tiers) {
      if (std::string(forced) != tier_name(tier)) continue;
      if (!runs_here(tier)) value_error("[cpu] PYFLAME_CPU_TIER=" + std::string(forced) + ": this machine lacks it");
      return tier;
    }
    value_error("[cpu] PYFLAME_CPU_TIER=" + std::string(forced) + " is unknown: use baseline, avx2 or avx512");
  }
  for (TierId tier : tiers) {
    if (runs_here(tier)) return tier;
  }
  return TierId::kBaseline;
}

}  // namespace

TierId active_tier() {
  static const TierId tier = choose();
  return tier;
}

const char* tier_name(TierId tier) {
  return tier == TierId::kAvx512 ? "avx512" : tier == TierId::kAvx2 ? "avx2" : "baseline";
}

}  // namespace pyflame::cpu
