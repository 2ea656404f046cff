#include "runtime/eval.h"

#include <pthread.h>

#include <chrono>
#include <mutex>

#include "base/error.h"
#include "base/lease.h"
#include "runtime/plan_cache.h"
#include "runtime/trace.h"

namespace pyflame::runtime {

using namespace graph;

GilHooks gil_hooks;
void (*value_hook)(Node*) = nullptr;

namespace {

std::recursive_mutex g_backend;  // runs are serialised; recursive, because an observer may evaluate
Observer* g_observer = nullptr;
bool g_debug = false, g_eager = false;
thread_local bool t_tracing = false;
thread_local int t_running = 0;  // runs of this thread that have not returned: hooks and host ops may evaluate
thread_local i64 t_started = 0;  // runs of this thread so far
thread_local u16 t_record_flags = 0;
thread_local std::vector<Var>* t_collected = nullptr;
int g_runs = 0;  // of all threads; changes under the GIL
// A child forked during another thread's run inherits a lock that nobody releases, and runs that never end.
[[maybe_unused]] const int g_fork_hook = pthread_atfork(nullptr, nullptr, [] {
  new (&g_backend) std::recursive_mutex;
  g_runs = t_running;
});
int g_flagging = 0;  // threads that flag or collect what they record
bool g_timing = false;
Evaluator g_evaluator = nullptr;
u32 g_limit = 10000;
EvalStats g_stats;

class WithoutGil {
 public:
  WithoutGil() : token_(gil_hooks.release ? gil_hooks.release() : nullptr) {}
  ~WithoutGil() {
    if (token_) gil_hooks.acquire(token_);
  }

 private:
  void* token_;
};

u64 plan_options() { return g_debug ? 1 : 0; }

std::shared_ptr<Plan> find_plan(Trace& trace) {
  PlanCache& cache = plan_cache();
  if (std::shared_ptr<Plan> plan = cache.find(trace.hash, trace.key(), trace.key_size())) return plan;
  CompileOptions options;
  options.optimize = !g_debug;
  return cache.insert(trace.hash, trace.key(), trace.key_size(), cpu_backend().compile(trace.flatten(), options));
}

// Everything one run holds on to while the GIL is released.
struct Held {
  std::vector<Buffer*> leaf_buffers, outputs;
  std::vector<i64> leaf_offsets;
  std::vector<void*> leaf_data, output_data;
  std::vector<Var> kept;
  std::vector<Node*> targets;  // alive through `kept`

  void clear() {
    for (Buffer* buffer : outputs) release_buffer(buffer);
    for (Buffer* buffer : leaf_buffers) release_buffer(buffer);
    leaf_buffers.clear(), outputs.clear(), leaf_offsets.clear(), leaf_data.clear();
    output_data.clear(), kept.clear(), targets.clear();
  }
};

class Run {
 public:
  Run(const Trace& trace, std::shared_ptr<Plan> plan) : plan_(std::move(plan)), params_(trace.params.data()) { ++g_runs; }

  // Apart from the constructor, so that the destructor undoes it when memory runs out half-way.
  void bind(const Trace& trace) {
    held_->leaf_buffers.reserve(trace.leaves.size());
    held_->leaf_offsets.reserve(trace.leaves.size());
    held_->leaf_data.reserve(trace.leaves.size());
    for (Node* leaf : trace.leaves) {
      Buffer* buffer = leaf->value->buffer;
      buffer->retain();
      held_->leaf_buffers.push_back(buffer);
      held_->leaf_offsets.push_back(leaf->value->offset);
      held_->leaf_data.push_back(static_cast<char*>(buffer->data) + leaf->value->offset * dtype_size(leaf->dtype));
    }
    held_->kept.reserve(trace.kept.size());
    for (Node* node : trace.kept) {
      held_->kept.emplace_back(node);
      node->flags |= kRunning;
    }
    held_->outputs.reserve(plan_->executable->buffers.size());
    for (const OutputBuffer& wanted : plan_->executable->buffers) held_->outputs.push_back(provide(wanted, trace));
    held_->output_data.reserve(held_->outputs.size());
    for (Buffer* buffer : held_->outputs) held_->output_data.push_back(buffer->data);
    held_->targets.reserve(plan_->executable->values.size());
    for (const OutputValue& value : plan_->executable->values) held_->targets.push_back(trace.order[value.node]);
  }

  ~Run() {
    --g_runs;
    for (const Var& node : held_->kept) node->flags &= static_cast<u16>(~kRunning);
    held_->clear();
  }

  void execute() {
    Binding binding{held_->leaf_data.data(), held_->leaf_buffers.data(), held_->output_data.data(), params_};
    struct Depth {
      Depth() { ++t_running; }
      ~Depth() { --t_running; }
    } depth;
    if (observer_) return execute_observed(binding);
    WithoutGil without_gil;
    std::lock_guard<std::recursive_mutex> lock(g_backend);
    plan_->executable->run(binding, nullptr);
  }

  // Observers are Python, so the run holds the GIL; but waiting for the backend with it would stop the thread that has
  // the backend and needs the GIL to go on.
  void execute_observed(const Binding& binding) {
    std::unique_lock<std::recursive_mutex> lock(g_backend, std::defer_lock);
    {
      WithoutGil without_gil;
      lock.lock();
    }
    plan_->executable->run(binding, observer_);
  }

  void commit() {
    const std::vector<OutputValue>& values = plan_->executable->values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const OutputValue& place = values[i];
      std::size_t leaf = static_cast<std::size_t>(place.leaf);
      Buffer* buffer = place.leaf >= 0 ? held_->leaf_buffers[leaf] : held_->outputs[place.buffer];
      i64 offset = place.offset + (place.leaf >= 0 ? held_->leaf_offsets[leaf] : 0);
      buffer->retain();
      materialise(held_->targets[i], make_value(buffer, offset, place.contiguous ? nullptr : &place.strides));
    }
    // All values are in place before anybody is told.
    for (Node* node : held_->targets) {
      if (__builtin_expect(node->has(kAttached), 0)) value_hook(node);
    }
  }

 private:
  // A leaf's memory is taken over when this graph is all that can see it: every count of the node is an edge of the
  // trace or an optimizer's, which lets go of it when the run succeeds, no backward will read those edges later, and nothing else shares the buffer.
  Buffer* provide(const OutputBuffer& wanted, const Trace& trace) {
    if (wanted.donor >= 0 && !trace.has_history && !observer_) {  // an observer may stop the run half-way
      Node* leaf = trace.leaves[static_cast<std::size_t>(wanted.donor)];
      Buffer* buffer = leaf->value->buffer;
      bool sole = leaf->refs == leaf->uses + leaf->has(graph::kUndo) && buffer->refs == 2;  // the value's count and this run's
      if (sole && leaf->value->offset == 0 && !leaf->value->strides && !buffer->release && buffer->bytes == wanted.bytes) {
        buffer->retain();
        contents_change(buffer);
        ++g_stats.donated;
        return buffer;
      }
    }
    return allocate_buffer(wanted.bytes, wanted.op);
  }

  std::shared_ptr<Plan> plan_;
  Observer* observer_ = g_observer;  // a hook may remove itself while it runs
  const u64* params_;  // of the trace, which stays leased to this evaluation
  Lease<Held> held_;
};

// Another thread is computing part of this graph: wait until its run is over.
void wait_for_runs() {
  WithoutGil without_gil;
  std::lock_guard<std::recursive_mutex> lock(g_backend);
}

u16 depth_limit() { return static_cast<u16>(g_limit < 0xfffe ? g_limit : 0xfffe); }  // depths saturate

void after_record(Node* node) {
  if (t_collected) t_collected->emplace_back(node);
  if (t_record_flags) {
    node->flags |= t_record_flags;
    for (int k = 0; node->has(kMultiOutput) && k < kMaxOutputs - 1; ++k) {
      if (Node* projection = node->record()->projections[k]) projection->flags |= t_record_flags;
    }
  }
  if (t_tracing || node->value || (!g_eager && node->depth < depth_limit())) return;
  bool serves_backward = node->has(kRequiresGrad) && !node->has(kHistoryFreed);
  if (!g_eager && serves_backward) return;
  eval(node);
}

void update_record_hook() {
  hooks.recorded = after_record;
  hooks.recorded_depth = g_eager || g_flagging ? 0 : depth_limit();
}

}  // namespace

namespace {
i64 clock_ns() {
  if (!g_timing) return 0;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
}  // namespace

void eval(Node* const* roots, std::size_t count) {
  bool pending = false;
  for (std::size_t i = 0; i < count; ++i) pending |= !roots[i]->value;
  if (!pending) return;
  i64 start = clock_ns();
  Lease<Trace> trace;
  for (;;) {
    trace->walk(roots, count, plan_options());
    if (!trace->running) break;
    if (t_running) {
      runtime_error("[eval] the tensor belongs to a run that waits for this hook or host op to return: read its own inputs "
                    "and outputs, or evaluate it after the run");
    }
    if (g_runs == 0) {
      runtime_error("[eval] another thread was computing the tensor when this process was forked, and does not go on here: "
                    "evaluate it before the fork");
    }
    wait_for_runs();
  }
  if (__builtin_expect(g_evaluator != nullptr, 0) && g_evaluator(trace->kept)) return;
  std::shared_ptr<Plan> plan = find_plan(*trace);
  i64 found = clock_ns();
  Run run(*trace, std::move(plan));
  run.bind(*trace);
  ++g_stats.runs, ++t_started;
  g_stats.nodes += static_cast<i64>(trace->order.size());
  i64 ready = clock_ns();
  run.execute();
  g_stats.lookup_ns += found - start;
  g_stats.kernel_ns += clock_ns() - ready;
  run.commit();
}

CompileReport compile_only(Node* const* roots, std::size_t count) {
  Lease<Trace> trace;
  trace->walk(roots, count, plan_options());
  return find_plan(*trace)->executable->report;
}

CompileReport compile_unoptimized(Node* const* roots, std::size_t count) {
  Lease<Trace> trace;
  trace->walk(roots, count, plan_options());
  CompileOptions options;
  options.optimize = false;
  return cpu_backend().compile(trace->flatten(), options)->report;
}

void set_evaluator(Evaluator evaluator) { g_evaluator = evaluator; }
void set_observer(Observer* value) { g_observer = value; }
Observer* observer() { return g_observer; }
std::unique_lock<std::recursive_mutex> claim_backend() {
  std::unique_lock<std::recursive_mutex> lock(g_backend, std::defer_lock);
  if (!g_observer && !g_evaluator && !g_debug && !g_eager && !t_tracing && !t_collected && !t_record_flags) lock.try_lock();
  return lock;
}
void set_debug(bool enabled) { g_debug = hooks.keep_edges = enabled; }
bool debug() { return g_debug; }
void set_eager(bool enabled) {
  g_eager = enabled;
  update_record_hook();
}
bool eager() { return g_eager; }
void set_graph_limit(u32 nodes) {
  g_limit = nodes;
  update_record_hook();
}
u32 graph_limit() { return g_limit; }
void set_tracing(bool enabled) { t_tracing = enabled; }
u16 set_record_flags(u16 flags) {
  u16 previous = t_record_flags;
  t_record_flags = flags;
  g_flagging += (flags != 0) - (previous != 0);
  update_record_hook();
  return previous;
}
std::vector<Var>* collect(std::vector<Var>* nodes) {
  std::vector<Var>* previous = t_collected;
  t_collected = nodes;
  g_flagging += (nodes != nullptr) - (previous != nullptr);
  update_record_hook();
  return previous;
}
bool collecting() { return t_collected != nullptr; }
u16 record_flags() { return t_record_flags; }
EvalStats& eval_stats() { return g_stats; }
i64 thread_runs() { return t_started; }
void set_timing(bool enabled) { g_timing = enabled; }

}  // namespace pyflame::runtime
