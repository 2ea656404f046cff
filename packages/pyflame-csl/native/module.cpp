// The door between Python and the simulator: no logic, and the GIL is released while the machine runs.
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "decode.h"
#include "dsd.h"
#include "machine.h"

namespace py = pybind11;
using namespace pyflame::csl;

namespace {

py::tuple tuple_of(const Diagnostic& d) {
  return py::make_tuple(d.code, d.message, d.span.file, d.span.line, d.span.column, d.x, d.y, d.cycle);
}

py::list list_of(const std::vector<Diagnostic>& diagnostics) {
  py::list result;
  for (const Diagnostic& d : diagnostics) result.append(tuple_of(d));
  return result;
}

// Runs `work` without the GIL. A fault comes back as a list of diagnostics, an interrupt as Python's pending exception.
template <typename Work>
py::list guarded(Work&& work) {
  std::vector<Diagnostic> found;
  try {
    py::gil_scoped_release release;
    try {
      work();
    } catch (const SimulationFault& fault) {
      found = fault.diagnostics;
    }
  } catch (const Interrupted&) {
    throw py::error_already_set();
  }
  return list_of(found);
}

using Bytes = py::array_t<uint8_t, py::array::c_style | py::array::forcecast>;
using Words32 = py::array_t<uint32_t, py::array::c_style | py::array::forcecast>;

// (PEs, bytes) of the PEs of an area in row-major order, each at the address its class has.
py::array_t<uint8_t> read_area(Machine& machine, std::vector<uint32_t> pes, std::vector<uint32_t> addresses, uint32_t bytes) {
  if (pes.size() != addresses.size()) throw std::invalid_argument("[csl] one address a PE");
  for (size_t i = 0; i < pes.size(); i++) machine.check_range(pes[i], addresses[i], bytes);
  py::array_t<uint8_t> result({py::ssize_t(pes.size()), py::ssize_t(bytes)});
  for (size_t i = 0; i < pes.size(); i++) machine.read(pes[i], addresses[i], result.mutable_data() + i * bytes, bytes);
  return result;
}

void write_area(Machine& machine, std::vector<uint32_t> pes, std::vector<uint32_t> addresses, Bytes data) {
  if (pes.size() != addresses.size() || data.ndim() != 2 || size_t(data.shape(0)) != pes.size())
    throw std::invalid_argument("[csl] one address and one row of data a PE");
  uint32_t bytes = uint32_t(data.shape(1));
  for (size_t i = 0; i < pes.size(); i++) machine.check_range(pes[i], addresses[i], bytes);
  for (size_t i = 0; i < pes.size(); i++) machine.write(pes[i], addresses[i], data.data() + i * bytes, bytes);
}

void check_color(const Machine& machine, std::vector<uint32_t>& pes, int color) {
  if (color < 0 || color >= colors) throw std::invalid_argument("[csl] color " + std::to_string(color) + " does not exist");
  for (uint32_t pe : pes)
    if (pe >= machine.pes().size()) throw std::invalid_argument("[csl] no PE " + std::to_string(pe));
}

py::dict stats_of(const Machine& machine) {
  size_t n = machine.pes().size();
  py::array_t<uint64_t> busy(n), tasks(n), instructions(n), elements(n), peak(n);
  for (size_t i = 0; i < n; i++) {
    const PeStats& stats = machine.pes()[i].stats;
    busy.mutable_data()[i] = stats.busy;
    tasks.mutable_data()[i] = stats.tasks;
    instructions.mutable_data()[i] = stats.instructions;
    elements.mutable_data()[i] = stats.elements;
    peak.mutable_data()[i] = stats.peak_input;
  }
  py::dict result;
  result["busy_cycles"] = busy;
  result["tasks"] = tasks;
  result["instructions"] = instructions;
  result["dsd_elements"] = elements;
  result["peak_input_queue"] = peak;
  result["hops"] = machine.hops();
  result["wavelets"] = machine.wavelets();
  result["bytes"] = machine.memory_in_use();
  return result;
}

py::list trace_of(Machine& machine) {
  py::list result;
  for (const TraceRecord& r : machine.trace().records)
    result.append(py::make_tuple(int(r.kind), r.start, r.end, r.pe, int(r.space), int(r.color), int(r.id), r.detail));
  return result;
}

}  // namespace

PYBIND11_MODULE(_sim, module) {
  std::vector<std::string> ops, dsd_ops;
  for (uint16_t op = 0; op < op_count; op++) ops.push_back(op_name(op));
  for (uint8_t code = 0; code < dsd_count; code++) dsd_ops.push_back(dsd_info(code).name);
  module.attr("OPS") = ops;
  module.attr("DSD_OPS") = dsd_ops;
  module.def("dsd_operands", [](uint8_t code) { return code < dsd_count ? dsd_info(code).sources + 1 : 0; });

  py::class_<Machine>(module, "Machine")
      .def(py::init([](const py::dict& program, const std::map<std::string, double>& costs, bool banks, uint64_t cycles,
                       uint64_t seed) {
             Costs table = costs_from(costs);
             table.banks = banks;
             auto interrupted = [] {
               py::gil_scoped_acquire acquire;
               return PyErr_CheckSignals() != 0;
             };
             try {
               return std::make_unique<Machine>(decode(program), table, Limits{cycles, seed}, interrupted);
             } catch (const SimulationFault& fault) {
               throw std::invalid_argument("[csl] " + fault.diagnostics[0].message);
             }
           }),
           py::arg("program"), py::arg("costs"), py::arg("banks"), py::arg("max_cycles"), py::arg("sched_seed"))
      .def("launch",
           [](Machine& m, int x, int y, int w, int h, const std::vector<int64_t>& functions,
              const std::vector<uint64_t>& arguments) { m.launch({x, y, w, h}, functions, arguments); })
      .def("commands_idle", [](Machine& m, int x, int y, int w, int h) { return m.commands_idle({x, y, w, h}); })
      .def("wait_commands",
           [](Machine& m, int x, int y, int w, int h) { return guarded([&] { m.wait_commands({x, y, w, h}); }); })
      .def("wait_stream",
           [](Machine& m, int x, int y, int w, int h, int color, size_t count) {
             if (color < 0 || color >= colors) throw std::invalid_argument("[csl] no color " + std::to_string(color));
             return guarded([&] { m.wait_stream({x, y, w, h}, color, count); });
           })
      .def("settle", [](Machine& m, uint64_t cycles) { return guarded([&] { m.settle(cycles); }); })
      .def("read", &read_area)
      .def("write", &write_area)
      .def("uninitialized",
           [](Machine& m, std::vector<uint32_t> pes, std::vector<uint32_t> addresses, uint32_t bytes) {
             for (size_t i = 0; i < pes.size(); i++)
               if (m.uninitialized(pes[i], addresses.at(i), bytes)) return int64_t(pes[i]);
             return int64_t(-1);
           })
      .def("push_stream",
           [](Machine& m, std::vector<uint32_t> pes, int color, Words32 data) {
             check_color(m, pes, color);
             if (data.ndim() != 2 || size_t(data.shape(0)) != pes.size()) throw std::invalid_argument("[csl] one row of data a PE");
             size_t count = size_t(data.shape(1));
             for (size_t i = 0; count && i < pes.size(); i++) m.push_stream(pes[i], color, data.data() + i * count, count);
           })
      .def("stream_ready",
           [](Machine& m, std::vector<uint32_t> pes, int color, size_t count) {
             check_color(m, pes, color);
             for (uint32_t pe : pes) {
               const auto& host = m.pes()[pe].host_out[size_t(color)];
               if (count && (!host || host->size() < count)) return false;
             }
             return true;
           })
      .def("pop_stream",
           [](Machine& m, std::vector<uint32_t> pes, int color, size_t count) {
             check_color(m, pes, color);
             py::array_t<uint32_t> result({py::ssize_t(pes.size()), py::ssize_t(count)});
             for (uint32_t pe : pes) {
               const auto& host = m.pes()[pe].host_out[size_t(color)];
               if (count && (!host || host->size() < count)) throw std::invalid_argument("[csl] the stream holds fewer wavelets");
             }
             for (size_t i = 0; i < pes.size(); i++) m.pop_stream(pes[i], color, result.mutable_data() + i * count, count);
             return result;
           })
      .def("leftovers", [](const Machine& m) { return list_of(m.leftovers()); })
      .def("warnings", [](Machine& m) { return list_of(m.warnings()); })
      .def("log", &Machine::log)
      .def("now", &Machine::now)
      .def("stats", &stats_of)
      .def("record",
           [](Machine& m, std::vector<uint32_t> pes, size_t limit) {
             Trace& trace = m.trace();
             trace.on = true;
             trace.limit = limit;
             if (!pes.empty()) trace.pes.assign(m.pes().size(), false);
             for (uint32_t pe : pes) trace.pes.at(pe) = true;
           })
      .def("trace", &trace_of)
      .def("trace_dropped", [](Machine& m) { return m.trace().dropped; });
}
