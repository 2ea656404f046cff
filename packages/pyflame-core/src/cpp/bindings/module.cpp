// pyflame._core: mute by design. Python's modules hold signatures, documentation and types.
#include "autograd/vjp.h"
#include "base/error.h"
#include "bindings/call_forward.h"
#include "bindings/location.h"
#include "bindings/operators.h"
#include "bindings/register.h"
#include "bindings/tensor_type.h"
#include "graph/apply.h"
#include "ops/register.h"

namespace py = pybind11;
using namespace pyflame;

PYBIND11_MODULE(_core, module) {
  ops::register_all();
  autograd::plug_in();
  bindings::register_tensor_type(module);
  bindings::register_functions(module);
  bindings::register_data(module);
  bindings::register_storage(module);
  bindings::register_grad_switch(module);
  bindings::register_autograd(module);
  bindings::register_graph(module);
  bindings::register_evaluator(module);
  bindings::register_host(module);
  bindings::register_linalg(module);
  bindings::register_replay(module);
  bindings::register_undo(module);
  bindings::register_updates(module);
  bindings::register_direct(module);
  bindings::register_composites(module);
  bindings::register_call_forward(module);
  bindings::register_runtime(module);
  graph::hooks.location = bindings::current_location;
  graph::hooks.source_line = bindings::source_text;
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error&) {
      bindings::translate_exception();
    }
  });
}
