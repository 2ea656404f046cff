#pragma once
// Wavelets in flight and the short queues that hold them.
#include <cstdint>

namespace pyflame::csl {

struct Wavelet {
  uint32_t data = 0;
  uint8_t color = 0;
  bool control = false;
  bool advance = false;    // the sender's router moves its switch after this one
  uint64_t ready = 0;  // cycle from which the holder may use it
};

// At most `capacity` wavelets, a power of two; the caller checks the depth.
template <int capacity>
struct Ring {
  Wavelet items[capacity];
  uint8_t first = 0, size = 0;
  bool empty() const { return size == 0; }
  Wavelet& front() { return items[first]; }
  const Wavelet& front() const { return items[first]; }
  void push(const Wavelet& wavelet) { items[(first + size++) & (capacity - 1)] = wavelet; }
  void pop() {
    first = (first + 1) & (capacity - 1);
    size--;
  }
};

using QueueRing = Ring<8>;

}  // namespace pyflame::csl
