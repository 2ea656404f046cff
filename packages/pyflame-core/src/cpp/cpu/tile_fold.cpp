#include "cpu/tile_fold.h"

#include "base/half.h"

namespace pyflame::cpu {

namespace {

void store_result(const View& out, i64 at, double value) {
  switch (out.dtype) {
    case DType::kFloat64: out.as<double>()[at] = value; break;
    case DType::kFloat16: out.as<u16>()[at] = float_to_float16(static_cast<float>(value)); break;
    case DType::kBFloat16: out.as<u16>()[at] = float_to_bfloat16(static_cast<float>(value)); break;
    default: out.as<float>()[at] = static_cast<float>(value);
  }
}

void store_result(const View& out, i64 at, i64 value) {
  switch (dtype_size(out.dtype)) {
    case 1: out.as<u8>()[at] = out.dtype == DType::kBool ? value != 0 : static_cast<u8>(value); break;
    case 2: out.as<u16>()[at] = static_cast<u16>(value); break;
    case 4: out.as<u32>()[at] = static_cast<u32>(value); break;
    default: out.as<i64>()[at] = value;
  }
}

}  // namespace

TileFold::TileFold(ReduceOp op, DType in, const View& out) : out_(out), mean_(op == ReduceOp::kMean) {
  TileClass in_class = class_of(in), out_class = class_of(out.dtype);
  bool logical = op == ReduceOp::kAny || op == ReduceOp::kAll;
  bool both_integer = in_class < kClassFloat && out_class < kClassFloat;
  TileClass fold_class = logical || (both_integer && op != ReduceOp::kProd) ? in_class : out_class;
  kernels_ = &active_reduce_table().of(op, fold_class);
  real_ = !logical && fold_class >= kClassFloat;
  cast_ = in_class != fold_class ? active_convert_table().cast[in_class][out_class] : nullptr;
}

void TileFold::add(Accumulator* acc, const char* tile, i64 n) const {
  alignas(64) char other[kTile * 8];
  kernels_->fold(acc, converted(tile, other, n), n);
}

void TileFold::store(const Accumulator& acc, i64 at, i64 length) const {
  if (real_) {
    store_result(out_, at, mean_ ? acc.real / static_cast<double>(length) : acc.real);
  } else {
    store_result(out_, at, acc.integer);
  }
}

}  // namespace pyflame::cpu
