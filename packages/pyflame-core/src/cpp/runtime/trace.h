// The walk over pending nodes that every evaluation starts with: order, plan key, runtime parameters.
#pragma once
#include <vector>

#include "graph/flat_graph.h"

namespace pyflame::runtime {

using graph::Node;

struct Trace {
  std::vector<Node*> order;   // inputs before users; evaluated nodes are leaves
  std::vector<Node*> leaves;
  std::vector<Node*> kept;    // pending nodes whose values outlive the run, in order
  const u64* key() const { return words_.data(); }  // the whole structure as words: equal keys mean equal plans
  std::size_t key_size() const { return num_words_; }
  std::vector<u64> params;    // what varies without being structure, in order
  u64 hash = 0;
  bool has_history = false;   // some node still has a backward to serve
  bool running = false;       // another thread is computing some node: wait, then walk again

  // Fills everything from the pending nodes that `roots` depend on. `options` joins the key. Throws TraceError when a
  // traced input without a value is met.
  void walk(Node* const* roots, std::size_t count, u64 options);
  graph::FlatGraph flatten() const;

 private:
  void visit(Node* root, u32 epoch);
  void emit(Node* node, u32 epoch);
  void place(Node* node, u32 epoch);
  void mark_kept(Node* const* roots, std::size_t count);
  void make_key(u64 options);

  std::vector<u64> words_;  // only grows, so that building a key neither allocates nor clears
  std::size_t num_words_ = 0, most_words_ = 0;  // of the key; that it can have
  std::vector<Node*> stack_;
  std::vector<u8> keep_;
  bool has_projections_ = false;  // some node has several outputs
};

}  // namespace pyflame::runtime
