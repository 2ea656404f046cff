// What a backend is: compile(graph) -> Executable, Executable::run(buffers).
#pragma once
#include <memory>
#include <string>

#include "cpu/view.h"
#include "graph/flat_graph.h"

namespace pyflame::runtime {

using graph::FlatGraph;

// Memory the caller provides for results that outlive the run.
struct OutputBuffer {
  std::size_t bytes;
  const char* op;
  int donor = -1;  // leaf whose memory may be taken over when nothing else can see it
};

// Where the value of a kept node is after the run: a window on a leaf or on an output buffer.
struct OutputValue {
  u32 node;            // its position in the trace
  int leaf = -1;
  u32 buffer = 0;
  i64 offset = 0;      // elements, relative to the leaf's or buffer's first
  bool contiguous = true;
  Shape strides;
};

struct Binding {
  void* const* leaves;
  Buffer* const* leaf_buffers;
  void* const* outputs;
  const u64* params;
};

// One executed step as observers see it. Views are valid during the call only.
struct StepInfo {
  const std::vector<std::string>& ops;  // names of the ops it computes, in order
  const std::vector<u32>& locations;    // and where each was recorded
  const cpu::View* in;
  int num_in;
  const cpu::View* out;
  int num_out;
  u32 index;
  double seconds;  // in after() only
};
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void before(const StepInfo& step) = 0;
  virtual void after(const StepInfo& step) = 0;
  virtual void error(const StepInfo& step, const char* message) = 0;  // the step threw; the run ends with its exception
};

struct CompileReport {
  std::size_t peak_bytes = 0;  // arena and constants
  std::size_t held_bytes = 0;  // of the program and its constants, as long as the plan is kept
  u32 steps = 0, nodes = 0, fused_nodes = 0;
  std::vector<std::pair<const char*, double>> passes;  // seconds each took
  std::vector<std::string> kernels;                    // ops of each step, joined by +
};

class Executable {
 public:
  virtual ~Executable() = default;
  virtual void run(const Binding& binding, Observer* observer) = 0;
  std::vector<OutputBuffer> buffers;
  std::vector<OutputValue> values;
  CompileReport report;
};

struct CompileOptions {
  bool optimize = true;  // false: every node is a step, in recorded order (debugging)
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;
  virtual bool supports(const graph::OpDef& op) const = 0;
  virtual std::unique_ptr<Executable> compile(FlatGraph graph, CompileOptions options) = 0;
};

Backend& cpu_backend();

}  // namespace pyflame::runtime
