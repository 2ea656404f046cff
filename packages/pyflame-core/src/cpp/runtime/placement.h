// Where every value of a program lives, and whose memory a result may take over.
#pragma once
#include "runtime/step_order.h"
#include "runtime/storage_table.h"

namespace pyflame::runtime {

struct Location {
  int storage = -1;  // negative: nowhere yet
  i64 offset = 0;    // elements
  Shape strides;
};

class Placement {
 public:
  Placement(const FlatGraph& graph, const std::vector<u32>& roots, const StepOrder& order, std::vector<OutputBuffer>& buffers);

  // `constant`: what the step makes is kept for all runs.
  void begin_step(u32 step, bool constant);
  // What the instruction to come reads; a stride of 0 where the element repeats or is the only one.
  void begin_reads() { reads_.clear(); }
  void add_read(const Location& from, const Shape& of, const Shape& as);

  Location& operator[](u32 i) { return locations_[i]; }
  Storage& storage(int i) { return storages_[i]; }
  bool kept(u32 i) const { return kept_[i]; }
  bool outlives_run(u32 i) const { return kept_[i] || escapes_[i]; }

  // New memory for the result of node i; `sources` are inputs it may overwrite element by element.
  void place_result(u32 i, const std::vector<u32>& sources);
  int output(u32 i);                               // handed to the caller
  int temporary(std::size_t bytes);                // for this step
  int temporary_of(u32 i, std::size_t bytes);      // for as long as the value (or view) i is read

  void finish(CpuProgram& program) { storages_.place(program); }

 private:
  const graph::FlatNode& node(u32 i) const { return graph_.nodes[i]; }
  void find_uses();
  int new_storage(u32 i, const std::vector<u32>& sources);
  bool take(u32 source, std::size_t bytes);
  int donor(std::size_t bytes, const std::vector<u32>& sources);

  const FlatGraph& graph_;
  const std::vector<u32>& roots_;
  const StepOrder& order_;
  std::vector<OutputBuffer>& buffers_;
  StorageTable storages_;
  std::vector<Location> locations_;
  std::vector<u32> last_use_;
  std::vector<u8> kept_, escapes_;
  std::vector<int> taken_;  // storages whose memory a result of this step has taken over
  std::vector<Location> reads_;
  u32 step_ = 0;
  bool constant_ = false;
};

inline std::size_t bytes_of(const graph::FlatNode& node) {
  return static_cast<std::size_t>(node.shape.numel() * dtype_size(node.dtype));
}

}  // namespace pyflame::runtime
