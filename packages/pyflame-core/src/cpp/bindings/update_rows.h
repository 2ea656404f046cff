// What steps of optimizers are given: rows of a parameter, its gradient and its state, and an update op's attributes.
#pragma once
#include <vector>

#include "bindings/functions.h"

namespace pyflame::bindings {

constexpr int kMaxWords = 32;
// Of all parameters: so many are updated without a graph, with the GIL held.
constexpr i64 kFewElements = i64{1} << 18;

// The words of an update's attributes, which are one each.
struct Words {
  i64 values[kMaxWords];
  int count = 0;
};

// Parameters with their gradients and state, row after row: recording may run code that lets go of any of them.
class Rows {
 public:
  explicit Rows(std::size_t width) : width_(width) {}
  ~Rows() {
    for (PyObject* object : objects_) Py_XDECREF(object);
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  void reserve(std::size_t rows) { objects_.reserve(rows * (width_ + 1)); }
  void add(PyObject* object) {
    Py_XINCREF(object);
    objects_.push_back(object);
  }
  std::size_t size() const { return objects_.size() / (width_ + 1); }
  PyObject* const* operator[](std::size_t row) const { return objects_.data() + row * (width_ + 1); }
  PyObject* entry(std::size_t row) const { return (*this)[row][width_]; }  // of the state

 private:
  std::size_t width_;
  std::vector<PyObject*> objects_;
};

// Runs the updates at once, without a graph: row r with words[which[r]]. False, with nothing done, where the values are
// not all there, something else can see what would be overwritten, or the work is too much to hold the GIL for.
bool update_in_place(const Function& f, const Rows& rows, const std::vector<Words>& words, const std::vector<u32>& which);

}  // namespace pyflame::bindings
