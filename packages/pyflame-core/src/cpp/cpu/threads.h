// The one thread pool of the process. Work is split by shape, never by thread count.
#pragma once
#include <type_traits>

#include "base/dtype.h"

namespace pyflame::cpu {

// Calls body(context, begin, end) over [0, n) in chunks of `grain`, possibly in parallel; runs inline when n <= grain,
// with one thread, or from inside a parallel region. The first exception thrown by a chunk is rethrown here.
void parallel_for_raw(i64 n, i64 grain, void (*body)(void* context, i64 begin, i64 end), void* context);

template <class Body>
void parallel_for(i64 n, i64 grain, Body&& body) {
  if (n <= grain) {
    if (n > 0) body(i64{0}, n);
    return;
  }
  using Plain = std::remove_reference_t<Body>;
  parallel_for_raw(
      n, grain, [](void* context, i64 begin, i64 end) { (*static_cast<Plain*>(context))(begin, end); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

int num_threads();
void set_num_threads(int n);  // throws ValueError when n < 1

}  // namespace pyflame::cpu
