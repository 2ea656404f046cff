#include "cpu/random_table.h"
#include "cpu/simd/math.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

constexpr int kLanes = 16;

struct Words {
  u32 w[4];
};

template <int kRounds>
inline Words philox(Words x, u32 key0, u32 key1) {
  if constexpr (kRounds == 0) {
    return x;
  } else {
    u64 p = u64{0xd2511f53u} * x.w[0], q = u64{0xcd9e8d57u} * x.w[2];
    Words next{{static_cast<u32>(q >> 32) ^ x.w[1] ^ key0, static_cast<u32>(q),
                static_cast<u32>(p >> 32) ^ x.w[3] ^ key1, static_cast<u32>(p)}};
    return philox<kRounds - 1>(next, key0 + 0x9e3779b9u, key1 + 0xbb67ae85u);
  }
}

// words[w][j] of counter first + j.
inline void philox_group(u64 seed, u64 first, u32 (&words)[4][kLanes]) {
  const u32 key0 = static_cast<u32>(seed), key1 = static_cast<u32>(seed >> 32);
#pragma GCC ivdep
  for (int j = 0; j < kLanes; ++j) {
    u64 counter = first + static_cast<u64>(j);
    Words x = philox<10>({{static_cast<u32>(counter), static_cast<u32>(counter >> 32), 0, 0}}, key0, key1);
    words[0][j] = x.w[0];
    words[1][j] = x.w[1];
    words[2][j] = x.w[2];
    words[3][j] = x.w[3];
  }
}

inline u64 join(u32 high, u32 low) { return u64{high} << 32 | low; }

// Uniform on [0, 1) from the top 53 bits, through the mantissa of [1, 2) so that it vectorises everywhere.
inline double unit_interval(u64 bits) {
  return bit_cast<double>((bits >> 12) | 0x3ff0000000000000u) - 1.0 + (bits & 0x800 ? 0x1p-53 : 0.0);
}

void uniform_float(RandomKey key, int bits, float* out, i64 groups) {
  const int shift = 32 - bits;
  const float unit = 1.0f / static_cast<float>(1 << bits);
  for (i64 g = 0; g < groups; ++g, out += 4 * kLanes) {
    u32 words[4][kLanes];
    philox_group(key.seed, key.offset + static_cast<u64>(g * kLanes), words);
    const u32* flat = words[0];
    for (int i = 0; i < 4 * kLanes; ++i) {
      out[i] = static_cast<float>(static_cast<std::int32_t>(flat[i] >> shift)) * unit;
    }
  }
}

void uniform_double(RandomKey key, double* out, i64 groups) {
  for (i64 g = 0; g < groups; ++g, out += 2 * kLanes) {
    u32 words[4][kLanes];
    philox_group(key.seed, key.offset + static_cast<u64>(g * kLanes), words);
    for (int w = 0; w < 2; ++w) {
      for (int j = 0; j < kLanes; ++j) out[w * kLanes + j] = unit_interval(join(words[2 * w][j], words[2 * w + 1][j]));
    }
  }
}

template <class T>
struct Point {
  T x, y;
};

// A point of the unit circle: the top two bits choose the quadrant, `turn` in [-1/2, 1/2) the place in it.
template <class T>
inline Point<T> on_circle(u32 quadrant, T turn) {
  T a = turn * T(1.5707963267948966), z = a * a, sine, cosine;
  if constexpr (sizeof(T) == 4) {
    sine = fma(a * z, polynomial(z, -0.0001951721f, 0.008332178f, -0.16666655f), a);
    cosine = fma(z * z, polynomial(z, 2.4438377e-05f, -0.0013887367f, 0.041666646f), fma(z, -0.5f, 1.0f));
  } else {
    sine = fma(a * z,
               polynomial(z, 1.5896797300434806e-10, -2.5050758144075572e-08, 2.7557313692092768e-06,
                          -0.00019841269829808193, 0.008333333333322413, -0.16666666666666632),
               a);
    cosine = fma(z * z,
                 polynomial(z, -1.1359639048233422e-11, 2.0875723098683453e-09, -2.7557314351025126e-07,
                            2.480158728947766e-05, -0.0013888888888874116, 0.0416666666666666),
                 fma(z, -0.5, 1.0));
  }
  bool swap = quadrant & 1, negate = quadrant & 2;
  T x = swap ? -sine : cosine, y = swap ? cosine : sine;
  return {negate ? -x : x, negate ? -y : y};
}

void normal_float(RandomKey key, float* out, i64 groups) {
  for (i64 g = 0; g < groups; ++g, out += 4 * kLanes) {
    u32 words[4][kLanes];
    philox_group(key.seed, key.offset + static_cast<u64>(g * kLanes), words);
    for (int w = 0; w < 4; w += 2) {
      for (int j = 0; j < kLanes; ++j) {
        u32 a = words[w][j], b = words[w + 1][j];
        // In (0, 1]: all 32 bits count where the radius is large. Two signed halves, as AVX2 converts no unsigned.
        float u = static_cast<float>(static_cast<std::int32_t>(a >> 16)) * 0x1p-16f +
                  (static_cast<float>(static_cast<std::int32_t>(a & 0xffff)) + 0.5f) * 0x1p-32f;
        float radius = std::sqrt(-2.0f * log_positive(u, 0.0f));
        float turn = static_cast<float>(static_cast<std::int32_t>(b & 0x3fffffff) - 0x20000000) * 0x1p-30f;
        Point<float> p = on_circle(b >> 30, turn);
        out[w * kLanes + j] = radius * p.x;
        out[(w + 1) * kLanes + j] = radius * p.y;
      }
    }
  }
}

void normal_double(RandomKey key, double* out, i64 groups) {
  for (i64 g = 0; g < groups; ++g, out += 2 * kLanes) {
    u32 words[4][kLanes];
    philox_group(key.seed, key.offset + static_cast<u64>(g * kLanes), words);
    for (int j = 0; j < kLanes; ++j) {
      double u = unit_interval(join(words[0][j], words[1][j])) + 0x1p-54;
      double radius = std::sqrt(-2.0 * log_positive(u, 0.0));
      u64 bits = join(words[2][j], words[3][j]);
      Point<double> p = on_circle(words[2][j] >> 30, unit_interval(bits << 2) - 0.5);
      out[j] = radius * p.x;
      out[kLanes + j] = radius * p.y;
    }
  }
}

// The high half of bits * range: the bias of at most range / 2^64 is far below what any sample could show.
void integers(RandomKey key, i64 low, u64 range, i64* out, i64 groups) {
  for (i64 g = 0; g < groups; ++g, out += 2 * kLanes) {
    u32 words[4][kLanes];
    philox_group(key.seed, key.offset + static_cast<u64>(g * kLanes), words);
    for (int w = 0; w < 2; ++w) {
      for (int j = 0; j < kLanes; ++j) {
        u64 bits = join(words[2 * w][j], words[2 * w + 1][j]);
        u64 scaled = range == 0 ? bits : static_cast<u64>((static_cast<unsigned __int128>(bits) * range) >> 64);
        out[w * kLanes + j] = static_cast<i64>(static_cast<u64>(low) + scaled);
      }
    }
  }
}

}  // namespace

const RandomTable random_table = {uniform_float, uniform_double, normal_float, normal_double, integers};

}  // namespace pyflame::cpu::PYFLAME_TIER
