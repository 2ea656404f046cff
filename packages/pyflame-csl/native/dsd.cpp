#include "dsd.h"

#include <cmath>
#include <cstring>

#include "scalar.h"

namespace pyflame::csl {

namespace {

float s(uint32_t word) { return bits_as<float>(word); }
uint32_t s(float value) { return bits_as<uint32_t>(value); }
float h(uint32_t word) { return f16_to_float(uint16_t(word)); }
uint32_t h(float value) { return f16_from_float(value); }

// The larger operand; the other one where one is not a number.
float larger(float a, float b) { return std::isnan(a) ? b : std::isnan(b) ? a : (a > b || (a == b && !std::signbit(a))) ? a : b; }

struct Ops {
  static uint32_t mov16(uint32_t a, uint32_t, uint32_t) { return a & 0xffff; }
  static uint32_t mov32(uint32_t a, uint32_t, uint32_t) { return a; }
  static uint32_t fmovh(uint32_t a, uint32_t, uint32_t) { return a & 0xffff; }
  static uint32_t fmovs(uint32_t a, uint32_t, uint32_t) { return a; }
  static uint32_t add16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(a + b); }
  static uint32_t sub16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(a - b); }
  static uint32_t and16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(a & b); }
  static uint32_t or16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(a | b); }
  static uint32_t xor16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(a ^ b); }
  static uint32_t sll16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(shift_left<T_u16>(a & 0xffff, b & 0xffff)); }
  static uint32_t slr16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(shift_right<T_u16>(a & 0xffff, b & 0xffff)); }
  static uint32_t sar16(uint32_t a, uint32_t b, uint32_t) { return uint16_t(shift_right<T_i16>(a & 0xffff, b & 0xffff)); }
  static uint32_t popcnt(uint32_t a, uint32_t, uint32_t) { return uint32_t(__builtin_popcount(a & 0xffff)); }
  static uint32_t clz(uint32_t a, uint32_t, uint32_t) { return (a & 0xffff) ? uint32_t(__builtin_clz(a & 0xffff)) - 16 : 16; }
  static uint32_t ctz(uint32_t a, uint32_t, uint32_t) { return (a & 0xffff) ? uint32_t(__builtin_ctz(a & 0xffff)) : 16; }
  static uint32_t random16(uint32_t, uint32_t, uint32_t) { return 0; }
  static uint32_t add32(uint32_t a, uint32_t b, uint32_t) { return a + b; }
  static uint32_t sub32(uint32_t a, uint32_t b, uint32_t) { return a - b; }
  static uint32_t faddh(uint32_t a, uint32_t b, uint32_t) { return h(h(a) + h(b)); }
  static uint32_t fsubh(uint32_t a, uint32_t b, uint32_t) { return h(h(a) - h(b)); }
  static uint32_t fmulh(uint32_t a, uint32_t b, uint32_t) { return h(h(a) * h(b)); }
  static uint32_t fmaxh(uint32_t a, uint32_t b, uint32_t) { return h(larger(h(a), h(b))); }
  static uint32_t fnegh(uint32_t a, uint32_t, uint32_t) { return (a & 0xffff) ^ 0x8000; }
  static uint32_t fabsh(uint32_t a, uint32_t, uint32_t) { return a & 0x7fff; }
  static uint32_t fmach(uint32_t a, uint32_t b, uint32_t c) { return f16_fma(uint16_t(a), uint16_t(b), uint16_t(c)); }
  static uint32_t fadds(uint32_t a, uint32_t b, uint32_t) { return s(s(a) + s(b)); }
  static uint32_t fsubs(uint32_t a, uint32_t b, uint32_t) { return s(s(a) - s(b)); }
  static uint32_t fmuls(uint32_t a, uint32_t b, uint32_t) { return s(s(a) * s(b)); }
  static uint32_t fmaxs(uint32_t a, uint32_t b, uint32_t) { return s(larger(s(a), s(b))); }
  static uint32_t fnegs(uint32_t a, uint32_t, uint32_t) { return a ^ 0x80000000u; }
  static uint32_t fabss(uint32_t a, uint32_t, uint32_t) { return a & 0x7fffffffu; }
  static uint32_t fmacs(uint32_t a, uint32_t b, uint32_t c) { return s(std::fma(s(b), s(c), s(a))); }
  // The product of two halves is exact in float.
  static uint32_t fmachs(uint32_t a, uint32_t b, uint32_t c) { return s(s(a) + h(b) * h(c)); }
  static uint32_t fscales(uint32_t a, uint32_t b, uint32_t) { return s(std::ldexp(s(a), int16_t(b))); }
  static uint32_t fs2h(uint32_t a, uint32_t, uint32_t) { return h(s(a)); }
  static uint32_t fh2s(uint32_t a, uint32_t, uint32_t) { return s(h(a)); }
  static uint32_t xp162fh(uint32_t a, uint32_t, uint32_t) { return h(float(int16_t(a))); }
  static uint32_t xp162fs(uint32_t a, uint32_t, uint32_t) { return s(float(int16_t(a))); }
  static uint32_t fh2xp16(uint32_t a, uint32_t, uint32_t) { return uint16_t(convert<T_f16, T_i16>(a & 0xffff)); }
  static uint32_t fs2xp16(uint32_t a, uint32_t, uint32_t) { return uint16_t(convert<T_f32, T_i16>(a)); }
};

const DsdInfo infos[] = {
#define X(name, sources, dst, src, third, rate) \
  {#name, sources, dst, src, third, Rate::rate, Rate::rate == Rate::move16 || Rate::rate == Rate::move32, dsd_##name},
    CSL_DSD_OPS(X)
#undef X
};

template <int bytes>
uint32_t read(const uint8_t* at) {
  if constexpr (bytes == 2) {
    uint16_t value;
    std::memcpy(&value, at, 2);
    return value;
  } else if constexpr (bytes == 4) {
    uint32_t value;
    std::memcpy(&value, at, 4);
    return value;
  }
  return 0;
}

template <uint32_t (*compute)(uint32_t, uint32_t, uint32_t), int sources, int dst_bytes, int a_bytes, int b_bytes, int c_bytes>
void loop(Span1d dst, const Span1d* source, uint32_t count) {
  Span1d a = sources > 0 ? source[0] : dst, b = sources > 1 ? source[1] : dst, c = sources > 2 ? source[2] : dst;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t x = sources > 0 ? read<a_bytes>(a.at) : 0, y = sources > 1 ? read<b_bytes>(b.at) : 0,
             z = sources > 2 ? read<c_bytes>(c.at) : 0;
    uint32_t value = compute(x, y, z);
    std::memcpy(dst.at, &value, dst_bytes);
    dst.at += dst.step;
    a.at += a.step;
    b.at += b.step;
    c.at += c.step;
  }
}

}  // namespace

const DsdInfo& dsd_info(uint8_t code) { return infos[code]; }

int DsdInfo::bytes(size_t i) const {
  if (i == 0) return dst_bytes;
  if (i == 3) return third_bytes;
  // fmachs accumulates in f32 what it multiplies in f16; fscales takes an i16 exponent.
  if (i == 2 && (code == dsd_fmachs || code == dsd_fscales)) return 2;
  return src_bytes;
}

uint32_t dsd_element(uint8_t code, uint32_t a, uint32_t b, uint32_t c, uint32_t random) {
  if (code == dsd_random16) return random & 0xffff;
  switch (code) {
#define X(name, ...)  \
  case dsd_##name:    \
    return Ops::name(a, b, c);
    CSL_DSD_OPS(X)
#undef X
  }
  return 0;
}

void dsd_loop(uint8_t code, Span1d dst, const Span1d* sources, uint32_t count) {
  switch (code) {
#define X(name, n, dst_bytes, src_bytes, third, rate)                                                             \
  case dsd_##name:                                                                                                \
    return loop<Ops::name, n, dst_bytes, src_bytes,                                                               \
                (dsd_##name == dsd_fmachs || dsd_##name == dsd_fscales) ? 2 : src_bytes, third>(dst, sources, count);
    CSL_DSD_OPS(X)
#undef X
  }
}

}  // namespace pyflame::csl
