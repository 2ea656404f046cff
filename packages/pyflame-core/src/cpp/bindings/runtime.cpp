// Evaluation, modes, observers and statistics.
#include <pybind11/stl.h>

#include "base/buffer.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
#include "cpu/elementwise.h"
#include "cpu/packed_weights.h"
#include "cpu/precision.h"
#include "cpu/processors.h"
#include "cpu/threads.h"
#include "cpu/tier.h"
#include "runtime/arena.h"
#include "runtime/eval.h"
#include "runtime/plan_cache.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pyflame::bindings {

namespace {

// Held, since another thread may let go of them while this one waits its turn. A few, as in most evaluations, take no
// memory from the heap.
struct Roots {
  explicit Roots(std::size_t room) : many(room > kFew ? room : 0), nodes(room > kFew ? many.data() : few) {}
  ~Roots() {
    for (std::size_t i = 0; i < count; ++i) graph::release(nodes[i]);
  }
  Roots(const Roots&) = delete;
  Roots& operator=(const Roots&) = delete;
  void add(Node* node) {
    node->retain();
    nodes[count++] = node;
  }
  static constexpr std::size_t kFew = 64;
  Node* few[kFew];
  std::vector<Node*> many;
  Node** nodes;
  std::size_t count = 0;
};

// eval(tensor or sequence of tensors): all in one run.
PyObject* eval_one(PyObject* given) {
  try {
    if (Node* node = node_of(given)) {
      runtime::eval(node);
      return Py_NewRef(given);
    }
    PyObject* fast = PySequence_Fast(given, "[eval] expected tensors, or sequences of them");
    if (!fast) return nullptr;
    py::object held = py::reinterpret_steal<py::object>(fast);
    Roots roots(static_cast<std::size_t>(PySequence_Fast_GET_SIZE(fast)));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); ++i) {
      PyObject* object = PySequence_Fast_GET_ITEM(fast, i);
      Node* node = node_of(object);
      if (!node) return PyErr_Format(PyExc_TypeError, "[eval] expected tensors, got %s", Py_TYPE(object)->tp_name);
      roots.add(node);
    }
    runtime::eval(roots.nodes, roots.count);
    return Py_NewRef(given);
  } catch (...) {
    return translate_exception();
  }
}

// eval(*given) -> given, one argument as itself
PyObject* eval(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (nargs == 1) return eval_one(args[0]);
  py::object given = py::reinterpret_steal<py::object>(PyTuple_New(nargs)), flat = py::reinterpret_steal<py::object>(PyList_New(0));
  if (!given || !flat) return nullptr;
  for (Py_ssize_t i = 0; i < nargs; ++i) {
    PyTuple_SET_ITEM(given.ptr(), i, Py_NewRef(args[i]));
    if (as_tensor(args[i]) ? PyList_Append(flat.ptr(), args[i]) < 0
                           : PyList_SetSlice(flat.ptr(), PY_SSIZE_T_MAX, PY_SSIZE_T_MAX, args[i]) < 0) {
      return nullptr;
    }
  }
  PyObject* done = eval_one(flat.ptr());
  if (!done) return nullptr;
  Py_DECREF(done);
  return given.release().ptr();
}
PyMethodDef g_eval = {"eval", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(eval)), METH_FASTCALL, nullptr};

py::dict report_dict(const runtime::CompileReport& report) {
  return py::dict("peak_bytes"_a = report.peak_bytes, "steps"_a = report.steps, "nodes"_a = report.nodes,
                  "fused_nodes"_a = report.fused_nodes);
}

// What a graph scope has seen; it keeps the nodes alive.
struct Collected {
  std::vector<Var> nodes;
  std::vector<Var>* outer = nullptr;
};

void add_scopes(py::module_& module) {
  py::class_<Collected>(module, "Collected")
      .def(py::init<>())
      .def("enter", [](Collected& scope) { scope.outer = runtime::collect(&scope.nodes); })
      .def("leave", [](Collected& scope) { runtime::collect(std::exchange(scope.outer, nullptr)); })
      .def("clear", [](Collected& scope) { std::exchange(scope.nodes, {}).clear(); })
      .def("__len__", [](const Collected& scope) { return scope.nodes.size(); })
      .def("nodes", [](const Collected& scope) { return scope.nodes; })
      // What nothing else inside depends on.
      .def("results", [](const Collected& scope) {
        u32 epoch = graph::next_epoch();
        for (const Var& var : scope.nodes) {
          for (int i = 0; i < var->num_inputs; ++i) var->inputs()[i]->mark = epoch;
        }
        std::vector<Var> results;
        for (const Var& var : scope.nodes) {
          if (var->mark != epoch) results.push_back(var);
        }
        return results;
      });
}

// A copy of a kernel operand, for observers: the memory behind it may be reused by the next step.
Var copy_of(const View& view) {
  Buffer* buffer = allocate_buffer(static_cast<std::size_t>(view.numel() * dtype_size(view.dtype)), "hook");
  cpu::View out{buffer->data, view.dtype, view.shape, contiguous_strides(view.shape)};
  if (view.numel() && view.data) cpu::copy_strided(view, out);
  return graph::make_leaf(view.dtype, view.shape, buffer);
}

// A running step as Python sees it, valid during the callback only. Values are copied when the callback asks for them.
class Step {
 public:
  Step(const runtime::StepInfo& info, bool done) : info_(&info), done_(done) {}
  void close() { info_ = nullptr; }

  const runtime::StepInfo& info() const {
    if (!info_) throw std::runtime_error("[hooks] the step is over: read its values inside the hook");
    return *info_;
  }
  py::list inputs() const { return copies(info().in, info().num_in); }
  py::list outputs() const { return done_ ? copies(info().out, info().num_out) : py::list(); }
  static py::list specs(const View* views, int count) {
    py::list list;
    for (int i = 0; i < count; ++i) {
      py::object dtype = py::reinterpret_borrow<py::object>(dtype_objects[static_cast<int>(views[i].dtype)]);
      list.append(py::make_tuple(dtype, py::tuple(py::cast(std::vector<i64>(views[i].shape.begin(), views[i].shape.end())))));
    }
    return list;
  }

 private:
  static py::list copies(const View* views, int count) {
    py::list list;
    for (int i = 0; i < count; ++i) list.append(py::cast(copy_of(views[i])));
    return list;
  }

  const runtime::StepInfo* info_;
  bool done_;
};

// Calls Python before and after every step and when one fails. There is one observer for good: a callback may replace
// the callbacks while a run is on.
class PythonObserver : public runtime::Observer {
 public:
  void before(const runtime::StepInfo& step) override { call(on_before, step, false, nullptr); }
  void after(const runtime::StepInfo& step) override { call(on_after, step, true, nullptr); }
  void error(const runtime::StepInfo& step, const char* message) override { call(on_error, step, false, message); }
  py::object on_before, on_after, on_error;

 private:
  static void call(py::object callback, const runtime::StepInfo& info, bool done, const char* message) {
    if (!callback || callback.is_none()) return;
    py::object step = py::cast(Step(info, done));
    struct Closing {
      Step& step;
      ~Closing() { step.close(); }
    } closing{step.cast<Step&>()};
    message ? callback(step, message) : callback(step);
  }
};

void set_observer(py::object before, py::object after, py::object error) {
  static auto* observer = new PythonObserver;
  bool any = !before.is_none() || !after.is_none() || !error.is_none();
  observer->on_before = std::move(before);
  observer->on_after = std::move(after);
  observer->on_error = std::move(error);
  runtime::set_observer(any ? observer : nullptr);
}

// Tells Python about every buffer that comes (bytes > 0) and goes (bytes < 0). What the callback raises cannot reach
// whoever gives the memory back, so it is reported and dropped.
py::object& alloc_callback() {
  static auto* callback = new py::object;
  return *callback;
}
void on_buffer(i64 bytes, const char* op) {
  static thread_local bool inside = false;
  if (inside || !PyGILState_Check()) return;
  inside = true;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  try {
    alloc_callback()(bytes, op ? py::object(py::str(op)) : py::object(py::none()));
  } catch (py::error_already_set& error) {
    error.restore();
    PyErr_WriteUnraisable(alloc_callback().ptr());
  }
  PyErr_Restore(type, value, traceback);
  inside = false;
}
void set_alloc_hook(py::object callback) {
  bool any = !callback.is_none();
  alloc_callback() = std::move(callback);
  buffer_hook = any ? on_buffer : nullptr;
}

py::dict stats() {
  const MemoryStats& memory = memory_stats();
  const graph::GraphStats& nodes = graph::graph_stats();
  const runtime::PlanCache& cache = runtime::plan_cache();
  const runtime::EvalStats& eval = runtime::eval_stats();
  return py::dict("live_bytes"_a = memory.live_bytes, "peak_bytes"_a = memory.peak_bytes, "cached_bytes"_a = memory.cached_bytes,
                  "packed_bytes"_a = cpu::packed_bytes(),
                  "live_buffers"_a = memory.live_buffers, "allocations"_a = memory.allocations, "live_nodes"_a = nodes.live_nodes,
                  "pooled_nodes"_a = nodes.pooled_nodes, "plan_hits"_a = cache.stats.hits, "plan_misses"_a = cache.stats.misses,
                  "plan_evictions"_a = cache.stats.evictions, "plan_collisions"_a = cache.stats.collisions,
                  "plans"_a = cache.size(), "plan_capacity"_a = cache.capacity(), "plan_bytes"_a = cache.bytes(), "runs"_a = eval.runs,
                  "arena_bytes"_a = runtime::kept_arena_bytes(), "donated"_a = eval.donated, "evaluated_nodes"_a = eval.nodes, "lookup_ns"_a = eval.lookup_ns,
                  "kernel_ns"_a = eval.kernel_ns);
}

py::dict build_info() {
  return py::dict("compiler"_a = PYFLAME_COMPILER, "build_type"_a = PYFLAME_BUILD_TYPE, "cpu_tiers"_a = PYFLAME_TIERS,
                  "sanitizers"_a = PYFLAME_SANITIZERS != 0);
}

void* release_gil() { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; }
void acquire_gil(void* state) { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }

}  // namespace

void register_runtime(py::module_& module) {
  runtime::gil_hooks = {release_gil, acquire_gil};
  runtime::set_graph_limit(runtime::graph_limit());  // arms the hook that keeps long loops in constant memory
  PyObject* function = PyCFunction_New(&g_eval, nullptr);
  module.attr("eval") = py::reinterpret_steal<py::object>(function);
  module.def("compile_only", [](const std::vector<Var>& vars) {
    std::vector<Node*> nodes;
    for (const Var& var : vars) nodes.push_back(var.get());
    return report_dict(runtime::compile_only(nodes.data(), nodes.size()));
  });
  module.def("compile_report", [](const std::vector<Var>& vars, bool optimize) {
    std::vector<Node*> nodes;
    for (const Var& var : vars) nodes.push_back(var.get());
    auto report = optimize ? runtime::compile_only(nodes.data(), nodes.size())
                           : runtime::compile_unoptimized(nodes.data(), nodes.size());
    py::dict found = report_dict(report);
    py::list passes;
    for (const auto& pass : report.passes) passes.append(py::make_tuple(pass.first, pass.second));
    found["passes"] = passes;
    found["kernels"] = report.kernels;
    return found;
  });
  add_scopes(module);
  module.def("set_alloc_hook", set_alloc_hook);
  module.def("set_eager", &runtime::set_eager);
  module.def("is_eager", &runtime::eager);
  module.def("set_debug", &runtime::set_debug);
  module.def("is_debug", &runtime::debug);
  module.def("set_graph_limit", &runtime::set_graph_limit);
  module.def("graph_limit", &runtime::graph_limit);
  module.def("set_tracing", &runtime::set_tracing);
  module.def("set_observer", set_observer, "before"_a, "after"_a, "error"_a = py::none());
  py::class_<Step>(module, "Step")
      .def_property_readonly("ops", [](const Step& step) { return std::vector<std::string>(step.info().ops); })
      .def_property_readonly("locations", [](const Step& step) { return std::vector<u32>(step.info().locations); })
      .def_property_readonly("index", [](const Step& step) { return step.info().index; })
      .def_property_readonly("seconds", [](const Step& step) { return step.info().seconds; })
      .def_property_readonly("input_specs", [](const Step& step) { return Step::specs(step.info().in, step.info().num_in); })
      .def_property_readonly("output_specs", [](const Step& step) { return Step::specs(step.info().out, step.info().num_out); })
      .def("inputs", &Step::inputs)
      .def("outputs", &Step::outputs);
  module.def("num_threads", &cpu::num_threads);
  module.def("set_num_threads", &cpu::set_num_threads);
  module.def("control_group_processors", &cpu::control_group_processors);
  module.def("cpu_tier", [] { return cpu::tier_name(cpu::active_tier()); });
  module.def("matmul_precision", [] { return static_cast<int>(cpu::matmul_precision()); });
  module.def("set_matmul_precision", [](int index) { cpu::set_matmul_precision(static_cast<cpu::MatmulPrecision>(index)); });
  module.def("amx_fp32", cpu::amx_float_state);
  module.def("build_info", build_info);
  module.def("stats", stats);
  module.def("thread_runs", runtime::thread_runs);
  module.def("set_timing", &runtime::set_timing);
  module.def("reset_peak_bytes", [] { memory_stats().peak_bytes = memory_stats().live_bytes; });
  module.def("empty_cache", [] {
    empty_buffer_cache();
    runtime::release_arena();
  });
  module.def("clear_plans", [] { runtime::plan_cache().clear(); });
  module.def("set_plan_capacity", [](std::size_t plans) { runtime::plan_cache().set_capacity(plans); });
}

}  // namespace pyflame::bindings
