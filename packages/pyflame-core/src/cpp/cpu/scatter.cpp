#include "cpu/scatter.h"

#include <cmath>
#include <type_traits>

#include "base/half.h"
#include "cpu/elementwise.h"
#include "cpu/index_walk.h"

namespace pyflame::cpu {

namespace {

// How a stored element is combined with a source's; 16-bit floats are combined as float.
struct Product {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_same_v<T, bool>) return a && b;
    else return static_cast<T>(a * b);
  }
};
template <bool larger>
struct Extreme {
  template <class T>
  static T of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a)) return a;
      if (std::isnan(b)) return b;
    }
    return larger ? (b > a ? b : a) : (b < a ? b : a);
  }
};

template <class Stored, class Put>
void scatter_runs(const View& base, int dim, const View& index, const View& src, const View& out, Put put) {
  if (base.data != out.data) copy_strided(base, out);
  in_parts(dim, index, src, out, [&](const View& index_part, const View& src_part, const View& out_part) {
    IndexWalk walk("scatter", out_part, dim, index_part, src_part, false);
    const i64 n = walk.run();
    walk.each_run(0, walk.runs(), [&](i64 out_at, i64 index_at, i64 src_at) {
      const i64* at = index_part.as<i64>() + index_at;
      Stored* to = out_part.as<Stored>() + out_at;
      const Stored* from = src_part.as<Stored>() + src_at;
      for (i64 j = 0; j < n; ++j) {
        put(to[j * walk.big_step() + walk.checked(at[j * walk.index_step()])], from[j * walk.small_step()]);
      }
    });
  });
}

template <class Op, class T>
void combine_plain(const View& base, int dim, const View& index, const View& src, const View& out) {
  scatter_runs<T>(base, dim, index, src, out, [](T& to, T from) { to = Op::template of<T>(to, from); });
}

template <class Op>
void combine(const View& base, int dim, const View& index, const View& src, const View& out) {
  switch (out.dtype) {
    case DType::kBool: return combine_plain<Op, bool>(base, dim, index, src, out);
    case DType::kUInt8: return combine_plain<Op, u8>(base, dim, index, src, out);
    case DType::kInt8: return combine_plain<Op, std::int8_t>(base, dim, index, src, out);
    case DType::kInt16: return combine_plain<Op, std::int16_t>(base, dim, index, src, out);
    case DType::kInt32: return combine_plain<Op, std::int32_t>(base, dim, index, src, out);
    case DType::kInt64: return combine_plain<Op, i64>(base, dim, index, src, out);
    case DType::kFloat32: return combine_plain<Op, float>(base, dim, index, src, out);
    case DType::kFloat64: return combine_plain<Op, double>(base, dim, index, src, out);
    case DType::kFloat16:
      return scatter_runs<u16>(base, dim, index, src, out, [](u16& to, u16 from) {
        to = float_to_float16(Op::template of<float>(float16_to_float(to), float16_to_float(from)));
      });
    case DType::kBFloat16:
      return scatter_runs<u16>(base, dim, index, src, out, [](u16& to, u16 from) {
        to = float_to_bfloat16(Op::template of<float>(bfloat16_to_float(to), bfloat16_to_float(from)));
      });
  }
}

template <class T>
void write(const View& base, int dim, const View& index, const View& src, const View& out) {
  scatter_runs<T>(base, dim, index, src, out, [](T& to, T from) { to = from; });
}

}  // namespace

void scatter(ScatterOp op, const View& base, int dim, const View& index, const View& src, const View& out) {
  switch (op) {
    case ScatterOp::kProd: return combine<Product>(base, dim, index, src, out);
    case ScatterOp::kMax: return combine<Extreme<true>>(base, dim, index, src, out);
    case ScatterOp::kMin: return combine<Extreme<false>>(base, dim, index, src, out);
    case ScatterOp::kWrite: break;
  }
  switch (dtype_size(out.dtype)) {
    case 1: return write<u8>(base, dim, index, src, out);
    case 2: return write<u16>(base, dim, index, src, out);
    case 4: return write<u32>(base, dim, index, src, out);
    default: return write<u64>(base, dim, index, src, out);
  }
}

}  // namespace pyflame::cpu
