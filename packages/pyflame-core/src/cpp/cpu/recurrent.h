// A layer of recurrent cells over all steps.
#pragma once
#include "cpu/recurrent_table.h"
#include "cpu/view.h"

namespace pyflame::cpu {

struct RecurrentSpec {
  Cell cell;
  bool reverse;
  i64 steps, batch, hidden;

  i64 gates() const { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }  // products a step needs
  i64 kept() const { return cell == Cell::kLstm || cell == Cell::kGru ? 4 : 0; }      // activations a backward needs
};

// All contiguous, float32 or float64. projected (steps, batch, gates * hidden): the input's share of every gate, with its
// bias; weight (gates * hidden, hidden) and bias (gates * hidden) of the state; state, memory (batch, hidden). Writes out
// (steps, batch, hidden), for an LSTM cells alike, and gates (steps, batch, 4 * hidden) where there are any;
// cells and gates without elements are not wanted.
struct RecurrentViews {
  View projected, weight, bias, state, memory, out, cells, gates;
};
void recurrent(const RecurrentSpec& spec, const RecurrentViews& views);

// Gradients of projected, weight, bias (a GRU's; may have no data), state and memory.
struct RecurrentGradients {
  View out, cells;  // upstream
  View projected, weight, bias, state, memory;
};
void recurrent_grad(const RecurrentSpec& spec, const RecurrentViews& views, const RecurrentGradients& gradients);

}  // namespace pyflame::cpu
