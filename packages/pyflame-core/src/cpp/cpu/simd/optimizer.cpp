#include "cpu/optimizer_table.h"
#include "cpu/simd/float_bits.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

// Scalars are worked out in double and then rounded to T, elements in T: PyTorch's order of operations.

enum class Momentum { kNone, kPlain, kNesterov };

template <class T, Momentum kMomentum, bool kFirst, bool kDecay>
void sgd_loop(const SgdStep& step, const SgdSpan& span, i64 n) {
  const T* param = static_cast<const T*>(span.param);
  const T* grad = static_cast<const T*>(span.grad);
  const T* momentum = static_cast<const T*>(span.momentum);
  T* out_param = static_cast<T*>(span.out_param);
  T* out_momentum = static_cast<T*>(span.out_momentum);
  const T sign = step.maximize ? T(-1) : T(1), lr = static_cast<T>(-step.lr);
  const T decay = static_cast<T>(step.weight_decay), factor = static_cast<T>(step.momentum);
  const T fresh = static_cast<T>(1 - step.dampening);
#pragma GCC ivdep
  for (i64 i = 0; i < n; ++i) {
    T p = param[i], g = sign * grad[i];
    if constexpr (kDecay) g = fma(decay, p, g);
    if constexpr (kMomentum != Momentum::kNone) {
      T buffer = g;
      if constexpr (!kFirst) buffer = fma(fresh, g, momentum[i] * factor);
      out_momentum[i] = buffer;
      g = kMomentum == Momentum::kNesterov ? fma(factor, buffer, g) : buffer;
    }
    out_param[i] = fma(lr, g, p);
  }
}

template <class T, bool kDecay>
void sgd_decay(const SgdStep& step, const SgdSpan& span, i64 n) {
  if (!step.has_momentum) return sgd_loop<T, Momentum::kNone, false, kDecay>(step, span, n);
  if (step.nesterov) {
    return step.first ? sgd_loop<T, Momentum::kNesterov, true, kDecay>(step, span, n)
                      : sgd_loop<T, Momentum::kNesterov, false, kDecay>(step, span, n);
  }
  return step.first ? sgd_loop<T, Momentum::kPlain, true, kDecay>(step, span, n)
                    : sgd_loop<T, Momentum::kPlain, false, kDecay>(step, span, n);
}

template <class T>
void sgd(const SgdStep& step, const SgdSpan& span, i64 n) {
  step.weight_decay != 0 ? sgd_decay<T, true>(step, span, n) : sgd_decay<T, false>(step, span, n);
}

// x / d, correctly rounded, for x >= 0 or NaN that many elements divide by the same d: two roundings of a fused
// multiply-add around the exact rest (Markstein, 1990), while the divider is busy with square roots.
template <class T>
inline T divide_by(T x, T d, T inverse) {
#if defined(__FMA__) || defined(__aarch64__)
  T quotient = x * inverse;
  T result = fma(fma(-quotient, d, x), inverse, quotient);
  return x == infinity<T>() ? x : result;
#else
  return x / d;
#endif
}

template <class T, bool kAmsgrad, bool kDecay>
void adam_loop(const AdamStep& step, const AdamSpan& span, i64 n) {
  const T* param = static_cast<const T*>(span.param);
  const T* grad = static_cast<const T*>(span.grad);
  const T* first = static_cast<const T*>(span.state[0]);
  const T* second = static_cast<const T*>(span.state[1]);
  const T* largest = static_cast<const T*>(span.state[2]);
  T* out_param = static_cast<T*>(span.out_param);
  T* out_first = static_cast<T*>(span.out_state[0]);
  T* out_second = static_cast<T*>(span.out_state[1]);
  T* out_largest = static_cast<T*>(span.out_state[2]);
  const T sign = step.maximize ? T(-1) : T(1);
  const T decay = static_cast<T>(step.weight_decay);
  const T keep = static_cast<T>(step.decoupled ? 1 - step.lr * step.weight_decay : 1.0);
  // torch.lerp goes from the nearer end.
  const double weight = 1 - step.beta1;
  const bool from_grad = weight >= 0.5;
  const T slope = static_cast<T>(from_grad ? weight - 1 : weight);
  const T beta2 = static_cast<T>(step.beta2), fresh = static_cast<T>(1 - step.beta2);
  const T size = static_cast<T>(-(step.lr / step.correction1)), eps = static_cast<T>(step.eps);
  const T root2 = static_cast<T>(std::sqrt(step.correction2)), inverse2 = T(1) / root2;
#pragma GCC ivdep
  for (i64 i = 0; i < n; ++i) {
    T p = param[i] * keep, g = sign * grad[i];
    if constexpr (kDecay) g = fma(decay, p, g);
    T m = first[i];
    m = fma(slope, g - m, from_grad ? g : m);
    T v = second[i] * beta2 + fresh * g * g;
    out_first[i] = m;
    out_second[i] = v;
    if constexpr (kAmsgrad) {
      T old = largest[i];
      v = (old > v) | (old != old) ? old : v;
      out_largest[i] = v;
    }
    out_param[i] = p + size * m / (divide_by(std::sqrt(v), root2, inverse2) + eps);
  }
}

template <class T>
void adam(const AdamStep& step, const AdamSpan& span, i64 n) {
  bool decay = !step.decoupled && step.weight_decay != 0;
  if (step.amsgrad) return decay ? adam_loop<T, true, true>(step, span, n) : adam_loop<T, true, false>(step, span, n);
  return decay ? adam_loop<T, false, true>(step, span, n) : adam_loop<T, false, false>(step, span, n);
}

}  // namespace

const OptimizerTable optimizer_table = {sgd<float>, sgd<double>, adam<float>, adam<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
