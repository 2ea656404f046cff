#include "cpu/ctc.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "cpu/threads.h"

namespace pyflame::cpu {

namespace {

const double kNever = -__builtin_inf();

// The exponential of the largest, relative to itself, is 1.
double log_sum(double a, double b) {
  double top = a > b ? a : b, low = a > b ? b : a;
  return top == kNever ? kNever : top + std::log(1.0 + std::exp(low - top));
}
double log_sum(double a, double b, double c) {
  double top = a > b ? a : b, low = a > b ? b : a, other = c > top ? top : c;
  if (c > top) top = c;
  return top == kNever ? kNever : top + std::log(1.0 + std::exp(low - top) + std::exp(other - top));
}

// One sequence. Logarithms are held in double: those of long sequences are large numbers with small differences.
template <class T>
class Sequence {
 public:
  Sequence(const CtcInputs& in, i64 b)
      : in_(in), steps_(in.input_lengths.as<i64>()[b]), batch_(in.log_probs.shape[1]), classes_(in.log_probs.shape[2]),
        ends_(2 * in.target_lengths.as<i64>()[b] + 1), labels_(in.labels.as<i64>() + b * in.labels.shape[1]),
        log_probs_(in.log_probs.as<T>() + b * classes_) {
    for (i64 s = 0; s < ends_; ++s) {
      if (labels_[s] >= 0 && labels_[s] < classes_) continue;
      index_error("[ctc] label " + std::to_string(labels_[s]) + " is out of range: expected 0 to " + std::to_string(classes_ - 1));
    }
  }

  double total() {
    if (steps_ == 0) return ends_ == 1 ? 0.0 : kNever;
    std::vector<double> now, before;
    for (i64 t = 0; t < steps_; ++t) {
      std::swap(now, before);
      forward(t, before, now);
    }
    return end(now);
  }

  void gradient(double grad, T* out) {
    if (steps_ == 0) return;
    std::vector<std::vector<double>> alpha(static_cast<std::size_t>(steps_));
    std::vector<double> none, later, beta;
    for (i64 t = 0; t < steps_; ++t) forward(t, t ? alpha[static_cast<std::size_t>(t - 1)] : none, alpha[static_cast<std::size_t>(t)]);
    const double whole = end(alpha.back());
    for (i64 t = steps_; t-- > 0;) {
      std::swap(beta, later);
      backward(t, later, beta);
      T* row = out + t * batch_ * classes_;
      const std::vector<double>& until = alpha[static_cast<std::size_t>(t)];
      for (i64 s = 0; s < ends_; ++s) {
        std::size_t i = static_cast<std::size_t>(s);
        row[labels_[s]] += static_cast<T>(grad * std::exp(until[i] + beta[i] - whole));
      }
    }
  }

 private:
  double seen(i64 t, i64 s) const { return static_cast<double>(log_probs_[t * batch_ * classes_ + labels_[s]]); }
  bool skips(i64 s) const { return s >= 2 && labels_[s] != in_.blank && labels_[s] != labels_[s - 2]; }
  double end(const std::vector<double>& alpha) const {
    return ends_ == 1 ? alpha[0] : log_sum(alpha[static_cast<std::size_t>(ends_ - 1)], alpha[static_cast<std::size_t>(ends_ - 2)]);
  }

  // Paths that have come to each place at step t, that step included.
  void forward(i64 t, const std::vector<double>& before, std::vector<double>& now) const {
    now.resize(static_cast<std::size_t>(ends_));
    for (i64 s = 0; s < ends_; ++s) {
      std::size_t i = static_cast<std::size_t>(s);
      double sum = s < 2 ? 0.0 : kNever;
      if (t > 0) {
        sum = skips(s) ? log_sum(before[i], before[i - 1], before[i - 2]) : s > 0 ? log_sum(before[i], before[i - 1]) : before[0];
      }
      now[i] = sum == kNever ? kNever : sum + seen(t, s);
    }
  }

  // Paths from each place at step t to the end, that step left out.
  void backward(i64 t, const std::vector<double>& later, std::vector<double>& now) const {
    now.resize(static_cast<std::size_t>(ends_));
    if (t == steps_ - 1) {
      for (i64 s = 0; s < ends_; ++s) now[static_cast<std::size_t>(s)] = s >= ends_ - 2 ? 0.0 : kNever;
      return;
    }
    auto from = [&](i64 s) { return later[static_cast<std::size_t>(s)] + seen(t + 1, s); };
    for (i64 s = 0; s < ends_; ++s) {
      double stay = from(s), step = s + 1 < ends_ ? from(s + 1) : kNever;
      now[static_cast<std::size_t>(s)] = s + 2 < ends_ && skips(s + 2) ? log_sum(stay, step, from(s + 2)) : log_sum(stay, step);
    }
  }

  const CtcInputs& in_;
  const i64 steps_, batch_, classes_, ends_;
  const i64* labels_;
  const T* log_probs_;
};

template <class T>
void totals(const CtcInputs& in, const View& out) {
  parallel_for(out.numel(), 1, [&](i64 begin, i64 end) {
    for (i64 b = begin; b < end; ++b) out.as<T>()[b] = static_cast<T>(Sequence<T>(in, b).total());
  });
}
template <class T>
void gradients(const CtcInputs& in, const View& grad, const View& out) {
  parallel_for(grad.numel(), 1, [&](i64 begin, i64 end) {
    for (i64 b = begin; b < end; ++b) {
      double g = static_cast<double>(grad.as<T>()[b]);
      if (g != 0.0) Sequence<T>(in, b).gradient(g, out.as<T>() + b * in.log_probs.shape[2]);
    }
  });
}

}  // namespace

void ctc(const CtcInputs& in, const View& out) {
  in.log_probs.dtype == DType::kFloat64 ? totals<double>(in, out) : totals<float>(in, out);
}

void ctc_grad(const CtcInputs& in, const View& grad, const View& out) {
  if (out.numel()) std::memset(out.data, 0, static_cast<std::size_t>(out.numel() * dtype_size(out.dtype)));
  in.log_probs.dtype == DType::kFloat64 ? gradients<double>(in, grad, out) : gradients<float>(in, grad, out);
}

}  // namespace pyflame::cpu
