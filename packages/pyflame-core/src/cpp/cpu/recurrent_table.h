// The elementwise part of one step of recurrent cells, one table per instruction-set tier.
#pragma once
#include "base/dtype.h"
#include "cpu/tier.h"

namespace pyflame::cpu {

enum class Cell : u8 { kTanh, kRelu, kLstm, kGru };

// Of one sample: `hidden` numbers a gate. The gates of an LSTM are input, forget, new, output; those of a GRU reset,
// update, new, and after them the state's share of new.
template <class T>
struct CellKernels {
  // x: the input's share of each gate; h: the state's, both with their bias. Writes the activated gates (LSTM, GRU), the
  // new cell (LSTM) and the new output.
  void (*step)(Cell cell, i64 hidden, const T* x, const T* h, const T* state, const T* memory, T* gates, T* cell_out, T* out);
  // From the gradient of out and, for an LSTM, that of the cell (taken from and left in grad_cell): the gradients of x and h
  // (the same memory but for a GRU), and what reaches the state other than through h.
  void (*step_grad)(Cell cell, i64 hidden, const T* grad, const T* out, const T* state, const T* memory, const T* gates,
                    const T* cell_out, T* grad_cell, T* grad_x, T* grad_h, T* grad_state);
};
struct RecurrentTable {
  CellKernels<float> single;
  CellKernels<double> wide;
};

PYFLAME_DECLARE_TIERS(RecurrentTable, recurrent_table)

}  // namespace pyflame::cpu
