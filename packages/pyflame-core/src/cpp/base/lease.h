// Something that is reused to keep the memory of its vectors; who asks while it is in use gets another. Under the GIL.
#pragma once
#include <memory>
#include <utility>
#include <vector>

namespace pyflame {

template <class T>
class Lease {
 public:
  Lease() {
    if (pool().empty()) pool().push_back(std::make_unique<T>());
    held_ = std::move(pool().back());
    pool().pop_back();
  }
  ~Lease() { pool().push_back(std::move(held_)); }
  T* operator->() { return held_.get(); }
  T& operator*() { return *held_; }

 private:
  static std::vector<std::unique_ptr<T>>& pool() {
    static auto* kept = new std::vector<std::unique_ptr<T>>;
    return *kept;
  }
  std::unique_ptr<T> held_;
};

}  // namespace pyflame
