#include "cpu/search.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/half.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kParallelValues = 4096;

template <class T>
bool less(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a < b || (std::isnan(b) && !std::isnan(a));
  return a < b;
}

// `read` turns what lies in memory into what is compared.
template <class Memory, class Read>
void search(const View& sorted, const View& values, bool right, const View& out, Read read) {
  i64 length = sorted.shape[sorted.shape.ndim - 1];
  i64 per_line = sorted.shape.ndim > 1 ? values.shape[values.shape.ndim - 1] : values.numel();
  const Memory *lines = sorted.as<Memory>(), *wanted = values.as<Memory>();
  i64* places = out.as<i64>();
  parallel_for(values.numel(), kParallelValues, [&](i64 begin, i64 end) {
    for (i64 i = begin; i < end; ++i) {
      const Memory* line = lines + i / per_line * length;
      auto value = read(wanted[i]);
      auto goes_after = [&](Memory element) {
        return right ? !less(value, read(element)) : less(read(element), value);
      };
      places[i] = std::partition_point(line, line + length, goes_after) - line;
    }
  });
}

template <class T>
void search_plain(const View& sorted, const View& values, bool right, const View& out) {
  search<T>(sorted, values, right, out, [](T value) { return value; });
}

}  // namespace

void searchsorted(const View& sorted, const View& values, bool right, const View& out) {
  if (values.numel() == 0) return;
  switch (sorted.dtype) {
    case DType::kBool:
    case DType::kUInt8: return search_plain<u8>(sorted, values, right, out);
    case DType::kInt8: return search_plain<std::int8_t>(sorted, values, right, out);
    case DType::kInt16: return search_plain<std::int16_t>(sorted, values, right, out);
    case DType::kInt32: return search_plain<std::int32_t>(sorted, values, right, out);
    case DType::kInt64: return search_plain<i64>(sorted, values, right, out);
    case DType::kFloat32: return search_plain<float>(sorted, values, right, out);
    case DType::kFloat64: return search_plain<double>(sorted, values, right, out);
    case DType::kFloat16: return search<u16>(sorted, values, right, out, float16_to_float);
    case DType::kBFloat16: return search<u16>(sorted, values, right, out, bfloat16_to_float);
  }
}

}  // namespace pyflame::cpu
