// Instruction-set tiers. Files named cpu/simd/<family>.cpp are compiled once per tier with PYFLAME_TIER set to the
// tier's name and that tier's compiler flags; everything in them lives in namespace pyflame::cpu::PYFLAME_TIER and
// is reached through one table per family, so that no instruction leaks into code that runs everywhere. For the same
// reason those files use no inline library code with linkage (std::vector, std::string, iostreams).
#pragma once

namespace pyflame::cpu {

// kAmx is AVX-512 with the tile unit for matrix products; kNeon is the one tier of 64-bit ARM, where every machine has it.
enum class TierId { kBaseline, kNeon, kAvx2, kAvx512, kAmx };

// The best tier this machine runs, or the one named by PYFLAME_CPU_TIER (tier_name of those built); fixed at first use.
// Throws ValueError when the name is unknown or the machine cannot run it.
TierId active_tier();
const char* tier_name(TierId tier);

}  // namespace pyflame::cpu

// PYFLAME_DECLARE_TIERS(GemmTable, gemm_table) declares the table of each tier and `const GemmTable& active_gemm_table()`.
#if defined(__x86_64__)
#define PYFLAME_DECLARE_TIERS(Type, function)                                          \
  namespace baseline { extern const Type function; }                                   \
  namespace avx2 { extern const Type function; }                                       \
  namespace avx512 { extern const Type function; }                                     \
  inline const Type& active_##function() {                                             \
    static const Type& table = active_tier() >= TierId::kAvx512 ? avx512::function     \
                               : active_tier() == TierId::kAvx2 ? avx2::function       \
                                                                : baseline::function;  \
    return table;                                                                      \
  }
#elif defined(__aarch64__)
#define PYFLAME_DECLARE_TIERS(Type, function)              \
  namespace neon { extern const Type function; }           \
  inline const Type& active_##function() { return neon::function; }
#else
#define PYFLAME_DECLARE_TIERS(Type, function)                  \
  namespace baseline { extern const Type function; }           \
  inline const Type& active_##function() { return baseline::function; }
#endif
