#pragma once
// DSD operations on elements: what each builtin computes, and loops over operands in memory.
#include <cstddef>
#include <cstdint>

namespace pyflame::csl {

enum class DsdKind : uint8_t { none, mem1d, mem4d, fabin, fabout, fifo, circbuf };

// The fields of a packed descriptor; see dsd.py.
struct Dsd {
  uint64_t word = 0;
  uint32_t field(int low, int bits) const { return uint32_t(word >> low) & ((1u << bits) - 1); }
  void set(int low, int bits, uint64_t value) {
    uint64_t mask = ((uint64_t(1) << bits) - 1) << low;
    word = (word & ~mask) | ((value << low) & mask);
  }
  DsdKind kind() const { return DsdKind(field(0, 3)); }
  bool is_fabric() const { return kind() == DsdKind::fabin || kind() == DsdKind::fabout; }
  uint32_t length() const { return field(3, 16); }
  uint32_t base() const { return field(19, 16); }
  int32_t stride() const { return int8_t(field(35, 8)); }
  uint32_t size() const { return 1u << field(43, 2); }
  bool index_offset() const { return field(45, 1); }
  uint32_t table() const { return field(46, 10); }
  uint8_t color() const { return uint8_t(field(19, 5)); }
  uint8_t queue() const { return uint8_t(field(24, 3)); }
  bool control() const { return field(27, 1); }
  bool advance_switch() const { return field(28, 1); }
  uint8_t priority() const { return uint8_t(field(30, 2)); }
  uint8_t simd() const { return uint8_t(field(32, 2)); }  // words a cycle; 0: a wavelet carries one element
};

// name, sources, bytes of a destination element, of the first two sources, of the third, rate class
#define CSL_DSD_OPS(X)                                                                       \
  X(mov16, 1, 2, 2, 0, move16) X(mov32, 1, 4, 4, 0, move32)                                  \
  X(fmovh, 1, 2, 2, 0, move16) X(fmovs, 1, 4, 4, 0, move32)                                  \
  X(add16, 2, 2, 2, 0, arith16) X(sub16, 2, 2, 2, 0, arith16)                                \
  X(and16, 2, 2, 2, 0, arith16) X(or16, 2, 2, 2, 0, arith16) X(xor16, 2, 2, 2, 0, arith16)   \
  X(sll16, 2, 2, 2, 0, arith16) X(slr16, 2, 2, 2, 0, arith16) X(sar16, 2, 2, 2, 0, arith16)  \
  X(popcnt, 1, 2, 2, 0, arith16) X(clz, 1, 2, 2, 0, arith16) X(ctz, 1, 2, 2, 0, arith16)     \
  X(random16, 0, 2, 0, 0, arith16)                                                           \
  X(add32, 2, 4, 4, 0, arith32) X(sub32, 2, 4, 4, 0, arith32)                                \
  X(faddh, 2, 2, 2, 0, arith16) X(fsubh, 2, 2, 2, 0, arith16) X(fmulh, 2, 2, 2, 0, arith16)  \
  X(fmaxh, 2, 2, 2, 0, arith16) X(fnegh, 1, 2, 2, 0, arith16) X(fabsh, 1, 2, 2, 0, arith16)  \
  X(fmach, 3, 2, 2, 2, arith16)                                                              \
  X(fadds, 2, 4, 4, 0, arith32) X(fsubs, 2, 4, 4, 0, arith32) X(fmuls, 2, 4, 4, 0, arith32)  \
  X(fmaxs, 2, 4, 4, 0, arith32) X(fnegs, 1, 4, 4, 0, arith32) X(fabss, 1, 4, 4, 0, arith32)  \
  X(fmacs, 3, 4, 4, 4, fma32) X(fmachs, 3, 4, 4, 2, fma32) X(fscales, 2, 4, 4, 0, arith32)   \
  X(fs2h, 1, 2, 4, 0, arith32) X(fh2s, 1, 4, 2, 0, arith32)                                  \
  X(xp162fh, 1, 2, 2, 0, arith16) X(xp162fs, 1, 4, 2, 0, arith32)                            \
  X(fh2xp16, 1, 2, 2, 0, arith16) X(fs2xp16, 1, 2, 4, 0, arith32)

enum class Rate : uint8_t { move16, move32, arith16, arith32, fma32, map, count };

enum DsdCode : uint8_t {
#define X(name, ...) dsd_##name,
  CSL_DSD_OPS(X)
#undef X
  dsd_count,
  dsd_map = 255
};

struct DsdInfo {
  const char* name;
  uint8_t sources, dst_bytes, src_bytes, third_bytes;
  Rate rate;
  bool is_move;
  // Bytes of an element of operand `i` (0: the destination).
  int bytes(size_t i) const;
  uint8_t code;
};

const DsdInfo& dsd_info(uint8_t code);

// The result for one element; `random` is used by random16 alone.
uint32_t dsd_element(uint8_t code, uint32_t a, uint32_t b, uint32_t c, uint32_t random = 0);

// One operand of a loop in memory: a first address and a step in bytes (0: the same place each time).
struct Span1d {
  uint8_t* at;
  ptrdiff_t step;
};

// `count` elements in order, each read and written before the next.
void dsd_loop(uint8_t code, Span1d dst, const Span1d* sources, uint32_t count);

}  // namespace pyflame::csl
