#include <chrono>
#include <cstdlib>

#include "base/error.h"
#include "cpu/chain_reduce.h"
#include "runtime/arena.h"
#include "runtime/cpu_program.h"

namespace pyflame::runtime {

namespace {

class CpuExecutable : public Executable {
 public:
  void load(CpuProgram program) {
    for (const Instruction& instruction : program.body) {
      std::string name;
      for (const std::string& op : instruction.ops) name += (name.empty() ? "" : "+") + op;
      report.kernels.push_back(std::move(name));
    }
    program_ = std::move(program);
    report.held_bytes = program_.constant_bytes + program_.views.size() * (sizeof(cpu::View) + sizeof(Place)) +
                        (program_.body.size() + program_.prologue.size()) * sizeof(Instruction);
    bases_.resize(2 + program_.num_leaves + buffers.size());
    if (program_.constant_bytes) {
      constants_ = std::aligned_alloc(64, program_.constant_bytes);
      if (!constants_) fail(ErrorKind::kMemory, "[eval] cannot allocate " + std::to_string(program_.constant_bytes) + " bytes for constants");
    }
  }
  ~CpuExecutable() override { std::free(constants_); }

  void run(const Binding& binding, Observer* observer) override {
    ArenaLease arena(program_.arena_bytes);
    bases_[0] = arena.data();
    bases_[1] = constants_;
    u32 num_leaves = program_.num_leaves;
    for (u32 i = 0; i < num_leaves; ++i) bases_[2 + i] = binding.leaves[i];
    for (std::size_t i = 0; i < buffers.size(); ++i) bases_[2 + num_leaves + i] = binding.outputs[i];
    bind_views();
    if (!constants_ready_) {
      for (const Instruction& instruction : program_.prologue) execute(instruction, binding);
      constants_ready_ = true;
    }
    if (__builtin_expect(observer != nullptr, 0)) return run_observed(binding, *observer);
    if (__builtin_expect(program_.reenters, 0)) return run_reentrant(binding);
    const std::vector<Instruction>& body = program_.body;
    for (std::size_t k = 0; k < body.size(); k += body[k].joint) {
      body[k].joint > 1 ? execute_joint(&body[k], binding) : execute(body[k], binding);
    }
  }

 private:
  void bind_views() {
    for (std::size_t v = 0; v < program_.views.size(); ++v) {
      program_.views[v].data = static_cast<char*>(bases_[program_.places[v].base]) + program_.places[v].bytes;
    }
  }

  graph::KernelCall call_of(const Instruction& instruction, const Binding& binding) const {
    const View* in = program_.views.data() + instruction.first_view;
    Buffer* weight = instruction.weight_leaf < 0 ? nullptr : binding.leaf_buffers[instruction.weight_leaf];
    return {in, in + instruction.num_in, instruction.attrs.data(), binding.params + instruction.param,
            static_cast<int>(instruction.num_in), weight};
  }

  void execute_joint(const Instruction* first, const Binding& binding) {
    graph::KernelCall calls[ops::kMaxJoint];
    for (u32 k = 0; k < first->joint; ++k) calls[k] = call_of(first[k], binding);
    first->joint_kernel(calls, static_cast<int>(first->joint));
  }

  void execute(const Instruction& instruction, const Binding& binding) {
    if (instruction.kernel) return instruction.kernel(call_of(instruction, binding));
    const u64* params = binding.params;
    const View* in = program_.views.data() + instruction.first_view;
    const View* out = in + instruction.num_in;
    void* outputs[64];
    for (u32 k = 0; k < instruction.num_out; ++k) outputs[k] = out[k].data;
    // Splats number their parameter from 0; groups use the plan's numbering directly.
    const u64* base = params + instruction.param;
    if (instruction.folded >= 0) {
      outputs[instruction.folded] = nullptr;
      return cpu::reduce_chain(instruction.program, instruction.shape, in, base, outputs, instruction.folded,
                               instruction.fold, instruction.fold_length, out[instruction.folded]);
    }
    cpu::run_tile_program(instruction.program, instruction.shape, in, base, outputs);
  }

  void run_reentrant(const Binding& binding) {
    const std::vector<void*> bases = bases_;
    for (const Instruction& instruction : program_.body) {
      execute(instruction, binding);
      restore(bases);
    }
  }

  // After a run of this program inside a run of it, which binds the views to its own memory.
  void restore(const std::vector<void*>& bases) {
    if (bases_ == bases) return;
    bases_ = bases;
    bind_views();
  }

  void run_observed(const Binding& binding, Observer& observer) {
    using Clock = std::chrono::steady_clock;
    const std::vector<void*> bases = bases_;
    u32 index = 0;
    for (const Instruction& instruction : program_.body) {
      const View* in = program_.views.data() + instruction.first_view;
      StepInfo step{instruction.ops, instruction.locations, in, static_cast<int>(instruction.num_in),
                    in + instruction.num_in, static_cast<int>(instruction.num_out), index++, 0.0};
      observer.before(step);
      restore(bases);
      auto start = Clock::now();
      try {
        execute(instruction, binding);
        restore(bases);
      } catch (const std::exception& error) {
        observer.error(step, error.what());
        throw;
      }
      step.seconds = std::chrono::duration<double>(Clock::now() - start).count();
      observer.after(step);
    }
  }

  CpuProgram program_;
  std::vector<void*> bases_;
  void* constants_ = nullptr;
  bool constants_ready_ = false;
};

class CpuBackend : public Backend {
 public:
  std::string name() const override { return "cpu"; }

  bool supports(const graph::OpDef& op) const override { return op.kernel || op.view_rule || op.tile_op >= 0; }

  std::unique_ptr<Executable> compile(FlatGraph graph, CompileOptions options) override {
    auto executable = std::make_unique<CpuExecutable>();
    auto timed = [&](const char* name, auto&& pass) {
      auto start = std::chrono::steady_clock::now();
      pass();
      std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      executable->report.passes.emplace_back(name, seconds.count());
    };
    if (options.optimize) {
      timed("simplify", [&] { passes::simplify(graph); });
      timed("merge_common", [&] { passes::merge_common(graph); });
      timed("join_parts", [&] { passes::join_parts(graph); });
      timed("mark_constants", [&] { passes::mark_constants(graph); });
      timed("fuse_convolutions", [&] { passes::fuse_convolutions(graph); });
      timed("fuse_products", [&] { passes::fuse_products(graph); });
      timed("fuse_paddings", [&] { passes::fuse_paddings(graph); });
      timed("fuse_lookups", [&] { passes::fuse_lookups(graph); });
    }
    std::vector<passes::Step> steps;
    timed("schedule", [&] { steps = passes::schedule(graph, options.optimize); });
    timed("plan", [&] { executable->load(compile_cpu(graph, steps, *executable)); });
    return executable;
  }
};

}  // namespace

Backend& cpu_backend() {
  static CpuBackend backend;
  return backend;
}

}  // namespace pyflame::runtime
