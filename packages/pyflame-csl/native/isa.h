#pragma once
// The instruction set of ir.py as one list: C++ enumerators, and the names under which Python encodes them.
#include <cstdint>

namespace pyflame::csl {

#define CSL_INTEGERS(X, op) \
  X(op, i8) X(op, u8) X(op, i16) X(op, u16) X(op, i32) X(op, u32) X(op, i64) X(op, u64)
#define CSL_FLOATS(X, op) X(op, f16) X(op, f32)
#define CSL_NUMBERS(X, op) CSL_INTEGERS(X, op) CSL_FLOATS(X, op)
#define CSL_SCALARS(X, op) X(op, bool) CSL_NUMBERS(X, op)

#define CSL_TYPED_OPS(X)                                                                                   \
  CSL_NUMBERS(X, add) CSL_NUMBERS(X, sub) CSL_NUMBERS(X, mul) CSL_NUMBERS(X, div) CSL_NUMBERS(X, rem)      \
  X(and, bool) CSL_INTEGERS(X, and) X(or, bool) CSL_INTEGERS(X, or) X(xor, bool) CSL_INTEGERS(X, xor)      \
  CSL_INTEGERS(X, shl) CSL_INTEGERS(X, shr) X(not, bool) CSL_INTEGERS(X, not)                              \
  CSL_NUMBERS(X, neg) CSL_NUMBERS(X, abs) CSL_NUMBERS(X, min) CSL_NUMBERS(X, max)                          \
  CSL_SCALARS(X, eq) CSL_SCALARS(X, ne) CSL_SCALARS(X, lt) CSL_SCALARS(X, le)                              \
  CSL_FLOATS(X, sqrt) CSL_FLOATS(X, exp) CSL_FLOATS(X, log) CSL_FLOATS(X, sin) CSL_FLOATS(X, cos)          \
  CSL_FLOATS(X, tanh) CSL_FLOATS(X, floor) CSL_FLOATS(X, ceil) CSL_FLOATS(X, pow)                          \
  CSL_SCALARS(X, load) CSL_SCALARS(X, store)

#define CSL_CASTS_FROM(X, from)                                                                             \
  X(from, bool) X(from, i8) X(from, u8) X(from, i16) X(from, u16) X(from, i32) X(from, u32) X(from, i64)    \
  X(from, u64) X(from, f16) X(from, f32)
#define CSL_CASTS(X)                                                                                        \
  CSL_CASTS_FROM(X, bool) CSL_CASTS_FROM(X, i8) CSL_CASTS_FROM(X, u8) CSL_CASTS_FROM(X, i16)                \
  CSL_CASTS_FROM(X, u16) CSL_CASTS_FROM(X, i32) CSL_CASTS_FROM(X, u32) CSL_CASTS_FROM(X, i64)               \
  CSL_CASTS_FROM(X, u64) CSL_CASTS_FROM(X, f16) CSL_CASTS_FROM(X, f32)

#define CSL_PLAIN_OPS(X)                                                                                    \
  X(const) X(move) X(lnot) X(copy) X(jump) X(branch) X(branch_not) X(call) X(ret) X(activate) X(block)      \
  X(unblock) X(dsd) X(map) X(load_dsr) X(dsd_length) X(dsd_base) X(dsd_stride) X(dsd_offset) X(assert)      \
  X(trap) X(tsc) X(tsc_enable) X(tsc_disable) X(tsc_reset) X(coord_x) X(coord_y) X(unblock_cmd_stream)      \
  X(router_read) X(router_write) X(teardown_exit) X(random) X(random_seed) X(print)

enum Op : uint16_t {
#define X(op) op_##op,
  CSL_PLAIN_OPS(X)
#undef X
#define X(op, type) op_##op##_##type,
      CSL_TYPED_OPS(X)
#undef X
#define X(from, to) op_cast_##from##_##to,
          CSL_CASTS(X)
#undef X
              op_count
};

// Scalar types in the order of `SCALARS` of ir.py.
enum Scalar : uint8_t { s_bool, s_i8, s_u8, s_i16, s_u16, s_i32, s_u32, s_i64, s_u64, s_f16, s_f32, s_count };

inline int scalar_bytes(uint8_t scalar) {
  static const uint8_t bytes[s_count] = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4};
  return bytes[scalar];
}

const char* op_name(uint16_t op);

// What an instruction is to the cost model.
enum class CostKind : uint8_t {
  move, integer, multiply, divide, floating, float_divide, transcendental, load, store, branch, jump, call, ret, control,
  count
};
CostKind cost_kind(uint16_t op);

constexpr uint16_t no_reg = 0xffff;

// `imm` of op_const is an index into the function's wide constants when `wide` is set.
struct Instr {
  uint16_t op = 0, dst = 0, a = 0, b = 0;
  int32_t imm = 0;
  uint16_t cost = 0;
  bool wide = false;
};
static_assert(sizeof(Instr) == 16);

}  // namespace pyflame::csl
