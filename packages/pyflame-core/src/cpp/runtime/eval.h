// Evaluation: pending nodes -> trace -> plan (cached) -> run -> values.
#pragma once
#include <mutex>
#include <vector>

#include "graph/apply.h"
#include "runtime/backend.h"

namespace pyflame::runtime {

using graph::Node;
using graph::Var;

// Gives every root a value, in one run. Called with the GIL held; released while kernels run.
void eval(Node* const* roots, std::size_t count);
inline void eval(Node* node) {
  if (!node->value) eval(&node, 1);
}

// Builds (or finds) the plan for the roots without running it.
CompileReport compile_only(Node* const* roots, std::size_t count);
// The same with every node as its own step, in recorded order; the plan is not kept.
CompileReport compile_unoptimized(Node* const* roots, std::size_t count);

// Supplied by bindings: the runtime knows nothing of Python.
struct GilHooks {
  void* (*release)() = nullptr;
  void (*acquire)(void* token) = nullptr;
};
extern GilHooks gil_hooks;
// Called for a node with an attachment (kAttached) when it has got its value.
extern void (*value_hook)(Node*);

// Backends outside the core: asked first, with the pending nodes whose values outlive the run, while it is set. True:
// it has given each of them a value.
using Evaluator = bool (*)(const std::vector<Node*>& wanted);
void set_evaluator(Evaluator evaluator);

// Instrumented execution. While an observer is set every run goes through it, with the GIL held.
void set_observer(Observer* observer);
Observer* observer();
// The right to run kernels outside of a plan, as long as it is held. Not owned where that would go unseen by an observer,
// a list of what is recorded or a backend outside the core, or while another thread runs a plan.
std::unique_lock<std::recursive_mutex> claim_backend();
// Op by op, in recorded order, nothing fused or merged.
void set_debug(bool enabled);
bool debug();

// Eager mode evaluates every op as it is recorded; otherwise chains of pending nodes deeper than the limit are.
void set_eager(bool enabled);
bool eager();
void set_graph_limit(u32 nodes);
u32 graph_limit();
// While tracing, nothing is evaluated behind the user's back.
void set_tracing(bool enabled);

// Every node this thread records gets these flags (kRecompute, kInference); returns the previous ones.
u16 set_record_flags(u16 flags);
u16 record_flags();
// Every node this thread records is added; returns the previous list. nullptr: none.
std::vector<Var>* collect(std::vector<Var>* nodes);
bool collecting();

struct EvalStats {
  i64 runs = 0, donated = 0, nodes = 0;
  i64 lookup_ns = 0, kernel_ns = 0;  // counted while timing is on
};
EvalStats& eval_stats();
i64 thread_runs();  // of the calling thread
void set_timing(bool enabled);

}  // namespace pyflame::runtime
