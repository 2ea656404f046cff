// A layer of recurrent cells. Operands are projected, weight, bias and state, and the memory of an LSTM; results the
// outputs of all steps, an LSTM's cells, and the activated gates that a backward reads.
#include "cpu/recurrent.h"

#include "ops/functions.h"
#include "ops/composite.h"
#include "ops/register.h"
#include "ops/rules.h"

namespace pyflame::ops {

using cpu::Cell;
using graph::AttrKind;
using graph::Call;
using graph::Cost;
using graph::KernelCall;
using graph::OpCategory;
using graph::OpDef;
using graph::OutputSpec;
using graph::VjpCall;

namespace {

// ---- attributes: cell, reverse
Cell cell_of(const i64* attrs) { return static_cast<Cell>(attrs[0]); }
int gates_of(Cell cell) { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }
int num_operands(Cell cell) { return cell == Cell::kLstm ? 5 : 4; }
int num_results(Cell cell) { return cell == Cell::kLstm ? 3 : cell == Cell::kGru ? 2 : 1; }
// Gradients a backward kernel computes, as a mask of operands. That of an LSTM's bias is a sum of those of projected.
u32 wanted_of(Cell cell) { return cell == Cell::kLstm ? 0b11011 : cell == Cell::kGru ? 0b1111 : 0b1011; }

void check_layer(const Call& call, Node* const* in) {
  const Cell cell = cell_of(call.attrs);
  const Node &x = *in[0], &w = *in[1], &state = *in[3];
  bool fits = x.ndim == 3 && w.ndim == 2 && state.ndim == 2 && in[2]->ndim == 1;
  if (fits) {
    Shape expected{gates_of(cell) * w.dims()[1], w.dims()[1]};
    fits = w.shape() == expected && x.dims()[2] == expected[0] && in[2]->dims()[0] == expected[0];
    fits = fits && state.shape() == Shape{x.dims()[1], w.dims()[1]} && (cell != Cell::kLstm || in[4]->shape() == state.shape());
  }
  for (int i = 1; i < num_operands(cell); ++i) fits = fits && in[i]->dtype == x.dtype;
  if (fits) return;
  std::string shapes;
  for (int i = 0; i < num_operands(cell); ++i) shapes += (i ? ", " : "") + to_string(in[i]->shape());
  runtime_error("[" + std::string(call.op.name) + "] operands have shapes " + shapes + ": expected (steps, batch, gates * hidden), " +
                "(gates * hidden, hidden), (gates * hidden,) and states (batch, hidden) of one dtype");
}

void check_count(const Call& call, int more) {
  if (call.attrs[0] < 0 || call.attrs[0] > 3) value_error("[" + std::string(call.op.name) + "] cell is " + std::to_string(call.attrs[0]) + ": expected 0 to 3");
  const int expected = num_operands(cell_of(call.attrs)) + more;
  if (call.count != expected) {
    runtime_error("[" + std::string(call.op.name) + "] got " + std::to_string(call.count) + " operands: expected " + std::to_string(expected));
  }
  check_dtype(call.op, call.dtype(0));
}

void check_recurrent(const Call& call) {
  check_count(call, 0);
  check_layer(call, call.in);
}

int recurrent_outputs(const Call& call, OutputSpec* specs) {
  const Cell cell = cell_of(call.attrs);
  Shape x = call.shape(0), out{x[0], x[1], call.shape(1)[1]}, gates{x[0], x[1], 4 * out[2]};
  const int count = num_results(cell);
  for (int k = 0; k < count; ++k) specs[k] = {call.dtype(0), k > 0 && k == count - 1 ? gates : out};
  return count;
}

// Upstream gradients of out and an LSTM's cells, then the results, then the operands of the forward op.
int num_upstream(Cell cell) { return cell == Cell::kLstm ? 2 : 1; }
int first_operand(Cell cell) { return num_upstream(cell) + num_results(cell); }

void check_recurrent_grad(const Call& call) {
  if (call.attrs[0] < 0 || call.attrs[0] > 3) value_error("[recurrent_grad] cell is " + std::to_string(call.attrs[0]) + ": expected 0 to 3");
  check_count(call, first_operand(cell_of(call.attrs)));
  check_layer(call, call.in + first_operand(cell_of(call.attrs)));
}
int recurrent_grad_outputs(const Call& call, OutputSpec* specs) {
  const Cell cell = cell_of(call.attrs);
  int count = 0;
  for (int i = 0; i < num_operands(cell); ++i) {
    if (wanted_of(cell) >> i & 1) specs[count++] = {call.dtype(0), call.shape(first_operand(cell) + i)};
  }
  return count;
}

template <int products>
Cost recurrent_cost(const Call& call, const Shape& out) {
  double n = static_cast<double>(out.numel()), hidden = static_cast<double>(out[out.ndim - 1] ? out[out.ndim - 1] : 1);
  return {n * hidden * gates_of(cell_of(call.attrs)) * 2 * products, n * 4 * dtype_size(call.dtype(0))};
}

// ---- kernels
cpu::RecurrentSpec spec_of(const KernelCall& call, const View& projected, const View& state) {
  return {cell_of(call.attrs), call.attrs[1] != 0, projected.shape[0], projected.shape[1], state.shape[1]};
}
cpu::RecurrentViews views_of(Cell cell, const View* operands, const View* results) {
  View none{};
  const int count = num_results(cell);
  return {operands[0], operands[1], operands[2], operands[3], cell == Cell::kLstm ? operands[4] : none, results[0],
          cell == Cell::kLstm ? results[1] : none, count > 1 ? results[count - 1] : none};
}
void recurrent_kernel(const KernelCall& call) {
  cpu::recurrent(spec_of(call, call.in[0], call.in[3]), views_of(cell_of(call.attrs), call.in, call.out));
}
void recurrent_grad_kernel(const KernelCall& call) {
  const Cell cell = cell_of(call.attrs);
  const View *operands = call.in + first_operand(cell), *out = call.out;
  View none{};
  const bool lstm = cell == Cell::kLstm, gru = cell == Cell::kGru;
  cpu::RecurrentGradients to{call.in[0], lstm ? call.in[1] : none, out[0], out[1], gru ? out[2] : none, gru ? out[3] : out[2], lstm ? out[3] : none};
  cpu::recurrent_grad(spec_of(call, operands[0], operands[3]), views_of(cell, operands, call.in + num_upstream(cell)), to);
}

// ---- composite
Var gate(const Var& x, int k, i64 hidden) { return slice(x, 1, k * hidden, hidden); }

void recurrent_composite(const Call& call, Var* outputs) {
  const Cell cell = cell_of(call.attrs);
  Var x(call.in[0]), weight = transpose_last(Var(call.in[1])), bias(call.in[2]), state(call.in[3]);
  Var memory = cell == Cell::kLstm ? Var(call.in[4]) : Var();
  const i64 steps = x->dims()[0], batch = x->dims()[1], hidden = state->dims()[1];
  std::vector<Var> found[3];
  for (auto& list : found) list.resize(static_cast<std::size_t>(steps));
  for (i64 n = 0; n < steps; ++n) {
    const i64 t = call.attrs[1] ? steps - 1 - n : n;
    Var a = reshape(slice(x, 0, t, 1), {batch, x->dims()[2]}), b = matmul(state, weight) + bias, gates;
    if (cell == Cell::kLstm) {
      Var sums = a + b;
      Var into = sigmoid(gate(sums, 0, hidden)), forget = sigmoid(gate(sums, 1, hidden));
      Var fresh = tanh(gate(sums, 2, hidden)), open = sigmoid(gate(sums, 3, hidden));
      memory = forget * memory + into * fresh;
      state = open * tanh(memory);
      gates = cat({into, forget, fresh, open}, 1);
    } else if (cell == Cell::kGru) {
      Var reset = sigmoid(gate(a, 0, hidden) + gate(b, 0, hidden)), update = sigmoid(gate(a, 1, hidden) + gate(b, 1, hidden));
      Var share = gate(b, 2, hidden), fresh = tanh(gate(a, 2, hidden) + reset * share);
      state = (state - fresh) * update + fresh;
      gates = cat({reset, update, fresh, share}, 1);
    } else {
      state = cell == Cell::kTanh ? tanh(a + b) : relu(a + b);
    }
    auto at = static_cast<std::size_t>(t);
    auto row = [&](const Var& v) { return reshape(v, {1, v->dims()[0], v->dims()[1]}); };
    found[0][at] = row(state);
    if (memory) found[1][at] = row(memory);
    if (gates) found[2][at] = row(gates);
  }
  int count = 0;
  for (const auto& list : found) {
    if (steps && list[0]) outputs[count++] = cat(list, 0);
  }
  if (steps) return;
  OutputSpec specs[graph::kMaxOutputs];
  count = recurrent_outputs(call, specs);
  for (int k = 0; k < count; ++k) outputs[k] = full(specs[k].shape, 0.0, specs[k].dtype);
}

void recurrent_grad_composite(const Call& call, Var* outputs) {
  static const OpDef& forward = graph::registry().at("recurrent");
  const Cell cell = cell_of(call.attrs);
  std::vector<Var> upstream;
  for (int k = 0; k < num_upstream(cell); ++k) upstream.emplace_back(call.in[k]);
  gradient_composite(forward, call.in + first_operand(cell), num_operands(cell), call.attrs, upstream, wanted_of(cell), outputs);
}

void recurrent_vjp(VjpCall& call) {
  const Cell cell = cell_of(call.attrs());
  const int results = num_results(cell), operands = num_operands(cell);
  const bool beyond = results > 1 && call.grad(results - 1);  // of the gates, which the kernel has no gradient for
  if (composite_gradients(call, beyond)) return;
  static const OpDef& op = graph::registry().at("recurrent_grad");
  std::vector<Var> kept;
  for (int k = 0; k < num_upstream(cell); ++k) kept.push_back(call.grad(k) ? call.grad(k) : full(call.node()->shape(), 0.0, call.node()->dtype));
  std::vector<Var> again;
  for (int k = 0; k < results; ++k) {
    Var result = call.out(k);
    if (!result && again.empty()) again = graph::apply_multi(call.op, call.node()->inputs(), operands, call.attrs(), 2);
    kept.push_back(result ? result : again[static_cast<std::size_t>(k)]);  // let go of by everyone, so perhaps never stored
  }
  std::vector<Node*> nodes;
  for (const Var& var : kept) nodes.push_back(var.get());
  for (int i = 0; i < operands; ++i) nodes.push_back(call.node()->inputs()[i]);
  std::vector<Var> found = graph::apply_multi(op, nodes.data(), static_cast<int>(nodes.size()), call.attrs(), 2);
  for (int i = 0, k = 0; i < operands; ++i) {
    const bool made = wanted_of(cell) >> i & 1;
    if (call.needs(i)) call.set(i, made ? found[static_cast<std::size_t>(k)] : sum(found[0], 0b11, false));
    k += made;
  }
}

OpDef recurrent_op(const char* name) {
  return OpDef(name)
      .category(OpCategory::kCustom)
      .inputs({"operands"}, true)
      .attr("cell", AttrKind::kInt)
      .attr("reverse", AttrKind::kBool)
      .promote_inputs(0)
      .only(static_cast<u16>(graph::dtype_bit(DType::kFloat32) | graph::dtype_bit(DType::kFloat64)));
}

}  // namespace

void register_recurrent(graph::Registry& ops) {
  ops.add(recurrent_op("recurrent")
              .check(check_recurrent)
              .outputs(recurrent_outputs)
              .vjp(recurrent_vjp)
              .saves(~0u, true)
              .fallback(recurrent_composite)
              .spare(0b110)
              .cost(recurrent_cost<1>)
              .cpu(recurrent_kernel));
  ops.add(recurrent_op("recurrent_grad")
              .check(check_recurrent_grad)
              .outputs(recurrent_grad_outputs)
              .no_grad(kOnlyFirstOrder)
              .fallback(recurrent_grad_composite)
              .cost(recurrent_cost<2>)
              .cpu(recurrent_grad_kernel));
}

}  // namespace pyflame::ops
