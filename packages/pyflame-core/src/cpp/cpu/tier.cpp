#include "cpu/tier.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace pyflame::cpu {

namespace {

// Best first.
#if defined(__x86_64__)
constexpr TierId kTiers[] = {TierId::kAmx, TierId::kAvx512, TierId::kAvx2, TierId::kBaseline};
#elif defined(__aarch64__)
constexpr TierId kTiers[] = {TierId::kNeon};
#else
constexpr TierId kTiers[] = {TierId::kBaseline};
#endif

// The tile unit: the processor has it, the system saves its registers, and grants them to this process. They are granted
// on request only, because they enlarge every signal frame.
bool has_tiles() {
#if defined(__x86_64__) && defined(__linux__)
  unsigned a, b, c, d;
  constexpr unsigned kBfloat16 = 1u << 22, kTile = 1u << 24, kAvx512Bfloat16 = 1u << 5, kOsXsave = 1u << 27;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (kBfloat16 | kTile)) != (kBfloat16 | kTile)) return false;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & kAvx512Bfloat16)) return false;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsXsave)) return false;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileState = 0b11u << 17;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // of arch_prctl; older headers lack the names
  return (low & kTileState) == kTileState && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

bool runs_here(TierId tier) {
#if defined(__x86_64__)
  __builtin_cpu_init();  // checks the operating system's XSAVE support as well as CPUID
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (tier == TierId::kAmx) return avx512 && has_tiles();
  return tier == TierId::kBaseline || (tier == TierId::kAvx2 ? avx2 : avx512);
#else
  return true;
#endif
}

TierId choose() {
  if (const char* forced = std::getenv("PYFLAME_CPU_TIER")) {
    std::string known;
    for (TierId tier : kTiers) {
      known += (known.empty() ? "" : ", ") + std::string(tier_name(tier));
      if (std::string(forced) != tier_name(tier)) continue;
      if (!runs_here(tier)) value_error("[cpu] PYFLAME_CPU_TIER=" + std::string(forced) + ": this machine lacks it");
      return tier;
    }
    value_error("[cpu] PYFLAME_CPU_TIER=" + std::string(forced) + " is unknown: use one of " + known);
  }
  for (TierId tier : kTiers) {
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
  constexpr const char* names[] = {"baseline", "neon", "avx2", "avx512", "amx"};
  return names[static_cast<int>(tier)];
}

}  // namespace pyflame::cpu
