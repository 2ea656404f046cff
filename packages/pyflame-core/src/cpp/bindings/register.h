// Parts of the _core module, one function per file.
#pragma once
#include <pybind11/pybind11.h>

namespace pyflame::bindings {

void register_data(pybind11::module_& module);      // arrays in and out, handles
void register_autograd(pybind11::module_& module);
void register_grad_switch(pybind11::module_& module);
void register_storage(pybind11::module_& module);   // sharing memory, writing
void register_graph(pybind11::module_& module);     // registry, export, source lines, layouts
void register_evaluator(pybind11::module_& module);  // backends written in Python
void register_host(pybind11::module_& module);      // ops whose kernel is a Python callable
void register_linalg(pybind11::module_& module);    // factorizations of arrays, for ops whose kernel is Python
void register_replay(pybind11::module_& module);    // compiled functions
void register_signature(pybind11::module_& module);  // kinds of their arguments
void register_updates(pybind11::module_& module);   // steps of optimizers
void register_undo(pybind11::module_& module);      // their way back
void register_direct(pybind11::module_& module);    // public functions that record one op
void register_composites(pybind11::module_& module);
void register_runtime(pybind11::module_& module);   // evaluation, modes, hooks, statistics

}  // namespace pyflame::bindings
