// The interpreter of scalar code. Programs are verified before they run, so register numbers and jumps need no checks here.
#include <cmath>

#include "machine.h"
#include "scalar.h"

namespace pyflame::csl {

Machine::Outcome Machine::run_code(Pe& pe, uint64_t& start_time, size_t floor, int64_t budget) {
  const TileClass& tile = *pe.tile;
  Frame* frame = &pe.frames.back();
  const Instr* code = tile.code.data() + tile.functions[frame->function].first;
  const Instr* pc = code + frame->pc;
  uint64_t* r = pe.registers.data() + frame->base;
  uint8_t* memory = pe.data();
  uint64_t time = start_time;
  const uint32_t taken = costs_.branch_taken;
  const int64_t whole = budget;
  bool guarded = !pe.claims.empty();

  auto save = [&] { pe.frames.back().pc = uint32_t(pc - code); };
  auto reload = [&] {
    frame = &pe.frames.back();
    code = tile.code.data() + tile.functions[frame->function].first;
    pc = code + frame->pc;
    r = pe.registers.data() + frame->base;
    guarded = !pe.claims.empty();
  };
  auto check_claims = [&](uint64_t address, uint64_t bytes, bool writes) {
    save();
    check_race(pe, uint32_t(address), uint32_t(bytes), writes);
  };
  auto address_of = [&](const Instr& instr, uint32_t bytes) {
    uint64_t address = (instr.a == no_reg ? 0 : r[instr.a]) + uint64_t(int64_t(instr.imm));
    if (address > memory_bytes - bytes || (bytes > 1 && (address & 1))) {
      save();
      fault(pe, address & 1 && address < memory_bytes ? "misaligned" : "out-of-bounds",
            std::string(op_name(instr.op)) + " of " + place(uint32_t(address), pe) +
                (address & 1 && address < memory_bytes ? ", an odd address" : ", outside the 49152 bytes of a PE"), time);
    }
    return uint32_t(address);
  };

  // Words above memory are the router's.
  auto is_register = [&](const Instr& instr) {
    return instr.a != no_reg && __builtin_expect(r[instr.a] + uint64_t(int64_t(instr.imm)) - 0xf800 < 0x800, 0);
  };

  for (;; pc++) {
    const Instr& in = *pc;
    time += in.cost;
    if (--budget < 0) {
      save();
      time -= in.cost;
      start_time = time;
      pe.stats.instructions += uint64_t(whole);
      work_ += uint64_t(whole);
      return Outcome::paused;
    }
    switch (in.op) {
      case op_const:
        r[in.dst] = in.wide ? tile.constants[size_t(in.imm)] : uint64_t(int64_t(in.imm));
        break;
      case op_move:
        r[in.dst] = r[in.a];
        break;
      case op_lnot:
        r[in.dst] = r[in.a] == 0;
        break;

#define X(name, type) \
  case op_add_##type:                                            \
    r[in.dst] = wrap<T_##type>(r[in.a] + r[in.b]);               \
    break;                                                       \
  case op_sub_##type:                                            \
    r[in.dst] = wrap<T_##type>(r[in.a] - r[in.b]);               \
    break;                                                       \
  case op_mul_##type:                                            \
    r[in.dst] = wrap<T_##type>(r[in.a] * r[in.b]);               \
    break;                                                       \
  case op_div_##type:                                            \
  case op_rem_##type:                                            \
    if (T_##type::get(r[in.b]) == 0) {                           \
      save();                                                    \
      fault(pe, "division-by-zero", "integer division by zero", time); \
    }                                                            \
    r[in.dst] = in.op == op_div_##type ? divide<T_##type>(r[in.a], r[in.b]) : remainder<T_##type>(r[in.a], r[in.b]); \
    break;                                                       \
  case op_shl_##type:                                            \
    r[in.dst] = shift_left<T_##type>(r[in.a], r[in.b]);          \
    break;                                                       \
  case op_shr_##type:                                            \
    r[in.dst] = shift_right<T_##type>(r[in.a], r[in.b]);         \
    break;                                                       \
  case op_not_##type:                                            \
    r[in.dst] = wrap<T_##type>(~r[in.a]);                        \
    break;                                                       \
  case op_and_##type:                                            \
    r[in.dst] = r[in.a] & r[in.b];                               \
    break;                                                       \
  case op_or_##type:                                             \
    r[in.dst] = r[in.a] | r[in.b];                               \
    break;                                                       \
  case op_xor_##type:                                            \
    r[in.dst] = r[in.a] ^ r[in.b];                               \
    break;
        CSL_INTEGERS(X, unused)
#undef X
      case op_and_bool:
        r[in.dst] = r[in.a] & r[in.b];
        break;
      case op_or_bool:
        r[in.dst] = r[in.a] | r[in.b];
        break;
      case op_xor_bool:
        r[in.dst] = r[in.a] ^ r[in.b];
        break;
      case op_not_bool:
        r[in.dst] = r[in.a] == 0;
        break;

#define X(name, type) \
  case op_add_##type:                                                                                        \
    r[in.dst] = T_##type::put(T_##type::get(r[in.a]) + T_##type::get(r[in.b]));                              \
    break;                                                                                                   \
  case op_sub_##type:                                                                                        \
    r[in.dst] = T_##type::put(T_##type::get(r[in.a]) - T_##type::get(r[in.b]));                              \
    break;                                                                                                   \
  case op_mul_##type:                                                                                        \
    r[in.dst] = T_##type::put(T_##type::get(r[in.a]) * T_##type::get(r[in.b]));                              \
    break;                                                                                                   \
  case op_div_##type:                                                                                        \
    r[in.dst] = T_##type::put(T_##type::get(r[in.a]) / T_##type::get(r[in.b]));                              \
    break;                                                                                                   \
  case op_rem_##type:                                                                                        \
    r[in.dst] = T_##type::put_double(std::fmod(double(T_##type::get(r[in.a])), double(T_##type::get(r[in.b])))); \
    break;                                                                                                   \
  case op_sqrt_##type:                                                                                       \
  case op_exp_##type:                                                                                        \
  case op_log_##type:                                                                                        \
  case op_sin_##type:                                                                                        \
  case op_cos_##type:                                                                                        \
  case op_tanh_##type:                                                                                       \
  case op_floor_##type:                                                                                      \
  case op_ceil_##type:                                                                                       \
  case op_pow_##type:                                                                                        \
    r[in.dst] = T_##type::put_double(                                                                        \
        math_of<T_##type>(uint16_t(in.op + (T_##type::bytes == 2)), T_##type::get(r[in.a]), T_##type::get(r[in.b]))); \
    break;
        CSL_FLOATS(X, unused)
#undef X

#define X(name, type) \
  case op_neg_##type:                                                       \
    r[in.dst] = negative<T_##type>(r[in.a]);                                \
    break;                                                                  \
  case op_abs_##type:                                                       \
    r[in.dst] = absolute<T_##type>(r[in.a]);                                \
    break;                                                                  \
  case op_min_##type:                                                       \
    r[in.dst] = extreme<T_##type>(r[in.a], r[in.b], false);                 \
    break;                                                                  \
  case op_max_##type:                                                       \
    r[in.dst] = extreme<T_##type>(r[in.a], r[in.b], true);                  \
    break;
        CSL_NUMBERS(X, unused)
#undef X

#define X(name, type) \
  case op_eq_##type:                                                        \
    r[in.dst] = T_##type::get(r[in.a]) == T_##type::get(r[in.b]);           \
    break;                                                                  \
  case op_ne_##type:                                                        \
    r[in.dst] = T_##type::get(r[in.a]) != T_##type::get(r[in.b]);           \
    break;                                                                  \
  case op_lt_##type:                                                        \
    r[in.dst] = T_##type::get(r[in.a]) < T_##type::get(r[in.b]);            \
    break;                                                                  \
  case op_le_##type:                                                        \
    r[in.dst] = T_##type::get(r[in.a]) <= T_##type::get(r[in.b]);           \
    break;                                                                  \
  case op_load_##type: {                                                    \
    if (T_##type::bytes == 2 && is_register(in)) {                          \
      save();                                                               \
      r[in.dst] = wrap<T_u16>(read_register(pe, uint32_t(r[in.a] + uint64_t(int64_t(in.imm))))); \
      break;                                                                \
    }                                                                       \
    uint32_t address = address_of(in, T_##type::bytes);                     \
    if (__builtin_expect(!pe.written(address), 0)) {                        \
      save();                                                               \
      warn(pe, "uninitialized-read", "reads " + place(address, pe) + ", which nothing has written"); \
    }                                                                       \
    if (__builtin_expect(guarded, 0)) check_claims(address, T_##type::bytes, false); \
    r[in.dst] = load_scalar<T_##type>(memory + address);                    \
    break;                                                                  \
  }                                                                         \
  case op_store_##type: {                                                   \
    if (T_##type::bytes == 2 && is_register(in)) {                          \
      save();                                                               \
      write_register(pe, uint32_t(r[in.a] + uint64_t(int64_t(in.imm))), uint16_t(r[in.b]), time); \
      break;                                                                \
    }                                                                       \
    uint32_t address = address_of(in, T_##type::bytes);                     \
    if (__builtin_expect(guarded, 0)) check_claims(address, T_##type::bytes, true); \
    uint64_t value = r[in.b];                                               \
    std::memcpy(memory + address, &value, T_##type::bytes);                 \
    pe.mark(address, T_##type::bytes);                                      \
    break;                                                                  \
  }
        CSL_SCALARS(X, unused)
#undef X

#define X(from, to)                                    \
  case op_cast_##from##_##to:                          \
    r[in.dst] = convert<T_##from, T_##to>(r[in.a]);    \
    break;
        CSL_CASTS(X)
#undef X

      case op_copy: {
        uint64_t to = r[in.a], from = r[in.b], bytes = uint64_t(in.imm);
        if (to + bytes > memory_bytes || from + bytes > memory_bytes || to > memory_bytes || from > memory_bytes) {
          save();
          fault(pe, "out-of-bounds", "copy of " + std::to_string(bytes) + " bytes leaves the memory of the PE", time);
        }
        if (guarded) {
          check_claims(from, bytes, false);
          check_claims(to, bytes, true);
        }
        std::memmove(memory + to, memory + from, bytes);
        if (bytes) pe.mark(uint32_t(to), uint32_t(bytes));
        time += in.cost * (bytes / 4);
        break;
      }
      case op_jump:
        pc = code + in.imm - 1;
        break;
      case op_branch:
      case op_branch_not:
        if ((r[in.a] != 0) == (in.op == op_branch)) {
          pc = code + in.imm - 1;
          time += taken;
        }
        break;
      case op_call: {
        pc++;
        save();
        const Function& callee = tile.functions[size_t(in.imm)];
        push_frame(pe, uint32_t(in.imm), in.dst, r + in.a, callee.params.size());
        reload();
        pc--;
        break;
      }
      case op_ret: {
        uint64_t value = in.a == no_reg ? 0 : r[in.a];
        bool has_value = in.a != no_reg;
        uint16_t dst = frame->dst;
        pe.frames.pop_back();
        if (pe.frames.size() == floor) {
          pe.result = value;
          pe.stats.instructions += uint64_t(whole - budget);
          work_ += uint64_t(whole - budget);
          start_time = time;
          return Outcome::finished;
        }
        reload();
        if (has_value) r[dst] = value;
        pc--;
        break;
      }
      case op_activate:
        save();
        activate(pe, IdSpace(in.imm), int(r[in.a] & 0xff), time);
        break;
      case op_block:
      case op_unblock:
        save();
        set_blocked(pe, IdSpace(in.imm), int(r[in.a] & 0xff), in.op == op_block, time);
        break;
      case op_dsd:
      case op_map: {
        const DsdOp* dsd = in.op == op_dsd ? &tile.dsd_ops[size_t(in.imm)] : nullptr;
        const MapOp* map = in.op == op_map ? &tile.maps[size_t(in.imm)] : nullptr;
        save();
        bool waits = issue(pe, dsd ? dsd->code : uint8_t(dsd_map), map, dsd ? dsd->operands : map->operands,
                           dsd ? dsd->options : map->options, r, time);
        reload();
        if (waits) {
          pc++;
          save();
          pe.stats.instructions += uint64_t(whole - budget);
          start_time = time;
          return Outcome::waits;
        }
        break;
      }
      case op_load_dsr: {
        const DsrLoad& load = tile.dsr_loads[size_t(in.imm)];
        save();
        load_dsr(pe, load.file, load.number, Dsd{r[load.reg]}, settings_of(load.options, r));
        break;
      }
      case op_dsd_length:
      case op_dsd_base:
      case op_dsd_stride: {
        Dsd dsd{r[in.a]};
        if (in.op == op_dsd_length) {
          dsd.set(3, 16, r[in.b] & 0xffff);
        } else if (!dsd.is_fabric() && in.op == op_dsd_base) {
          dsd.set(19, 16, r[in.b] & 0xffff);
          if (in.imm) dsd.set(43, 2, uint64_t(__builtin_ctz(uint32_t(in.imm))));
        } else if (!dsd.is_fabric()) {
          dsd.set(35, 8, r[in.b] & 0xff);
        }
        r[in.dst] = dsd.word;
        break;
      }
      case op_dsd_offset: {
        Dsd dsd{r[in.a]};
        if (!dsd.is_fabric()) dsd.set(19, 16, uint64_t(dsd.base() + int64_t(int32_t(r[in.b])) * in.imm) & 0xffff);
        r[in.dst] = dsd.word;
        break;
      }
      case op_assert:
        if (r[in.a] == 0) {
          save();
          fault(pe, "assertion", "assertion failed: " + tile.strings[size_t(in.imm)], time);
        }
        break;
      case op_trap:
        save();
        fault(pe, "trap", tile.strings[size_t(in.imm)], time);
      case op_tsc:
        r[in.dst] = (pe.tsc_on ? time - pe.tsc_origin : pe.tsc_stopped) & 0xffffffffffffu;
        break;
      case op_tsc_enable:
        if (!pe.tsc_on) pe.tsc_origin = time - pe.tsc_stopped;
        pe.tsc_on = true;
        break;
      case op_tsc_disable:
        if (pe.tsc_on) pe.tsc_stopped = time - pe.tsc_origin;
        pe.tsc_on = false;
        break;
      case op_tsc_reset:
        pe.tsc_origin = time;
        pe.tsc_stopped = 0;
        break;
      case op_coord_x:
        r[in.dst] = pe.x;
        break;
      case op_coord_y:
        r[in.dst] = pe.y;
        break;
      case op_unblock_cmd_stream:
        pe.commands_blocked = false;
        pe.commands_since = time;
        break;
      case op_router_read:
        save();
        r[in.dst] = read_register(pe, uint32_t(r[in.a]));
        break;
      case op_router_write:
        save();
        write_register(pe, uint32_t(r[in.a]), uint16_t(r[in.b]), time);
        break;
      case op_teardown_exit:
        save();
        exit_teardown(pe, int(r[in.a] & 0xff), time);
        break;
      case op_random:
        pe.random = pe.random * 6364136223846793005u + 1442695040888963407u;
        r[in.dst] = uint32_t(pe.random >> 32) ^ uint32_t(pe.random >> 51);
        break;
      case op_random_seed:
        pe.random = uint64_t(uint32_t(r[in.a])) << 32 | 0x9e3779b9u;
        break;
      case op_print:
        print(pe, tile.strings[size_t(in.imm)], r[in.a], time);
        break;
    }
  }
}

}  // namespace pyflame::csl
