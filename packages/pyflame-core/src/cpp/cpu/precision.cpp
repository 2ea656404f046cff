#include "cpu/precision.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "cpu/amx_kernels.h"
#include "cpu/gemm_amx.h"
#include "cpu/gemm_blocked.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

#if defined(__x86_64__)
namespace amx {
extern const AmxKernels kernels;
}
const AmxKernels* amx_kernels() { return &amx::kernels; }
#else
const AmxKernels* amx_kernels() { return nullptr; }
#endif

namespace {

std::atomic<MatmulPrecision> g_precision{MatmulPrecision::kHighest};

// Two products, one of ordinary numbers and one with an infinity, by the unit and without it: hardware, hypervisor and
// system all have a part in the unit's state, and a wrong one would give wrong numbers silently.
bool unit_works() {
  constexpr i64 m = 48, n = 40, k = 72;  // not whole tiles
  static float a[m * k], b[k * n], with[m * n], without[m * n];
  u32 state = 1;
  auto next = [&state] {
    state = state * 1664525 + 1013904223;
    return static_cast<float>(state >> 8) / (1 << 23) - 1.0f;
  };
  for (float& x : a) x = next();
  for (float& x : b) x = next();
  for (int round = 0; round < 2; ++round) {
    a[17] = round ? __builtin_inff() : a[17];
    const Product<float> product{m, n, k, a, k, 1, b, n, 1, with, n, false};
    gemm_amx(product, kAmxMaxParts, nullptr);
    Product<float> plain = product;
    plain.c = without;
    gemm_plain(plain);
    for (i64 i = 0; i < m * n; ++i) {
      bool same = with[i] == without[i] || __builtin_fabsf(with[i] - without[i]) <= 1e-5f;
      if (!same) return false;
    }
  }
  return true;
}

enum class Unit { kOn, kNoTier, kFailed };

Unit unit() {
  static const Unit found = active_tier() != TierId::kAmx ? Unit::kNoTier : unit_works() ? Unit::kOn : Unit::kFailed;
  return found;
}

bool floats_allowed() {
  static const bool allowed = [] {
    const char* text = std::getenv("PYFLAME_AMX_FP32");
    if (!text || std::string(text) == "1") return true;
    if (std::string(text) == "0") return false;
    value_error("[cpu] PYFLAME_AMX_FP32=" + std::string(text) + ": expected 0 or 1");
  }();
  return allowed;
}

}  // namespace

MatmulPrecision matmul_precision() { return g_precision.load(std::memory_order_relaxed); }
void set_matmul_precision(MatmulPrecision precision) { g_precision.store(precision, std::memory_order_relaxed); }

int amx_float_parts() {
  if (!floats_allowed() || unit() != Unit::kOn) return 0;
  switch (matmul_precision()) {
    case MatmulPrecision::kHighest: return 3;
    case MatmulPrecision::kHigh: return 2;
    case MatmulPrecision::kMedium: return 1;
  }
  return 0;
}

bool amx_halves() { return unit() == Unit::kOn; }

const char* amx_float_state() {
  switch (unit()) {
    case Unit::kNoTier: return "off: the cpu tier is not amx";
    case Unit::kFailed: return "off: the tile unit failed its self-test";
    case Unit::kOn: return floats_allowed() ? "on" : "off: PYFLAME_AMX_FP32=0";
  }
  return "";
}

}  // namespace pyflame::cpu
