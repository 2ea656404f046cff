// Who reads each value.
#pragma once
#include "graph/flat_graph.h"

namespace pyflame::passes {

// Of nodes that kept values depend on. A pass that rewires nodes keeps this true with `replace`.
class Users {
 public:
  static constexpr u32 kNone = ~0u;

  explicit Users(const graph::FlatGraph& graph);

  const std::vector<u32>& of(u32 i) const { return users_[i]; }
  bool kept(u32 i) const { return kept_[i]; }
  // The only node that reads i, if its value is wanted by nobody else.
  u32 only(u32 i) const { return !kept_[i] && users_[i].size() == 1 ? users_[i][0] : kNone; }
  void replace(u32 input, u32 from, u32 to) {
    for (u32& user : users_[input]) user = user == from ? to : user;
  }

 private:
  std::vector<std::vector<u32>> users_;
  std::vector<u8> kept_;
};

}  // namespace pyflame::passes
