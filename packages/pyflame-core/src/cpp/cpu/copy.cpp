#include <cstdlib>
#include <cstring>

#include "cpu/copy_bytes.h"
#include "cpu/copy_kernels.h"
#include "cpu/elementwise.h"
#include "cpu/elementwise_table.h"
#include "cpu/threads.h"
#include "cpu/tile.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kGrain = 32 * 1024;  // elements
constexpr i64 kLongRow = 16 * 1024;  // bytes: up to there the C library is quicker

struct CopyAxis {
  i64 size, in, out;
};

// Dimensions by falling stride of the result, which is positive (that of the source may not be), merged where both sides allow it.
struct CopyPlan {
  int count = 0;
  CopyAxis axes[kMaxDims];

  CopyPlan(const View& in, const View& out) {
    for (int i = 0; i < in.shape.ndim; ++i) {
      if (in.shape[i] == 1) continue;
      CopyAxis axis{in.shape[i], in.strides[i], out.strides[i]};
      int at = count++;
      for (; at > 0 && axes[at - 1].out < axis.out; --at) axes[at] = axes[at - 1];
      axes[at] = axis;
    }
    int merged = 0;
    for (int i = 1; i < count; ++i) {
      CopyAxis &a = axes[merged], b = axes[i];
      if (a.in == b.in * b.size && a.out == b.out * b.size) {
        a = {a.size * b.size, b.in, b.out};
      } else {
        axes[++merged] = b;
      }
    }
    count = count ? merged + 1 : 0;
    if (count == 0) axes[count++] = {1, 1, 1};
  }

  // Takes out the axis along which reading advances least, so that a transpose can go by blocks.
  CopyAxis take_rows() {
    if (count == 0) return {1, 0, 0};
    int best = count - 1;
    for (int i = 0; i < count; ++i) {
      if (std::abs(axes[i].in) < std::abs(axes[best].in)) best = i;
    }
    CopyAxis axis = axes[best];
    for (--count; best < count; ++best) axes[best] = axes[best + 1];
    return axis;
  }

  i64 numel() const {
    i64 n = 1;
    for (int i = 0; i < count; ++i) n *= axes[i].size;
    return n;
  }
  void offsets(i64 flat, i64& in, i64& out) const {
    in = out = 0;
    for (int i = count - 1; i >= 0; --i) {
      i64 index = i == 0 ? flat : flat % axes[i].size;
      flat = i == 0 ? 0 : flat / axes[i].size;
      in += index * axes[i].in;
      out += index * axes[i].out;
    }
  }
};

template <class T>
void copy_row(const T* from, i64 in, T* to, i64 out, i64 n) {
  if (in == 1 && out == 1) {
    const i64 bytes = static_cast<i64>(sizeof(T)) * n;
    char* target = reinterpret_cast<char*>(to);
    const char* source = reinterpret_cast<const char*>(from);
    bytes < kLongRow ? copy_bytes(target, source, bytes) : active_copy_kernels().bytes(target, source, bytes);
  } else if (in == 0 && out == 1) {
    T value = *from;
    for (i64 i = 0; i < n; ++i) to[i] = value;
  } else if (in == -1 && out == 1) {
    active_copy_kernels().reversed[log_size(sizeof(T))](to, from, n);
  } else {
    for (i64 i = 0; i < n; ++i) to[i * out] = from[i * in];
  }
}

// Rows of a plane; in blocks of a cache line each way when reading and writing run along different axes.
template <class T>
void copy_plane(const T* from, T* to, CopyAxis rows, CopyAxis columns, i64 begin, i64 end) {
  constexpr i64 kBlock = 64 / sizeof(T) < 16 ? 16 : 64 / sizeof(T);
  if (std::abs(rows.in) >= std::abs(columns.in) || columns.in == 1) {
    for (i64 r = begin; r < end; ++r) {
      copy_row(from + r * rows.in, columns.in, to + r * rows.out, columns.out, columns.size);
    }
    return;
  }
  if constexpr (sizeof(T) == 4) {
    if (rows.in == 1 && columns.out == 1) {
      return active_copy_kernels().transpose(to + begin * rows.out, rows.out, from + begin, columns.in, columns.size, end - begin);
    }
  }
  for (i64 r = begin; r < end; r += kBlock) {
    i64 last_row = r + kBlock < end ? r + kBlock : end;
    for (i64 c = 0; c < columns.size; c += kBlock) {
      i64 last_column = c + kBlock < columns.size ? c + kBlock : columns.size;
      for (i64 i = r; i < last_row; ++i) {
        for (i64 j = c; j < last_column; ++j) {
          to[i * rows.out + j * columns.out] = from[i * rows.in + j * columns.in];
        }
      }
    }
  }
}

template <class Plane>
void for_each_plane(CopyPlan plan, Plane&& plane) {
  CopyAxis columns = plan.axes[--plan.count], rows = plan.take_rows();
  i64 planes = plan.numel();
  if (planes * rows.size * columns.size <= kGrain) {
    for (i64 p = 0; p < planes; ++p) {
      i64 in, out;
      plan.offsets(p, in, out);
      plane(in, out, rows, columns, i64{0}, rows.size);
    }
    return;
  }
  i64 per_task = kGrain / columns.size / 64 * 64;  // whole blocks of rows
  if (per_task < 64) per_task = rows.size < 64 ? rows.size : 64;
  i64 tasks_per_plane = (rows.size + per_task - 1) / per_task;
  i64 elements = (per_task < rows.size ? per_task : rows.size) * columns.size;
  i64 grain = kGrain / elements;
  parallel_for(planes * tasks_per_plane, grain < 1 ? 1 : grain, [&](i64 begin, i64 end) {
    for (i64 task = begin; task < end; ++task) {
      i64 in, out, first = task % tasks_per_plane * per_task;
      plan.offsets(task / tasks_per_plane, in, out);
      plane(in, out, rows, columns, first, first + per_task < rows.size ? first + per_task : rows.size);
    }
  });
}

template <class T>
void copy_same(const CopyPlan& plan, const View& in, const View& out) {
  const T* from = in.as<T>();
  T* to = out.as<T>();
  if (plan.count == 1) {
    CopyAxis axis = plan.axes[0];
    parallel_for(axis.size, kGrain, [&](i64 begin, i64 end) {
      copy_row(from + begin * axis.in, axis.in, to + begin * axis.out, axis.out, end - begin);
    });
    return;
  }
  for_each_plane(plan, [&](i64 in_at, i64 out_at, CopyAxis rows, CopyAxis columns, i64 begin, i64 end) {
    copy_plane(from + in_at, to + out_at, rows, columns, begin, end);
  });
}

class Conversion {
 public:
  Conversion(const View& in, const View& out)
      : in_is_tile_(is_native(in.dtype)),
        load_(active_convert_table().load[static_cast<int>(in.dtype)]),
        cast_(class_of(in.dtype) == class_of(out.dtype)
                  ? nullptr
                  : active_convert_table().cast[class_of(in.dtype)][class_of(out.dtype)]),
        store_(is_native(out.dtype) ? nullptr : active_convert_table().store[static_cast<int>(out.dtype)]),
        from_(in.as<char>()),
        to_(out.as<char>()),
        in_size_(dtype_size(in.dtype)),
        out_size_(dtype_size(out.dtype)) {}

  void row(i64 in_at, i64 in_stride, i64 out_at, i64 out_stride, i64 n) const {
    for (i64 first = 0; first < n; first += kTile) {
      i64 count = n - first < kTile ? n - first : kTile;
      char* to = to_ + (out_at + first * out_stride) * out_size_;
      piece(from_ + (in_at + first * in_stride) * in_size_, in_stride, to, out_stride, count);
    }
  }

 private:
  // By way of tiles only where a step cannot work on memory. Dtypes differ, so that one of the steps is taken.
  void piece(const char* from, i64 in_stride, char* to, i64 out_stride, i64 n) const {
    alignas(64) char loaded[kTile * 8], cast[kTile * 8], stored[kTile * 8];
    char* last = out_stride == 1 ? to : stored;
    const char* values = from;
    if (!in_is_tile_ || in_stride != 1) {
      char* result = cast_ || store_ ? loaded : last;
      load_(result, from, in_stride, n), values = result;
    }
    if (cast_) {
      char* result = store_ ? cast : last;
      cast_(result, values, nullptr, nullptr, n), values = result;
    }
    if (store_) store_(last, values, n);
    if (out_stride == 1) return;
    for (i64 i = 0; i < n; ++i) {
      std::memcpy(to + i * out_stride * out_size_, stored + i * out_size_, static_cast<std::size_t>(out_size_));
    }
  }

  bool in_is_tile_;  // memory of stride 1 serves as a tile
  void (*load_)(void*, const void*, i64, i64);
  TileFn cast_;                             // null where classes agree
  void (*store_)(void*, const void*, i64);  // null where a tile serves as memory
  const char* from_;
  char* to_;
  i64 in_size_, out_size_;
};

void convert_strided(const CopyPlan& plan, const View& in, const View& out) {
  Conversion conversion(in, out);
  if (plan.count == 1) {
    CopyAxis axis = plan.axes[0];
    parallel_for(axis.size, kGrain, [&](i64 begin, i64 end) {
      conversion.row(begin * axis.in, axis.in, begin * axis.out, axis.out, end - begin);
    });
    return;
  }
  for_each_plane(plan, [&](i64 in_at, i64 out_at, CopyAxis rows, CopyAxis columns, i64 begin, i64 end) {
    for (i64 r = begin; r < end; ++r) {
      conversion.row(in_at + r * rows.in, columns.in, out_at + r * rows.out, columns.out, columns.size);
    }
  });
}

}  // namespace

void copy_strided(const View& in, const View& out) {
  if (in.numel() == 0) return;
  CopyPlan plan(in, out);
  if (in.dtype != out.dtype) return convert_strided(plan, in, out);
  switch (dtype_size(in.dtype)) {
    case 1: return copy_same<u8>(plan, in, out);
    case 2: return copy_same<u16>(plan, in, out);
    case 4: return copy_same<u32>(plan, in, out);
    default: return copy_same<u64>(plan, in, out);
  }
}

}  // namespace pyflame::cpu
