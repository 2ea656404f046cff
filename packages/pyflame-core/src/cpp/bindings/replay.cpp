// Calls of compiled functions without Python: what they record, the gradients they leave, and what is called each time.
#include <pybind11/stl.h>

#include "bindings/guards.h"
#include "bindings/recording.h"
#include "bindings/register.h"
#include "bindings/storage.h"

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

py::object taken(PyObject* object) {
  if (!object) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(object);
}

// The gradient of a tensor becomes a result, or none; or something is called.
struct Effect {
  py::object owner;
  int result = -1;
  py::object call;
  py::tuple args;
};

class Replay {
 public:
  // state: keeps its tensors in `tensors`, and says with `hold()` whether lists and attributes are as they were.
  // accumulated: tensors whose gradients are further inputs, and whether they have one. effects: lists of pairs of a tensor
  // and the number of its gradient or None, and pairs of a callable and its arguments. returned: so many results are
  // returned, the first alone if `single`. loss: the one that backward() is called on, or -1. draws: of the generator.
  Replay(const py::object& recording, const py::object& guards, py::object state, const std::vector<std::pair<py::object, bool>>& accumulated,
         const py::list& effects, std::size_t returned, int loss, bool single, py::object generator, i64 draws)
      : held_{recording, guards}, recording_(recording.cast<Recording&>()), guards_(guards.cast<Guards&>()), state_(std::move(state)), tensors_(state_.attr("tensors")),
        accumulated_(accumulated), returned_(returned), loss_(loss), single_(single), generator_(std::move(generator)), draws_(draws) {
    watches_ = !py::list(state_.attr("containers")).empty();
    for (py::handle step : effects) {
      if (PyTuple_Check(step.ptr())) {
        effects_.push_back({py::object(), -1, step[py::int_(0)], step[py::int_(1)]});
        continue;
      }
      for (py::handle pair : step) {
        py::object number = pair[py::int_(1)];
        effects_.push_back({pair[py::int_(0)], number.is_none() ? -1 : number.cast<int>(), py::object(), py::tuple()});
      }
    }
  }

  // What the function returns, in a list unless it is one tensor; None where it must be looked at anew, False where it must
  // run. Either way nothing was done.
  py::object operator()(PyObject* given) {
    if (!guards_.hold()) return py::none();
    if ((watches_ || guards_.attributes_changed()) && !state_.attr("hold")().cast<bool>()) return py::none();
    std::vector<PyObject*> inputs;
    inputs.reserve(static_cast<std::size_t>(PyList_GET_SIZE(given) + PyList_GET_SIZE(tensors_.ptr())) + accumulated_.size());
    for (PyObject* list : {given, tensors_.ptr()}) {
      for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) inputs.push_back(PyList_GET_ITEM(list, i));
    }
    for (const Effect& effect : effects_) {
      if (effect.owner && current(as_tensor(effect.owner.ptr()))->has(graph::kAttached)) return py::none();  // hooks by now
    }
    for (const auto& [owner, present] : accumulated_) {
      PyObject* grad = as_tensor(owner.ptr())->grad;
      if ((grad != nullptr) != present) return py::none();
      if (grad) inputs.push_back(grad);
    }
    i64 seed = 0, first = 0;
    if (draws_) std::tie(seed, first) = generator_.attr("draw")(0).cast<std::pair<i64, i64>>();
    std::vector<Var> results;
    const Outcome outcome = recording_.run(inputs, seed, first, &results);
    if (outcome == Outcome::kOtherKind) return py::none();
    if (outcome == Outcome::kNotHere) return py::bool_(false);
    if (draws_) generator_.attr("_offset") = generator_.attr("_offset").cast<i64>() + draws_;
    return finish(results);
  }

 private:
  py::object finish(const std::vector<Var>& results) {
    py::list returned(single_ ? 0 : returned_);
    py::object only;
    for (std::size_t k = 0; k < returned_; ++k) {
      py::object tensor = taken(wrap(results[k]));
      if (static_cast<int>(k) == loss_) remember_loss(tensor.ptr());
      if (single_) only = std::move(tensor);
      else returned[k] = std::move(tensor);
    }
    for (const Effect& effect : effects_) {
      if (effect.call) {
        taken(PyObject_CallObject(effect.call.ptr(), effect.args.ptr()));
        continue;
      }
      PyObject* grad = effect.result < 0 ? nullptr : wrap(results[static_cast<std::size_t>(effect.result)]);
      if (effect.result >= 0 && !grad) throw py::error_already_set();
      Py_XSETREF(as_tensor(effect.owner.ptr())->grad, grad);
    }
    return single_ ? std::move(only) : py::object(std::move(returned));
  }

  py::object held_[2];
  Recording& recording_;
  Guards& guards_;
  py::object state_;
  py::list tensors_;
  bool watches_;
  std::vector<std::pair<py::object, bool>> accumulated_;
  std::vector<Effect> effects_;
  std::size_t returned_;
  int loss_;
  bool single_;
  py::object generator_;
  i64 draws_;
};

constexpr const char* kCapsule = "pyflame.replay";

PyObject* call_replay(PyObject* self, PyObject* tensors) {
  if (!PyList_Check(tensors)) return PyErr_Format(PyExc_TypeError, "[replay] expected a list of tensors");
  try {
    return (*static_cast<Replay*>(PyCapsule_GetPointer(self, kCapsule)))(tensors).release().ptr();
  } catch (...) {
    return translate_exception();
  }
}
PyMethodDef g_replay = {"replay", call_replay, METH_O, nullptr};

// replayer(...): a function of a list of tensors; see Replay. A built-in function is called in a tenth of a microsecond less
// than a method of a pybind11 class.
py::object replayer(const py::object& recording, const py::object& guards, py::object state, const std::vector<std::pair<py::object, bool>>& accumulated,
                    const py::list& effects, std::size_t returned, int loss, bool single, py::object generator, i64 draws) {
  auto* replay = new Replay(recording, guards, std::move(state), accumulated, effects, returned,
                            loss, single, std::move(generator), draws);
  py::object capsule = taken(PyCapsule_New(replay, kCapsule, [](PyObject* self) {
    delete static_cast<Replay*>(PyCapsule_GetPointer(self, kCapsule));
  }));
  return taken(PyCFunction_New(&g_replay, capsule.ptr()));
}

}  // namespace

void register_replay(py::module_& module) {
  py::class_<Recording>(module, "Recording")
      .def(py::init<std::vector<Var>, std::vector<Var>, std::vector<Var>, std::vector<int>, i64, i64>())
      .def("reads", &Recording::reads)
      .def("drop_inputs", &Recording::drop_inputs)
      .def("__len__", &Recording::size);
  module.def("replayer", replayer);
  module.def("any_reads", any_reads);
  module.def("shares_memory", [](py::handle tensor) { return shares_memory(as_tensor(tensor.ptr())); });
  register_guards(module);
  register_signature(module);
}

}  // namespace pyflame::bindings
