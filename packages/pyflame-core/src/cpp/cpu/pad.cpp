#include "cpu/pad.h"

#include "cpu/copy_bytes.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr i64 kGrain = 128 * 1024;  // bytes

// A dimension that is padded, or lies between such.
struct Axis {
  i64 size, before, after;
  i64 in, out;  // bytes from one element along it to the next
};

class Padding {
 public:
  Padding(const View& in, const i64* starts, const View& out) {
    i64 in_bytes = dtype_size(in.dtype), out_bytes = in_bytes;
    unit_ = in_bytes;
    for (int d = in.shape.ndim; d-- > 0;) {
      Axis axis{in.shape[d], starts[d], out.shape[d] - starts[d] - in.shape[d], in_bytes, out_bytes};
      in_bytes *= in.shape[d], out_bytes *= out.shape[d];
      if (axis.before == 0 && axis.after == 0 && count_ == 0) {
        unit_ = in_bytes;
      } else {
        axes_[count_++] = axis;  // from the last on
      }
    }
    line_in_ = in_bytes, line_out_ = out_bytes;
    while (count_ > 0 && axes_[count_ - 1].before == 0 && axes_[count_ - 1].after == 0) {
      const Axis& axis = axes_[--count_];
      lines_ *= axis.size, line_in_ = axis.in, line_out_ = axis.out;
    }
  }

  void run(const char* in, char* out) {
    while (lines_ == 1 && count_ > 0) {  // leaves the elements along an axis for threads to share
      const Axis& axis = axes_[--count_];
      clear_bytes(out, axis.before * axis.out);
      clear_bytes(out + (axis.before + axis.size) * axis.out, axis.after * axis.out);
      out += axis.before * axis.out;
      lines_ = axis.size, line_in_ = axis.in, line_out_ = axis.out;
    }
    parallel_for(lines_, kGrain / (line_out_ + 1) + 1, [&](i64 begin, i64 end) {
      if (count_ == 0) return copy_bytes(out + begin * line_out_, in + begin * line_in_, (end - begin) * line_in_);
      for (i64 i = begin; i < end; ++i) fill(count_ - 1, in + i * line_in_, out + i * line_out_);
    });
  }

 private:
  void fill(int k, const char* in, char* out) const {
    const Axis& axis = axes_[k];
    clear_bytes(out, axis.before * axis.out);
    out += axis.before * axis.out;
    if (k == 0) {
      copy_bytes(out, in, axis.size * unit_);
    } else {
      for (i64 i = 0; i < axis.size; ++i) fill(k - 1, in + i * axis.in, out + i * axis.out);
    }
    clear_bytes(out + axis.size * axis.out, axis.after * axis.out);
  }

  Axis axes_[kMaxDims];
  int count_ = 0;
  i64 unit_, lines_ = 1, line_in_, line_out_;
};

}  // namespace

void place_among_zeros(const View& in, const i64* starts, const View& out) {
  if (out.numel() == 0) return;
  if (in.numel() == 0) return clear_bytes(out.as<char>(), out.numel() * dtype_size(out.dtype));
  Padding(in, starts, out).run(in.as<char>(), out.as<char>());
}

}  // namespace pyflame::cpu
