#include "decode.h"

#include <pybind11/stl.h>

#include "dsd.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace py = pybind11;

namespace pyflame::csl {

namespace {

using Words = py::array_t<int64_t, py::array::c_style | py::array::forcecast>;

// Rows of 64-bit integers, read from left to right; what does not fit its field is refused.
class Table {
 public:
  Table(const py::dict& source, const char* name, int columns) : name_(name), columns_(columns) {
    array_ = py::cast<Words>(source[name]);
    if (array_.ndim() != 2 || array_.shape(1) != columns)
      throw std::invalid_argument(std::string("[csl] encoded table ") + name + " needs " + std::to_string(columns) + " columns");
  }
  size_t rows() const { return size_t(array_.shape(0)); }
  void go(size_t row) {
    at_ = array_.data() + row * size_t(columns_);
    end_ = at_ + columns_;
  }
  template <typename T>
  T take() {
    int64_t value = next();
    if (value < int64_t(std::numeric_limits<T>::min()) || (sizeof(T) < 8 && value > int64_t(std::numeric_limits<T>::max())))
      throw std::invalid_argument("[csl] encoded table " + name_ + ": " + std::to_string(value) + " is out of range");
    return T(value);
  }
  int64_t next() {
    if (at_ == end_) throw std::invalid_argument("[csl] encoded table " + name_ + " is too narrow");
    return *at_++;
  }
  bool flag() { return next() != 0; }

 private:
  std::string name_;
  int columns_;
  Words array_;
  const int64_t *at_ = nullptr, *end_ = nullptr;
};

constexpr int option_columns = 10, operand_columns = 3;

Options options_of(Table& table) {
  Options options;
  options.is_async = table.flag();
  options.activate = table.take<uint16_t>();
  options.unblock = table.take<uint16_t>();
  options.unblock_space = table.take<uint8_t>();
  options.on_control = table.take<uint16_t>();
  options.ut = table.take<uint16_t>();
  options.index = table.take<uint16_t>();
  options.priority = table.take<uint8_t>();
  options.save_address = table.flag();
  options.single_step = table.flag();
  return options;
}

Operand operand_of(Table& table) {
  Operand operand;
  operand.kind = table.take<uint8_t>();
  operand.value = table.take<uint16_t>();
  operand.file = table.take<uint8_t>();
  return operand;
}

IdSpace space_of(Table& table) {
  uint8_t space = table.take<uint8_t>();
  if (space > uint8_t(IdSpace::ut)) throw std::invalid_argument("[csl] unknown id space " + std::to_string(space));
  return IdSpace(space);
}

void decode_code(const py::dict& source, TileClass& tile) {
  Table code(source, "code", 5), spans(source, "spans", 3), functions(source, "functions", 5), params(source, "params", 1);
  tile.code.resize(code.rows());
  for (size_t i = 0; i < code.rows(); i++) {
    code.go(i);
    Instr& instr = tile.code[i];
    instr.op = code.take<uint16_t>();
    instr.dst = code.take<uint16_t>();
    instr.a = code.take<uint16_t>();
    instr.b = code.take<uint16_t>();
    int64_t imm = code.next();
    if (imm == int64_t(int32_t(imm))) {
      instr.imm = int32_t(imm);
    } else if (instr.op == op_const) {
      instr.wide = true;
      instr.imm = int32_t(tile.constants.size());
      tile.constants.push_back(uint64_t(imm));
    } else {
      throw std::invalid_argument("[csl] an instruction's immediate " + std::to_string(imm) + " needs more than 32 bits");
    }
  }
  tile.spans.resize(spans.rows());
  for (size_t i = 0; i < spans.rows(); i++) {
    spans.go(i);
    tile.spans[i] = {spans.take<int32_t>(), spans.take<int32_t>(), spans.take<int32_t>()};
  }
  std::vector<std::string> names = py::cast<std::vector<std::string>>(source["function_names"]);
  if (names.size() != functions.rows()) throw std::invalid_argument("[csl] each function needs a name");
  size_t param = 0;
  for (size_t i = 0; i < functions.rows(); i++) {
    functions.go(i);
    Function function;
    function.name = names[i];
    function.first = functions.take<uint32_t>();
    function.size = functions.take<uint32_t>();
    function.registers = functions.take<uint32_t>();
    uint32_t count = functions.take<uint32_t>();
    function.has_result = functions.flag();
    if (count > params.rows() - param) throw std::invalid_argument("[csl] a function has more parameters than are encoded");
    for (uint32_t k = 0; k < count; k++) {
      params.go(param++);
      uint8_t type = params.take<uint8_t>();
      if (type >= s_count) throw std::invalid_argument("[csl] unknown scalar type " + std::to_string(type));
      function.params.push_back(type);
    }
    tile.functions.push_back(std::move(function));
  }
}

void decode_operations(const py::dict& source, TileClass& tile) {
  Table ops(source, "dsd_ops", 2 + 4 * operand_columns + option_columns);
  for (size_t i = 0; i < ops.rows(); i++) {
    ops.go(i);
    DsdOp op;
    op.code = ops.take<uint8_t>();
    size_t count = ops.take<uint8_t>();
    if (op.code >= dsd_count || count > 4) throw std::invalid_argument("[csl] unknown DSD operation");
    for (size_t k = 0; k < 4; k++) {
      Operand operand = operand_of(ops);
      if (k < count) op.operands.push_back(operand);
    }
    op.options = options_of(ops);
    tile.dsd_ops.push_back(std::move(op));
  }
  Table maps(source, "maps", 3 + option_columns), operands(source, "map_operands", operand_columns + 1);
  size_t next = 0;
  for (size_t i = 0; i < maps.rows(); i++) {
    maps.go(i);
    MapOp map;
    map.function = maps.take<uint32_t>();
    uint32_t count = maps.take<uint32_t>();
    map.has_output = maps.flag();
    map.options = options_of(maps);
    if (count > operands.rows() - next) throw std::invalid_argument("[csl] a map has more operands than are encoded");
    for (uint32_t k = 0; k < count; k++) {
      operands.go(next++);
      map.operands.push_back(operand_of(operands));
      map.types.push_back(operands.take<uint8_t>());
    }
    tile.maps.push_back(std::move(map));
  }
  Table loads(source, "dsr_loads", 3 + option_columns);
  for (size_t i = 0; i < loads.rows(); i++) {
    loads.go(i);
    DsrLoad load;
    load.file = loads.take<uint8_t>();
    load.number = loads.take<uint8_t>();
    load.reg = loads.take<uint16_t>();
    load.options = options_of(loads);
    tile.dsr_loads.push_back(load);
  }
  Table initial(source, "initial_dsrs", 3 + option_columns);
  for (size_t i = 0; i < initial.rows(); i++) {
    initial.go(i);
    InitialDsr dsr;
    dsr.file = initial.take<uint8_t>();
    dsr.number = initial.take<uint8_t>();
    dsr.dsd = uint64_t(initial.next());
    dsr.options = options_of(initial);
    tile.initial_dsrs.push_back(dsr);
  }
}

void decode_data(const py::dict& source, TileClass& tile) {
  std::string image = py::cast<py::bytes>(source["memory"]);
  if (image.size() > memory_bytes) throw std::invalid_argument("[csl] the memory image is larger than 49152 bytes");
  tile.memory.assign(image.begin(), image.end());
  tile.memory.resize(memory_bytes);
  std::vector<std::string> names = py::cast<std::vector<std::string>>(source["symbol_names"]);
  Table symbols(source, "symbols", 3);
  if (names.size() != symbols.rows()) throw std::invalid_argument("[csl] each symbol needs a name");
  for (size_t i = 0; i < symbols.rows(); i++) {
    symbols.go(i);
    Symbol symbol;
    symbol.address = symbols.take<uint32_t>();
    symbol.bytes = symbols.take<uint32_t>();
    symbol.initialized = symbols.flag();
    symbol.name = names[i];
    tile.symbols.push_back(std::move(symbol));
  }
  std::sort(tile.symbols.begin(), tile.symbols.end(), [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
  Table descriptors(source, "descriptors", 10);
  for (size_t i = 0; i < descriptors.rows(); i++) {
    descriptors.go(i);
    Descriptor d;
    d.rank = descriptors.take<uint8_t>();
    for (uint32_t& extent : d.extents) extent = descriptors.take<uint16_t>();
    for (int32_t& stride : d.strides) stride = descriptors.take<int32_t>();
    d.wraparound = descriptors.take<uint16_t>();
    tile.descriptors.push_back(d);
  }
  Table fifos(source, "fifos", 5);
  for (size_t i = 0; i < fifos.rows(); i++) {
    fifos.go(i);
    Fifo fifo;
    fifo.address = fifos.take<uint32_t>();
    fifo.capacity = fifos.take<uint32_t>();
    fifo.size = fifos.take<uint8_t>();
    fifo.activate_push = fifos.take<int32_t>();
    fifo.activate_pop = fifos.take<int32_t>();
    tile.fifos.push_back(fifo);
  }
  tile.strings = py::cast<std::vector<std::string>>(source["strings"]);
}

void decode_state(const py::dict& source, TileClass& tile) {
  Table tasks(source, "tasks", 3);
  for (size_t i = 0; i < tasks.rows(); i++) {
    tasks.go(i);
    Task task;
    task.space = space_of(tasks);
    task.id = tasks.take<uint16_t>();
    task.function = tasks.take<uint32_t>();
    tile.tasks.push_back(task);
  }
  auto pairs = [&](const char* name, std::map<int, int>& into) {
    Table table(source, name, 2);
    for (size_t i = 0; i < table.rows(); i++) {
      table.go(i);
      int key = table.take<int32_t>();
      into[key] = table.take<int32_t>();
    }
  };
  pairs("input_queues", tile.input_queues);
  pairs("output_queues", tile.output_queues);
  pairs("teardown_handlers", tile.teardown_handlers);
  auto ids = [&](const char* name, std::vector<std::pair<IdSpace, int>>& into) {
    Table table(source, name, 2);
    for (size_t i = 0; i < table.rows(); i++) {
      table.go(i);
      IdSpace space = space_of(table);
      into.emplace_back(space, table.take<int32_t>());
    }
  };
  ids("active", tile.active);
  ids("blocked", tile.blocked);
}

void decode_routes(const py::dict& source, Program& program) {
  Table routes(source, "routes", 21);
  for (size_t i = 0; i < routes.rows(); i++) {
    routes.go(i);
    Route route;
    route.positions = routes.take<uint8_t>();
    for (size_t k = 0; k < 4; k++) {
      route.rx[k] = routes.take<uint8_t>() & 31;
      route.tx[k] = routes.take<uint8_t>() & 31;
    }
    route.current = routes.take<uint8_t>();
    route.ring = routes.flag();
    route.pop = routes.take<uint8_t>();
    route.teardown = routes.flag();
    route.swap_x = routes.flag();
    route.swap_y = routes.flag();
    uint8_t kind = routes.take<uint8_t>();
    if (kind > Filter::counter) throw std::invalid_argument("[csl] unknown filter kind");
    Filter& filter = route.filter;
    filter.kind = Filter::Kind(kind);
    int32_t first = routes.take<int32_t>(), second = routes.take<int32_t>();
    (kind == Filter::counter ? filter.limit : filter.min_index) = first;
    (kind == Filter::counter ? filter.max_counter : filter.max_index) = second;
    filter.initial = routes.take<int32_t>();
    filter.count_data = routes.flag();
    filter.count_control = routes.flag();
    program.routes.push_back(route);
  }
  Table places(source, "places", 3);
  for (size_t i = 0; i < places.rows(); i++) {
    places.go(i);
    Program::Place place;
    place.pe = places.take<uint32_t>();
    place.color = places.take<uint8_t>();
    place.route = places.take<uint32_t>();
    program.places.push_back(place);
  }
}

}  // namespace

Program decode(const py::dict& source) {
  Program program;
  program.wse3 = py::cast<bool>(source["wse3"]);
  program.width = py::cast<int>(source["width"]);
  program.height = py::cast<int>(source["height"]);
  program.files = py::cast<std::vector<std::string>>(source["files"]);
  program.h2d_streams = py::cast<uint32_t>(source["h2d_streams"]);
  program.d2h_streams = py::cast<uint32_t>(source["d2h_streams"]);
  for (py::handle item : py::cast<py::list>(source["classes"])) {
    py::dict encoded = py::cast<py::dict>(item);
    TileClass tile;
    tile.name = py::cast<std::string>(encoded["name"]);
    decode_data(encoded, tile);
    decode_code(encoded, tile);
    decode_operations(encoded, tile);
    decode_state(encoded, tile);
    program.classes.push_back(std::move(tile));
  }
  Words grid = py::cast<Words>(source["grid"]);
  for (py::ssize_t i = 0; i < grid.size(); i++) {
    int64_t number = grid.data()[i];
    if (number < 0 || number > 0xffffffff) throw std::invalid_argument("[csl] the grid names an unknown class");
    program.grid.push_back(uint32_t(number));
  }
  decode_routes(source, program);
  verify(program);
  return program;
}

}  // namespace pyflame::csl
