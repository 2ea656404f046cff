// From steps to kernel calls: which instruction makes every value.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "runtime/placement.h"
#include "runtime/tile_group.h"

namespace pyflame::runtime {

using graph::FlatNode;

namespace {

void copy_kernel(const graph::KernelCall& call) { cpu::copy_strided(call.in[0], call.out[0]); }

class Compiler {
 public:
  Compiler(const FlatGraph& graph, const std::vector<passes::Step>& steps, Executable& result)
      : graph_(graph), result_(result), roots_(find_roots()), order_(order_steps(graph, steps, roots_)),
        places_(graph, roots_, order_, result.buffers) {
    program_.num_leaves = graph.num_leaves;
  }

  CpuProgram compile() {
    for (u32 s = 0; s < order_.steps.size(); ++s) emit(s, order_.steps[s].nodes);
    report_values();
    places_.finish(program_);
    report_sizes();
    return std::move(program_);
  }

 private:
  const FlatNode& node(u32 i) const { return graph_.nodes[i]; }

  std::vector<u32> find_roots() const {
    std::vector<u32> roots(graph_.nodes.size());
    for (u32 i = 0; i < roots.size(); ++i) roots[i] = is_view(i) ? roots[node(i).inputs[0]] : i;
    return roots;
  }

  bool is_view(u32 i) const { return !node(i).is_leaf() && node(i).op->view_rule; }

  // ---- instructions
  std::vector<Instruction>& instructions() { return in_prologue_ ? program_.prologue : program_.body; }

  Instruction& begin_instruction(const std::vector<u32>& nodes) {
    std::vector<Instruction>& list = instructions();
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

  void emit(u32 step, const std::vector<u32>& nodes) {
    const FlatNode& first = node(nodes[0]);
    in_prologue_ = first.constant;
    places_.begin_step(step, in_prologue_);
    u32 i = nodes[0];
    if (first.op->tile_op >= 0) {
      if (node(nodes.back()).op->tile_op >= 0) return emit_elementwise(nodes);
      return emit_elementwise(std::vector<u32>(nodes.begin(), nodes.end() - 1), {}, static_cast<int>(nodes.back()));
    }
    if (is_projection(first)) return;
    if (is_full(i)) {
      if (places_.kept(i)) emit_fill(i);
      return;
    }
    if (first.op->view_rule) return emit_view(i);
    const std::size_t begin = instructions().size();
    for (u32 k : nodes) emit_kernel(k);
    if (nodes.size() > 1) mark_joint(instructions(), begin, *first.op);
  }

  // Calls in a row, without copies of inputs between them, run as one.
  static void mark_joint(std::vector<Instruction>& list, std::size_t begin, const graph::OpDef& op) {
    for (std::size_t k = begin, end; k < list.size(); k = end) {
      for (end = k + 1; end < list.size() && list[k].kernel == op.kernel && list[end].kernel == op.kernel;) ++end;
      list[k].joint_kernel = ops::joint_kernel(op);
      list[k].joint = static_cast<u32>(end - k);
    }
  }

  bool is_full(u32 i) const { return !node(i).is_leaf() && std::strcmp(node(i).op->name, "full") == 0; }

  // A `full` node costs nothing until somebody needs its memory; elementwise programs read the parameter.
  const Location& locate(u32 i) {
    if (places_[i].storage < 0 && is_full(i)) {
      std::size_t one = static_cast<std::size_t>(dtype_size(node(i).dtype));
      Location location{places_.temporary_of(i, one), 0, broadcast_strides({}, {}, node(i).shape)};
      emit_splat(i, Shape{}, location);
      places_[i] = location;
    }
    return places_[i];
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
    places_.place_result(i, {});
    emit_splat(i, node(i).shape, places_[i]);
  }

  void emit_view(u32 i) {
    u32 input = node(i).inputs[0];
    Location location = locate(input);
    i64 offset = location.offset;
    Shape strides;
    if (!node(i).op->view_rule(node(i).attrs.data(), node(input).shape, location.strides, node(i).shape, &offset, &strides)) {
      // The strides do not allow the view: lay the input out first, in the memory of the result where it is all of it.
      const std::size_t bytes = bytes_of(node(input));
      const bool result = places_.kept(i) && bytes_of(node(i)) == bytes;
      Location compact{result ? places_.output(i) : places_.temporary_of(i, bytes), 0, contiguous_strides(node(input).shape)};
      emit_copy(input, location, compact);
      location = compact;
      offset = 0;
      strides = Shape();
      node(i).op->view_rule(node(i).attrs.data(), node(input).shape, location.strides, node(i).shape, &offset, &strides);
    }
    places_[i] = {location.storage, offset, strides};
    StorageKind kind = places_.storage(location.storage).kind;
    if (places_.kept(i) && kind != StorageKind::kLeaf && kind != StorageKind::kOutput) {
      Location out{places_.output(i), 0, contiguous_strides(node(i).shape)};
      emit_copy(i, places_[i], out);
      places_[i] = out;
    }
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
    places_.begin_reads();
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const Shape& shape = node(n.inputs[k]).shape;
      places_.add_read(inputs[k], shape, shape);
    }
    std::vector<u32> sources;
    auto may_reuse = [&](std::size_t k) {
      sources.clear();
      if (k < n.inputs.size() && (n.op->in_place_inputs >> k & 1)) sources.push_back(n.inputs[k]);
    };
    may_reuse(0);
    places_.place_result(i, sources);
    std::vector<Location> outputs = {places_[i]};
    for (std::size_t k = 1; k < n.outputs.size(); ++k) {
      int projection = n.projections[k - 1];
      if (projection >= 0) {
        may_reuse(k + 1);  // an update's state follows parameter and gradient among the inputs
        places_.place_result(static_cast<u32>(projection), sources);
        outputs.push_back(places_[static_cast<u32>(projection)]);
      } else {
        const Shape shape = unread_shape(n, k);
        std::size_t bytes = static_cast<std::size_t>(shape.numel() * dtype_size(n.outputs[k].dtype));
        outputs.push_back({places_.temporary(bytes), 0, contiguous_strides(shape)});
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
      const Storage& weight = places_.storage(inputs[1].storage);
      if (weight.kind == StorageKind::kLeaf) instruction.weight_leaf = static_cast<int>(weight.index);
    }
    for (std::size_t k = 0; k < inputs.size(); ++k) add_view(n.inputs[k], inputs[k]);
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      add_view(i, outputs[k]);
      if (k == 0) continue;
      program_.views.back().shape = n.projections[k - 1] < 0 ? unread_shape(n, k) : n.outputs[k].shape;
      program_.views.back().dtype = n.outputs[k].dtype;
      program_.places.back().bytes = 0;
    }
  }

  // What an output has for a shape that nobody reads.
  static Shape unread_shape(const FlatNode& n, std::size_t k) {
    return n.op->spared_outputs >> k & 1 ? Shape{0} : n.outputs[k].shape;
  }

  Location kernel_input(const FlatNode& n, std::size_t k) {
    u32 input = n.inputs[k];
    Location location = locate(input);
    bool strided = n.op->strided_inputs >> std::min<std::size_t>(k, 31) & 1;
    if (strided || is_contiguous(node(input).shape, location.strides)) return location;
    Location compact{places_.temporary(bytes_of(node(input))), 0, contiguous_strides(node(input).shape)};
    emit_copy(input, location, compact);
    return compact;
  }

  // ---- elementwise groups
  bool used_outside(u32 i, const std::vector<u32>& group) const {
    if (places_.outlives_run(i)) return true;
    for (u32 user : users_of(i)) {
      if (!std::binary_search(group.begin(), group.end(), user)) return true;
    }
    return false;
  }

  const std::vector<u32>& users_of(u32 i) const {
    if (users_.empty()) {
      users_.resize(graph_.nodes.size());
      for (const passes::Step& step : order_.steps) {
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
        if (roots_[input] == roots_[source]) return true;
      }
    }
    return false;
  }

  // Immediates and cheap constants are parameters of the program; halves and narrow integers must round as tensors do.
  bool reads_parameter(u32 i) {
    DType d = node(i).dtype;
    return is_full(i) && places_[i].storage < 0 &&
           (d == DType::kFloat32 || d == DType::kFloat64 || d == DType::kInt64 || d == DType::kBool);
  }

  // `rest`: what the same step computes afterwards, when its program had to be split; `fold`: a reduction that reads one
  // of the results and takes its place, or -1.
  void emit_elementwise(const std::vector<u32>& group, const std::vector<u32>& rest = {}, int fold = -1) {
    TileGroup built = build_tile_group(
        graph_, group, [this](u32 i) { return reads_parameter(i); }, [&](u32 i) { return used_outside(i, group); });
    const std::vector<TileSource>& sources = built.sources;
    const u32 last = static_cast<u32>(fold);
    if (fold >= 0 && built.program.chain.items.empty()) {
      emit_elementwise(group, {last});
      return emit_kernel(last);
    }
    if (built.program.num_registers >= cpu::kMaxTileRegisters) {
      std::ptrdiff_t half = static_cast<std::ptrdiff_t>(group.size() / 2);
      if (half == 0) runtime_error(std::string("[eval] ") + node(group[0]).op->name + " has too many operands");
      std::vector<u32> second(group.begin() + half, group.end()), after_first = second;
      after_first.insert(after_first.end(), rest.begin(), rest.end());
      emit_elementwise(std::vector<u32>(group.begin(), group.begin() + half), after_first);
      return emit_elementwise(second, rest);
    }
    const Shape& shape = node(group[0]).shape;
    std::vector<Location> views;
    places_.begin_reads();
    for (const TileSource& source : sources) {
      views.push_back(source.param >= 0 ? Location{0, 0, shape} : locate(source.node));
      if (source.param < 0) places_.add_read(views.back(), node(source.node).shape, shape);
    }
    std::vector<u32> results;
    for (std::size_t m : built.outputs) {
      const bool folded = fold >= 0 && node(last).inputs[0] == group[m];
      results.push_back(folded ? last : group[m]);
      if (folded) {
        places_.place_result(last, {});
        continue;
      }
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
      places_.place_result(group[m], reuse);
    }
    std::vector<u32> members = group;
    if (fold >= 0) members.push_back(last);
    Instruction& instruction = begin_instruction(members);
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
    for (u32 result : results) add_view(result, places_[result]);
    instruction.program = std::move(built.program);
    if (fold < 0) return;
    instruction.folded = static_cast<int>(std::find(results.begin(), results.end(), last) - results.begin());
    instruction.fold = *ops::reduce_op(*node(last).op);
    instruction.fold_length = passes::trailing_length(node(last), node(node(last).inputs[0]));
  }

  // ---- results
  void report_values() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) {
      if (!node(i).keep) continue;
      u32 source = graph_.resolve(i);
      const Location& location = places_[source];
      const Storage& storage = places_.storage(location.storage);
      OutputValue value;
      value.node = node(i).position;
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
  const std::vector<u32> roots_;  // of a view: the node whose memory it shares
  const StepOrder order_;
  Placement places_;
  mutable std::vector<std::vector<u32>> users_;
  bool in_prologue_ = false;
};

}  // namespace

CpuProgram compile_cpu(const FlatGraph& graph, const std::vector<passes::Step>& steps, Executable& result) {
  return Compiler(graph, steps, result).compile();
}

}  // namespace pyflame::runtime
