// Evaluation, modes, observers and statistics.
#include <pybind11/stl.h>

#include "base/buffer.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
#include "cpu/elementwise.h"
#include "cpu/threads.h"
#include "cpu/tier.h"
#include "runtime/eval.h"
#include "runtime/plan_cache.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pyflame::bindings {

namespace {

PyObject* eval_list(PyObject*, PyObject* tensors) {
  try {
    if (Node* node = node_of(tensors)) {
      runtime::eval(node);
      Py_RETURN_NONE;
    }
    PyObject* fast = PySequence_Fast(tensors, "[eval] expected a list or tuple of tensors");
    if (!fast) return nullptr;
    py::object held = py::reinterpret_steal<py::object>(fast);
    std::vector<Var> vars;
    std::vector<Node*> nodes;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); ++i) {
      PyObject* object = PySequence_Fast_GET_ITEM(fast, i);
      Node* node = node_of(object);
      if (!node) return PyErr_Format(PyExc_TypeError, "[eval] expected tensors, got %s", Py_TYPE(object)->tp_name);
      vars.emplace_back(node);
      nodes.push_back(node);
    }
    runtime::eval(nodes.data(), nodes.size());
    Py_RETURN_NONE;
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_eval = {"eval", eval_list, METH_O, nullptr};

py::dict report_dict(const runtime::CompileReport& report) {
  return py::dict("peak_bytes"_a = report.peak_bytes, "steps"_a = report.steps, "nodes"_a = report.nodes,
                  "fused_nodes"_a = report.fused_nodes);
}

// A copy of a kernel operand, for observers: the memory behind it may be reused by the next step.
Var copy_of(const View& view) {
  Buffer* buffer = allocate_buffer(static_cast<std::size_t>(view.numel() * dtype_size(view.dtype)), "hook");
  cpu::View out{buffer->data, view.dtype, view.shape, contiguous_strides(view.shape)};
  if (view.numel() && view.data) cpu::copy_strided(view, out);
  return graph::make_leaf(view.dtype, view.shape, buffer);
}

// Calls Python before and after every step. Values are copied only when the callback asks for them.
class PythonObserver : public runtime::Observer {
 public:
  PythonObserver(py::object before, py::object after) : before_(std::move(before)), after_(std::move(after)) {}
  void before(const runtime::StepInfo& step) override { call(before_, step, false); }
  void after(const runtime::StepInfo& step) override { call(after_, step, true); }

 private:
  static void call(const py::object& callback, const runtime::StepInfo& step, bool done) {
    if (callback.is_none()) return;
    auto values = [](const View* views, int count) {
      py::list list;
      for (int i = 0; i < count; ++i) list.append(py::cast(copy_of(views[i])));
      return list;
    };
    py::cpp_function inputs([&] { return values(step.in, step.num_in); });
    py::cpp_function outputs([&, done] { return done ? values(step.out, step.num_out) : py::list(); });
    callback(step.index, std::vector<std::string>(step.ops), std::vector<u32>(step.locations), inputs, outputs, step.seconds);
  }

  py::object before_, after_;
};

void set_observer(py::object before, py::object after) {
  static std::unique_ptr<PythonObserver>* current = new std::unique_ptr<PythonObserver>;
  if (before.is_none() && after.is_none()) {
    runtime::set_observer(nullptr);
    current->reset();
    return;
  }
  auto next = std::make_unique<PythonObserver>(std::move(before), std::move(after));
  runtime::set_observer(next.get());
  *current = std::move(next);
}

py::dict stats() {
  const MemoryStats& memory = memory_stats();
  const graph::GraphStats& nodes = graph::graph_stats();
  const runtime::PlanCache& cache = runtime::plan_cache();
  const runtime::EvalStats& eval = runtime::eval_stats();
  return py::dict("live_bytes"_a = memory.live_bytes, "peak_bytes"_a = memory.peak_bytes, "cached_bytes"_a = memory.cached_bytes,
                  "live_buffers"_a = memory.live_buffers, "allocations"_a = memory.allocations, "live_nodes"_a = nodes.live_nodes,
                  "pooled_nodes"_a = nodes.pooled_nodes, "plan_hits"_a = cache.stats.hits, "plan_misses"_a = cache.stats.misses,
                  "plan_evictions"_a = cache.stats.evictions, "plan_collisions"_a = cache.stats.collisions,
                  "plans"_a = cache.size(), "plan_capacity"_a = cache.capacity(), "runs"_a = eval.runs,
                  "donated"_a = eval.donated, "evaluated_nodes"_a = eval.nodes);
}

void* release_gil() { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; }
void acquire_gil(void* state) { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }

}  // namespace

void register_runtime(py::module_& module) {
  runtime::gil_hooks = {release_gil, acquire_gil};
  PyObject* function = PyCFunction_New(&g_eval, nullptr);
  module.attr("eval") = py::reinterpret_steal<py::object>(function);
  module.def("compile_only", [](const std::vector<Var>& vars) {
    std::vector<Node*> nodes;
    for (const Var& var : vars) nodes.push_back(var.get());
    return report_dict(runtime::compile_only(nodes.data(), nodes.size()));
  });
  module.def("set_eager", &runtime::set_eager);
  module.def("is_eager", &runtime::eager);
  module.def("set_debug", &runtime::set_debug);
  module.def("is_debug", &runtime::debug);
  module.def("set_graph_limit", &runtime::set_graph_limit);
  module.def("graph_limit", &runtime::graph_limit);
  module.def("set_tracing", &runtime::set_tracing);
  module.def("set_observer", set_observer);
  module.def("num_threads", &cpu::num_threads);
  module.def("set_num_threads", &cpu::set_num_threads);
  module.def("cpu_tier", [] { return cpu::tier_name(cpu::active_tier()); });
  module.def("stats", stats);
  module.def("reset_peak_bytes", [] { memory_stats().peak_bytes = memory_stats().live_bytes; });
  module.def("empty_cache", &empty_buffer_cache);
  module.def("clear_plans", [] { runtime::plan_cache().clear(); });
  module.def("set_plan_capacity", [](std::size_t plans) { runtime::plan_cache().set_capacity(plans); });
}

}  // namespace pyflame::bindings
