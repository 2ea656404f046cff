// From steps to kernel calls: where every value lives, which instruction makes it, what may be overwritten.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "runtime/storage_table.h"
#include "runtime/tile_group.h"

namespace pyflame::runtime {

using graph::FlatNode;
using graph::OpCategory;

namespace {

struct Location {
  int storage = -1;
  i64 offset = 0;  // elements
  Shape strides;
};

constexpr u32 kForever = ~0u;

std::size_t bytes_of(const FlatNode& node) {
  return static_cast<std::size_t>(node.shape.numel() * dtype_size(node.dtype));
}

Shape channels_last_strides(const Shape& shape) {
  Shape strides = contiguous_strides(shape);
  i64 step = shape[1];
  for (int d = shape.ndim; d-- > 2; step *= shape[d]) strides[d] = step;
  strides[0] = step;
  strides[1] = 1;
  return strides;
}

void copy_kernel(const graph::KernelCall& call) { cpu::copy_strided(call.in[0], call.out[0]); }

// Ops that check values while they run: a result may only overwrite a leaf when none of these can still fail.
bool may_throw(const FlatNode& node) {
  OpCategory kind = node.op->kind;
  if (kind == OpCategory::kIndex || kind == OpCategory::kLoss || node.op->calls_python) return true;
  bool division = node.op->tile_op == static_cast<int>(TileOp::floor_divide) ||
                  node.op->tile_op == static_cast<int>(TileOp::remainder) || node.op->tile_op == static_cast<int>(TileOp::fmod);
  return division && !is_floating(node.dtype);
}

class Compiler {
 public:
  Compiler(const FlatGraph& graph, const std::vector<passes::Step>& steps, Executable& result)
      : graph_(graph), result_(result), locations_(graph.nodes.size()), root_(graph.nodes.size()),
        last_use_(graph.nodes.size(), 0), kept_(graph.nodes.size(), 0), escapes_(graph.nodes.size(), 0) {
    program_.num_leaves = graph.num_leaves;
    order(steps);
    analyse();
  }

  CpuProgram compile() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].is_leaf()) place_leaf(i);
    }
    for (step_ = 0; step_ < steps_.size(); ++step_) emit(steps_[step_].nodes);
    report_values();
    storages_.place(program_);
    report_sizes();
    return std::move(program_);
  }

 private:
  const FlatNode& node(u32 i) const { return graph_.nodes[i]; }

  // Parameter updates, and what depends on them, go last: they may overwrite leaves.
  void order(const std::vector<passes::Step>& steps) {
    std::vector<u8> late(graph_.nodes.size(), 0);
    std::vector<passes::Step> tail;
    for (const passes::Step& step : steps) {
      bool is_late = false;
      for (u32 i : step.nodes) {
        is_late |= node(i).op->kind == OpCategory::kUpdate;
        for (u32 input : node(i).inputs) is_late |= late[input];
      }
      for (u32 i : step.nodes) late[i] = is_late;
      (is_late ? tail : steps_).push_back(step);
    }
    steps_.insert(steps_.end(), tail.begin(), tail.end());
    safe_from_ = 0;
    for (u32 s = 0; s < steps_.size(); ++s) {
      for (u32 i : steps_[s].nodes) {
        if (may_throw(node(i))) safe_from_ = s + 1;
      }
    }
  }

  // Roots (the node whose memory a view shares), last uses, and which values outlive the run.
  void analyse() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      root_[i] = is_view(i) ? root_[node(i).inputs[0]] : i;
      if (node(i).keep) kept_[graph_.resolve(i)] = 1;
    }
    for (u32 s = 0; s < steps_.size(); ++s) {
      for (u32 i : steps_[s].nodes) {
        last_use_[root_[i]] = std::max(last_use_[root_[i]], s);
        for (u32 input : node(i).inputs) last_use_[root_[input]] = std::max(last_use_[root_[input]], s);
      }
    }
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (!kept_[i]) continue;
      // A small window must not hold a large temporary: it is copied out instead.
      bool worth = node(root_[i]).is_leaf() || node(i).shape.numel() * 2 >= node(root_[i]).shape.numel();
      if (worth) escapes_[root_[i]] = 1;
      if (worth) last_use_[root_[i]] = kForever;
    }
  }

  bool is_view(u32 i) const { return !node(i).is_leaf() && node(i).op->view_rule; }

  void place_leaf(u32 i) {
    int storage = storages_.add({StorageKind::kLeaf, static_cast<u32>(node(i).leaf), bytes_of(node(i))});
    locations_[i] = {storage, 0, node(i).strides};
  }

  // New memory for the result of node i; `sources` are inputs it may overwrite element by element.
  void place_result(u32 i, const std::vector<u32>& sources) {
    const FlatNode& n = node(i);
    locations_[i] = {new_storage(i, sources), 0, n.channels_last ? channels_last_strides(n.shape) : contiguous_strides(n.shape)};
  }

  int new_storage(u32 i, const std::vector<u32>& sources) {
    std::size_t bytes = bytes_of(node(i));
    if (in_prologue_) return storages_.add({StorageKind::kConstant, 0, bytes});
    if (escapes_[i]) {
      u32 index = static_cast<u32>(result_.buffers.size());
      result_.buffers.push_back({bytes, node(i).op->name, donor(bytes, sources)});
      return storages_.add({StorageKind::kOutput, index, bytes, step_, step_});
    }
    for (u32 source : sources) {
      const Location& from = locations_[source];
      Storage& storage = storages_[from.storage];
      if (storage.kind == StorageKind::kTemporary && storage.bytes == bytes && reusable(source, bytes) &&
          last_use_[root_[source]] == step_) {
        storage.last = std::max(storage.last, last_use_[i]);
        return from.storage;
      }
    }
    return storages_.add({StorageKind::kTemporary, 0, bytes, step_, std::max(step_, last_use_[i])});
  }

  // The whole of its memory, in order, read for the last time, and not yet taken by another result of this step.
  bool reusable(u32 source, std::size_t bytes) {
    const Location& from = locations_[source];
    if (bytes_of(node(source)) != bytes || from.offset != 0 || !is_contiguous(node(source).shape, from.strides)) return false;
    if (std::find(taken_.begin(), taken_.end(), from.storage) != taken_.end()) return false;
    Shape strides = broadcast_strides(node(source).shape, from.strides, node(source).shape);
    for (const Location& read : reads_) {  // the same memory read in another order would be overwritten too early
      if (read.storage == from.storage && (read.offset != 0 || read.strides != strides)) return false;
    }
    taken_.push_back(from.storage);
    return true;
  }

  int donor(std::size_t bytes, const std::vector<u32>& sources) {
    if (step_ < safe_from_) return -1;
    for (u32 source : sources) {
      const FlatNode& leaf = node(root_[source]);
      if (!leaf.is_leaf() || last_use_[root_[source]] != step_) continue;
      if (bytes_of(leaf) == bytes && reusable(source, bytes)) return leaf.leaf;
    }
    return -1;
  }

  // ---- instructions
  Instruction& begin_instruction(const std::vector<u32>& nodes) {
    std::vector<Instruction>& list = in_prologue_ ? program_.prologue : program_.body;
    list.emplace_back();
    list.back().first_view = static_cast<u32>(program_.views.size());
    auto add_name = [&](u32 i) {
      const graph::OpDef* op = node(i).recorded ? node(i).recorded : node(i).op;
      list.back().ops.push_back(op->name_of(node(i).attrs.data()));
      list.back().locations.push_back(node(i).location);
    };
    for (u32 i : nodes) {
      for (u32 k : node(i).absorbed) add_name(k);
      add_name(i);
    }
    return list.back();
  }

  void add_view(u32 i, const Location& location) {
    program_.views.push_back({nullptr, node(i).dtype, node(i).shape, location.strides});
    program_.places.push_back({static_cast<u32>(location.storage), location.offset * dtype_size(node(i).dtype)});
  }

  void emit(const std::vector<u32>& nodes) {
    const FlatNode& first = node(nodes[0]);
    in_prologue_ = first.constant;
    taken_.clear();
    if (first.op->tile_op >= 0) return emit_elementwise(nodes);
    u32 i = nodes[0];
    if (is_projection(i)) return;
    if (is_full(i)) {
      if (kept_[i]) emit_fill(i);
      return;
    }
    if (first.op->view_rule) return emit_view(i);
    emit_kernel(i);
  }

  static bool named(const FlatNode& n, const char* name) { return std::strcmp(n.op->name, name) == 0; }
  bool is_projection(u32 i) const { return named(node(i), "output"); }
  bool is_full(u32 i) const { return !node(i).is_leaf() && named(node(i), "full"); }

  // A `full` node costs nothing until somebody needs its memory; elementwise programs read the parameter.
  const Location& locate(u32 i) {
    if (locations_[i].storage < 0 && is_full(i)) {
      Storage one{StorageKind::kTemporary, 0, static_cast<std::size_t>(dtype_size(node(i).dtype)), step_,
                  std::max(step_, last_use_[i])};
      Location location{storages_.add(one), 0, broadcast_strides({}, {}, node(i).shape)};
      emit_splat(i, Shape{}, location);
      locations_[i] = location;
    }
    return locations_[i];
  }

  void emit_splat(u32 i, const Shape& shape, const Location& location) {
    Instruction& instruction = begin_instruction({i});
    instruction.shape = shape;
    instruction.program.inputs.push_back({node(i).dtype, 0, 0});
    instruction.program.outputs = {0};
    instruction.program.out_dtypes = {node(i).dtype};
    instruction.program.num_registers = 1;
    instruction.param = static_cast<u32>(node(i).param);
    instruction.num_in = 1;
    instruction.num_out = 1;
    add_view(i, location);  // keeps views parallel to inputs; an immediate's view is not read
    add_view(i, location);
  }

  void emit_fill(u32 i) {
    place_result(i, {});
    emit_splat(i, node(i).shape, locations_[i]);
  }

  void emit_view(u32 i) {
    u32 input = node(i).inputs[0];
    Location location = locate(input);
    i64 offset = location.offset;
    Shape strides;
    if (!node(i).op->view_rule(node(i).attrs.data(), node(input).shape, location.strides, node(i).shape, &offset, &strides)) {
      // The strides do not allow the view: lay the input out first.
      Location compact{copy_storage(i, bytes_of(node(input))), 0, contiguous_strides(node(input).shape)};
      emit_copy(input, location, compact);
      location = compact;
      offset = 0;
      strides = Shape();
      node(i).op->view_rule(node(i).attrs.data(), node(input).shape, location.strides, node(i).shape, &offset, &strides);
    }
    locations_[i] = {location.storage, offset, strides};
    StorageKind kind = storages_[location.storage].kind;
    if (kept_[i] && kind != StorageKind::kLeaf && kind != StorageKind::kOutput) {
      Location out{output_storage(i), 0, contiguous_strides(node(i).shape)};
      emit_copy(i, locations_[i], out);
      locations_[i] = out;
    }
  }

  int output_storage(u32 i) {
    result_.buffers.push_back({bytes_of(node(i)), node(i).op->name, -1});
    return storages_.add({StorageKind::kOutput, static_cast<u32>(result_.buffers.size()) - 1, bytes_of(node(i)), step_, step_});
  }

  // Memory for a copy that lives as long as the value (or view) i does.
  int copy_storage(u32 i, std::size_t bytes) {
    if (in_prologue_) return storages_.add({StorageKind::kConstant, 0, bytes});
    u32 last = last_use_[root_[i]] == kForever ? static_cast<u32>(steps_.size()) : last_use_[root_[i]];
    return storages_.add({StorageKind::kTemporary, 0, bytes, step_, std::max(step_, last)});
  }

  void emit_copy(u32 i, const Location& from, const Location& to) {
    Instruction& instruction = begin_instruction({i});
    instruction.kernel = copy_kernel;
    instruction.num_in = instruction.num_out = 1;
    add_view(i, from);
    add_view(i, to);
  }

  void emit_kernel(u32 i) {
    const FlatNode& n = node(i);
    if (!n.op->kernel) not_implemented("[" + std::string(n.op->name) + "] has no cpu kernel for " + std::string(dtype_name(n.dtype)));
    std::vector<Location> inputs;
    for (std::size_t k = 0; k < n.inputs.size(); ++k) inputs.push_back(kernel_input(n, k));
    reads_.clear();
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const Shape& shape = node(n.inputs[k]).shape;
      reads_.push_back({inputs[k].storage, inputs[k].offset, broadcast_strides(shape, inputs[k].strides, shape)});
    }
    std::vector<u32> sources;
    auto may_reuse = [&](std::size_t k) {
      sources.clear();
      if (k < n.inputs.size() && (n.op->in_place_inputs >> k & 1)) sources.push_back(n.inputs[k]);
    };
    may_reuse(0);
    place_result(i, sources);
    std::vector<Location> outputs = {locations_[i]};
    std::vector<u32> out_nodes = {i};
    for (std::size_t k = 1; k < n.outputs.size(); ++k) {
      int projection = n.projections[k - 1];
      if (projection >= 0) {
        may_reuse(k + 1);  // an update's state follows parameter and gradient among the inputs
        place_result(static_cast<u32>(projection), sources);
        outputs.push_back(locations_[static_cast<std::size_t>(projection)]);
      } else {
        std::size_t bytes = static_cast<std::size_t>(n.outputs[k].shape.numel() * dtype_size(n.outputs[k].dtype));
        outputs.push_back({storages_.add({StorageKind::kTemporary, 0, bytes, step_, step_}), 0, contiguous_strides(n.outputs[k].shape)});
      }
    }
    Instruction& instruction = begin_instruction({i});
    instruction.kernel = n.op->kernel;
    program_.reenters |= n.op->calls_python;
    instruction.attrs = n.attrs;
    instruction.param = static_cast<u32>(std::max(n.param, 0));
    instruction.num_in = static_cast<u32>(inputs.size());
    instruction.num_out = static_cast<u32>(outputs.size());
    if (inputs.size() > 1) {
      const Storage& weight = storages_[static_cast<std::size_t>(inputs[1].storage)];
      if (weight.kind == StorageKind::kLeaf) instruction.weight_leaf = static_cast<int>(weight.index);
    }
    for (std::size_t k = 0; k < inputs.size(); ++k) add_view(n.inputs[k], inputs[k]);
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      add_view(i, outputs[k]);
      if (k == 0) continue;
      program_.views.back().shape = n.outputs[k].shape;
      program_.views.back().dtype = n.outputs[k].dtype;
      program_.places.back().bytes = 0;
    }
  }

  Location kernel_input(const FlatNode& n, std::size_t k) {
    u32 input = n.inputs[k];
    Location location = locate(input);
    bool strided = n.op->strided_inputs >> std::min<std::size_t>(k, 31) & 1;
    if (strided || is_contiguous(node(input).shape, location.strides)) return location;
    std::size_t bytes = bytes_of(node(input));
    int storage = in_prologue_ ? storages_.add({StorageKind::kConstant, 0, bytes})
                               : storages_.add({StorageKind::kTemporary, 0, bytes, step_, step_});
    Location compact{storage, 0, contiguous_strides(node(input).shape)};
    emit_copy(input, location, compact);
    return compact;
  }

  // ---- elementwise groups
  bool used_outside(u32 i, const std::vector<u32>& group) const {
    if (kept_[i] || escapes_[i]) return true;
    for (u32 user : users_of(i)) {
      if (!std::binary_search(group.begin(), group.end(), user)) return true;
    }
    return false;
  }

  const std::vector<u32>& users_of(u32 i) const {
    if (users_.empty()) {
      users_.resize(graph_.nodes.size());
      for (const passes::Step& step : steps_) {
        for (u32 u : step.nodes) {
          for (u32 input : node(u).inputs) users_[input].push_back(u);
        }
      }
    }
    return users_[i];
  }

  bool reads_memory_of(const std::vector<u32>& nodes, u32 source) const {
    for (u32 i : nodes) {
      for (u32 input : node(i).inputs) {
        if (root_[input] == root_[source]) return true;
      }
    }
    return false;
  }

  // Immediates and cheap constants are parameters of the program; halves and narrow integers must round as tensors do.
  bool reads_parameter(u32 i) const {
    DType d = node(i).dtype;
    return is_full(i) && locations_[i].storage < 0 &&
           (d == DType::kFloat32 || d == DType::kFloat64 || d == DType::kInt64 || d == DType::kBool);
  }

  // `rest`: what the same step computes afterwards, when its program had to be split.
  void emit_elementwise(const std::vector<u32>& group, const std::vector<u32>& rest = {}) {
    TileGroup built = build_tile_group(
        graph_, group, [this](u32 i) { return reads_parameter(i); }, [&](u32 i) { return used_outside(i, group); });
    const std::vector<TileSource>& sources = built.sources;
    if (built.program.num_registers > cpu::kMaxTileRegisters) {
      std::ptrdiff_t half = static_cast<std::ptrdiff_t>(group.size() / 2);
      if (half == 0) runtime_error(std::string("[eval] ") + node(group[0]).op->name + " has too many operands");
      std::vector<u32> second(group.begin() + half, group.end()), after_first = second;
      after_first.insert(after_first.end(), rest.begin(), rest.end());
      emit_elementwise(std::vector<u32>(group.begin(), group.begin() + half), after_first);
      return emit_elementwise(second, rest);
    }
    const Shape& shape = node(group[0]).shape;
    std::vector<Location> views;
    reads_.clear();
    for (const TileSource& source : sources) {
      views.push_back(source.param >= 0 ? Location{0, 0, shape} : locate(source.node));
      if (source.param >= 0) continue;
      reads_.push_back(views.back());
      reads_.back().strides = broadcast_strides(node(source.node).shape, views.back().strides, shape);
    }
    for (std::size_t m : built.outputs) {
      std::vector<u32> reuse;  // an output may be written before later members run: they must not read what it overwrites
      for (std::size_t k = 0; k < sources.size(); ++k) {
        if (sources[k].param >= 0 || node(sources[k].node).shape != shape) continue;
        bool read_later = reads_memory_of(rest, sources[k].node);
        for (std::size_t r = m + 1; r < group.size(); ++r) {
          const std::vector<int>& operands = built.operands[r];
          read_later |= std::find(operands.begin(), operands.end(), static_cast<int>(k)) != operands.end();
        }
        if (!read_later) reuse.push_back(sources[k].node);
      }
      place_result(group[m], reuse);
    }
    Instruction& instruction = begin_instruction(group);
    instruction.shape = shape;
    instruction.num_in = static_cast<u32>(sources.size());
    instruction.num_out = static_cast<u32>(built.outputs.size());
    for (std::size_t k = 0; k < sources.size(); ++k) {
      u32 source = sources[k].param >= 0 ? group[0] : sources[k].node;
      add_view(source, views[k]);
      if (sources[k].param >= 0) continue;
      program_.views.back().strides = broadcast_strides(node(source).shape, views[k].strides, shape);
      program_.views.back().shape = shape;
    }
    for (std::size_t m : built.outputs) add_view(group[m], locations_[group[m]]);
    instruction.program = std::move(built.program);
  }

  // ---- results
  void report_values() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (!node(i).keep) continue;
      u32 source = graph_.resolve(i);
      const Location& location = locations_[source];
      const Storage& storage = storages_[location.storage];
      OutputValue value;
      value.node = i;
      (storage.kind == StorageKind::kLeaf ? value.leaf : reinterpret_cast<int&>(value.buffer)) = static_cast<int>(storage.index);
      value.offset = location.offset;
      value.contiguous = is_contiguous(node(source).shape, location.strides);
      value.strides = location.strides;
      result_.values.push_back(value);
    }
  }

  void report_sizes() {
    result_.report.peak_bytes = program_.arena_bytes + program_.constant_bytes;
    for (const OutputBuffer& buffer : result_.buffers) result_.report.peak_bytes += buffer.bytes;
    result_.report.steps = static_cast<u32>(program_.body.size() + program_.prologue.size());
    result_.report.nodes = static_cast<u32>(graph_.nodes.size());
    for (const Instruction& instruction : program_.body) {
      if (instruction.ops.size() > 1) result_.report.fused_nodes += static_cast<u32>(instruction.ops.size());
    }
  }

  const FlatGraph& graph_;
  Executable& result_;
  CpuProgram program_;
  std::vector<passes::Step> steps_;
  StorageTable storages_;
  std::vector<Location> locations_;
  std::vector<u32> root_, last_use_;
  std::vector<u8> kept_, escapes_;
  std::vector<int> taken_;       // storages whose memory a result of this step has taken over
  std::vector<Location> reads_;  // what this step reads; a stride of 0 where the element repeats or is the only one
  mutable std::vector<std::vector<u32>> users_;
  u32 step_ = 0, safe_from_ = 0;
  bool in_prologue_ = false;
};

}  // namespace

CpuProgram compile_cpu(const FlatGraph& graph, const std::vector<passes::Step>& steps, Executable& result) {
  return Compiler(graph, steps, result).compile();
}

}  // namespace pyflame::runtime
