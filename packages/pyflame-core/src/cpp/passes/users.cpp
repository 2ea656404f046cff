#include "passes/users.h"

namespace pyflame::passes {

Users::Users(const graph::FlatGraph& graph) : users_(graph.nodes.size()), kept_(graph.nodes.size(), 0) {
  const u32 count = static_cast<u32>(graph.nodes.size());
  std::vector<u8> needed(count, 0);
  for (u32 i = count; i-- > 0;) {
    if (graph.nodes[i].keep) kept_[graph.resolve(i)] = needed[graph.resolve(i)] = 1;
    if (!needed[i] || graph.replaced_by[i] != i) continue;
    for (u32 input : graph.nodes[i].inputs) needed[graph.resolve(input)] = 1;
  }
  for (u32 i = 0; i < count; ++i) {
    if (!needed[i] || graph.replaced_by[i] != i) continue;
    for (u32 input : graph.nodes[i].inputs) users_[graph.resolve(input)].push_back(i);
  }
}

}  // namespace pyflame::passes
