#include "cpu/sort.h"

#include <algorithm>
#include <memory>

#include "cpu/axes.h"
#include "cpu/sort_keys.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

constexpr int kDigitBits = 11;
constexpr i64 kDigits = 1 << kDigitBits;
constexpr i64 kRadixItems = 1024;     // below, comparing is quicker than counting
constexpr i64 kParallelItems = 8192;  // a thread is worth waking for
constexpr i64 kBlock = 1024, kShortBlock = 128;

// Least significant digit first; passes in which all items share a digit are skipped. Returns where the result is.
template <class Item>
Item* radix_sort(Item* items, Item* spare, i64 n) {
  constexpr int kPasses = (Item::kKeyBits + kDigitBits - 1) / kDigitBits;
  auto counts = std::make_unique<u32[]>(kPasses * kDigits);
  for (i64 i = 0; i < n; ++i) {
    u64 key = items[i].key();
    for (int pass = 0; pass < kPasses; ++pass) ++counts[pass * kDigits + (key >> (pass * kDigitBits) & (kDigits - 1))];
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    u32* places = &counts[pass * kDigits];
    int shift = pass * kDigitBits;
    if (places[items[0].key() >> shift & (kDigits - 1)] == n) continue;
    u32 total = 0;
    for (i64 digit = 0; digit < kDigits; ++digit) {
      u32 count = places[digit];
      places[digit] = total;
      total += count;
    }
    for (i64 i = 0; i < n; ++i) spare[places[items[i].key() >> shift & (kDigits - 1)]++] = items[i];
    std::swap(items, spare);
  }
  return items;
}

// Returns the sorted items, in `items` or in `spare`.
template <class Item>
Item* sorted(Item* items, Item* spare, i64 n) {
  if (n >= kRadixItems && n < i64{1} << 32) return radix_sort(items, spare, n);
  std::sort(items, items + n);
  return items;
}

// The lines of a tensor along `dim`, and where results of `length` elements per line go.
template <class Item>
class Lines {
 public:
  Lines(const View& in, int dim, i64 length) : in_(in), size_(dtype_size(in.dtype)), line_(in.shape[dim]), length_(length) {
    AxisList reduced;
    split_axes(in, u32{1} << dim, kept_, reduced);
    stride_ = in.strides[dim];
    inner_ = 1;
    for (int d = dim + 1; d < in.shape.ndim; ++d) inner_ *= in.shape[d];
    load_ = item_loader<Item>(in.dtype);
  }

  // body(line, items, spare) with room for `room` items in each.
  template <class Body>
  void each(i64 room, Body&& body) const {
    i64 grain = kParallelItems / (line_ + 1) + 1;
    parallel_for(kept_.numel(), grain, [&](i64 begin, i64 end) {
      std::unique_ptr<Item[]> items(new Item[static_cast<std::size_t>(2 * room)]);
      for (i64 line = begin; line < end; ++line) body(line, items.get(), items.get() + room);
    });
  }

  void load(i64 line, i64 first, i64 n, bool descending, Item* items) const {
    load_(start(line), stride_, first, n, descending, items);
  }

  // Writes the elements that the items stand for, and their places, as elements 0 to n of a line of the results.
  void store(i64 line, const Item* items, i64 n, const View& values, const View& indices) const {
    i64 first = line / inner_ * length_ * inner_ + line % inner_;
    i64* places = indices.as<i64>() + first;
    for (i64 i = 0; i < n; ++i) places[i * inner_] = items[i].place();
    char* to = values.as<char>() + first * size_;
    switch (size_) {
      case 1: return copy<u8>(line, items, n, to);
      case 2: return copy<u16>(line, items, n, to);
      case 4: return copy<u32>(line, items, n, to);
      default: return copy<u64>(line, items, n, to);
    }
  }

  i64 line() const { return line_; }

 private:
  const char* start(i64 line) const { return in_.as<char>() + kept_.at(line).in * size_; }

  template <class T>
  void copy(i64 line, const Item* items, i64 n, char* out) const {
    const T* from = reinterpret_cast<const T*>(start(line));
    T* to = reinterpret_cast<T*>(out);
    for (i64 i = 0; i < n; ++i) to[i * inner_] = from[items[i].place() * stride_];
  }

  const View& in_;
  AxisList kept_;
  i64 size_, line_, length_, stride_, inner_;
  LoadItems<Item> load_;
};

template <class Item>
void sort_lines(const View& in, int dim, bool descending, const View& values, const View& indices) {
  i64 n = in.shape[dim];
  Lines<Item> lines(in, dim, n);
  lines.each(n, [&](i64 line, Item* items, Item* spare) {
    lines.load(line, 0, n, descending, items);
    lines.store(line, sorted(items, spare, n), n, values, indices);
  });
}

// Keeps the k smallest of what passes by: items above the k-th smallest so far are dropped as they come.
template <class Item>
i64 smallest(const Lines<Item>& lines, i64 line, bool descending, i64 k, i64 room, Item* kept) {
  Item block[kBlock];
  const i64 step = room - 2 * k;  // at most kBlock: few at a time find a close bound early
  Item bound = Item::make(Item::kNanKey, INT64_MAX >> 31);
  i64 count = 0;
  for (i64 first = 0; first < lines.line(); first += step) {
    i64 n = std::min(step, lines.line() - first);
    lines.load(line, first, n, descending, block);
    if (count + n > room) {
      std::nth_element(kept, kept + k - 1, kept + count);
      count = k;
      bound = kept[k - 1];
    }
    for (i64 i = 0; i < n; ++i) {
      kept[count] = block[i];
      count += block[i] < bound;
    }
  }
  if (count > k) std::nth_element(kept, kept + k - 1, kept + count);
  return std::min(count, k);
}

template <class Item>
void topk_lines(const View& in, int dim, bool largest, bool ordered, const View& values, const View& indices) {
  i64 n = in.shape[dim], k = values.shape[dim];
  Lines<Item> lines(in, dim, k);
  if (k > n / 4) {  // most of the line stays: sort it
    return lines.each(n, [&](i64 line, Item* items, Item* spare) {
      lines.load(line, 0, n, largest, items);
      lines.store(line, sorted(items, spare, n), k, values, indices);
    });
  }
  i64 room = 2 * k + (k <= kShortBlock ? kShortBlock : kBlock);
  lines.each(room + 1, [&](i64 line, Item* items, Item* spare) {
    smallest(lines, line, largest, k, room, items);
    lines.store(line, ordered ? sorted(items, spare, k) : items, k, values, indices);
  });
}

template <class Item>
const Item* most_frequent(const Item* items, i64 n) {
  i64 best = 0, longest = 0;
  for (i64 begin = 0, end = 0; begin < n; begin = end) {
    while (end < n && items[end].key() == items[begin].key()) ++end;
    if (end - begin > longest) longest = end - begin, best = end - 1;
  }
  return items + best;
}

template <class Item>
void pick_lines(Pick which, i64 n, const View& in, int dim, const View& values, const View& indices) {
  i64 length = in.shape[dim];
  Lines<Item> lines(in, dim, 1);
  lines.each(length, [&](i64 line, Item* items, Item* spare) {
    lines.load(line, 0, length, false, items);
    if (which == Pick::kMode) {
      return lines.store(line, most_frequent(sorted(items, spare, length), length), 1, values, indices);
    }
    i64 at = n;
    if (which != Pick::kNth) {
      auto is_nan = [&](const Item& item) { return is_floating(in.dtype) && item.key() == Item::kNanKey; };
      i64 present = length - std::count_if(items, items + length, is_nan);
      at = which == Pick::kNanMedian ? std::max<i64>(present - 1, 0) / 2 : present < length ? present : (length - 1) / 2;
    }
    std::nth_element(items, items + at, items + length);
    lines.store(line, items + at, 1, values, indices);
  });
}

bool is_short(const View& in, int dim) { return dtype_size(in.dtype) <= 4 && in.shape[dim] < i64{1} << 32; }

}  // namespace

void sort(const View& in, int dim, bool descending, const View& values, const View& indices) {
  if (values.numel() == 0) return;
  is_short(in, dim) ? sort_lines<ShortItem>(in, dim, descending, values, indices)
                    : sort_lines<LongItem>(in, dim, descending, values, indices);
}

void topk(const View& in, int dim, bool largest, bool ordered, const View& values, const View& indices) {
  if (values.numel() == 0) return;
  is_short(in, dim) ? topk_lines<ShortItem>(in, dim, largest, ordered, values, indices)
                    : topk_lines<LongItem>(in, dim, largest, ordered, values, indices);
}

void pick(Pick which, i64 n, const View& in, int dim, const View& values, const View& indices) {
  if (values.numel() == 0) return;
  is_short(in, dim) ? pick_lines<ShortItem>(which, n, in, dim, values, indices)
                    : pick_lines<LongItem>(which, n, in, dim, values, indices);
}

}  // namespace pyflame::cpu
