// Assumes: inputs are resolved. Gradients of slices that share a tensor (the parts of a projection for queries, keys and
// values, of gates, of a split) are each placed among zeros and then added up: where they fill the tensor without
// overlap, that is one concatenation. If a permutation is all that reads it, the parts are joined as it wants them.
// Nodes keep their numbers: the last one computes the result, the others become dead or views of the parts.
#include <algorithm>
#include <vector>

#include "passes/passes.h"
#include "passes/users.h"

namespace pyflame::passes {

using graph::FlatNode;

namespace {

class Joiner {
 public:
  explicit Joiner(FlatGraph& graph)
      : graph_(graph), users_(graph), placed_(graph.nodes.size(), 0), add_(graph::registry().at("add").id),
        embed_(graph::registry().at("embed").id), permute_(graph::registry().at("permute").id),
        cat_(graph::registry().at("cat")) {}

  void run() {
    for (u32 i = 0; i < graph_.nodes.size(); ++i) placed_[i] = is(i, add_) && adds_placed(i);
    for (u32 i = static_cast<u32>(graph_.nodes.size()); i-- > 0;) {  // the whole sum before its terms
      if (placed_[i] && is(i, add_)) join(i);
    }
  }

 private:
  FlatNode& node(u32 i) { return graph_.nodes[i]; }
  bool is(u32 i, graph::OpId op) {
    return graph_.replaced_by[i] == i && !node(i).is_leaf() && node(i).op->id == op && !node(i).immediate &&
           (users_.kept(i) || !users_.of(i).empty());
  }
  // dim, start, step and size of an embed
  i64 word(u32 embed, std::size_t k) { return node(embed).attrs[k]; }

  // Whether all terms of a sum are placed along a dimension and wanted by nobody else. Of its inputs it is known.
  bool adds_placed(u32 sum) {
    for (u32 input : node(sum).inputs) {
      if (users_.only(input) != sum || node(input).shape != node(sum).shape) return false;
      if (!placed_[input] && !(is(input, embed_) && word(input, 2) == 1)) return false;
    }
    return true;
  }

  // The terms of such a sum, and the sums between; false: they are many.
  bool collect(u32 sum, std::vector<u32>& terms, std::vector<u32>& sums) {
    std::vector<u32> open = {sum};
    while (!open.empty()) {
      const u32 next = open.back();
      open.pop_back();
      for (u32 input : node(next).inputs) (placed_[input] ? open : terms).push_back(input);
      if (next != sum) sums.push_back(next);
      if (open.size() + terms.size() > kMaxTerms) return false;
    }
    std::sort(sums.begin(), sums.end());
    return true;
  }

  bool fill(const std::vector<u32>& terms) {
    i64 end = 0;
    for (u32 term : terms) {
      if (word(term, 0) != word(terms[0], 0) || word(term, 1) != end) return false;
      end += node(node(term).inputs[0]).shape[static_cast<int>(word(term, 0))];
    }
    return end == word(terms[0], 3);
  }

  void join(u32 sum) {
    std::vector<u32> terms, absorbed;
    if (!collect(sum, terms, absorbed)) return;
    std::sort(terms.begin(), terms.end(), [&](u32 a, u32 b) { return word(a, 1) < word(b, 1); });
    if (!fill(terms)) return;
    const u32 user = users_.only(sum);
    if (user != Users::kNone && is(user, permute_)) {
      absorbed.push_back(sum);
      return join_permuted(user, terms, std::move(absorbed));
    }
    std::vector<u32> parts;
    for (u32 term : terms) parts.push_back(node(term).inputs[0]);
    absorbed.insert(absorbed.begin(), terms.begin(), terms.end());
    concatenate(sum, std::move(parts), word(terms[0], 0), std::move(absorbed));
  }

  void join_permuted(u32 target, const std::vector<u32>& terms, std::vector<u32> absorbed) {
    const std::vector<i64> words = node(target).attrs;  // their number, then the permutation
    const i64 dim = word(terms[0], 0), at = std::find(words.begin() + 1, words.end(), dim) - words.begin() - 1;
    for (u32 term : terms) {
      FlatNode& n = node(term);
      const Shape part = node(n.inputs[0]).shape;
      for (int d = 0; d < part.ndim; ++d) n.shape[d] = part[static_cast<int>(words[static_cast<std::size_t>(d) + 1])];
      n.recorded = n.op;
      n.op = node(target).op;
      n.attrs = words;
    }
    concatenate(target, terms, at, std::move(absorbed));
  }

  void concatenate(u32 target, std::vector<u32> parts, i64 dim, std::vector<u32> absorbed) {
    FlatNode& n = node(target);
    n.recorded = n.op;
    n.op = &cat_;
    n.inputs = std::move(parts);
    n.attrs = {dim};
    n.absorbed = std::move(absorbed);
  }

  static constexpr std::size_t kMaxTerms = 64;

  FlatGraph& graph_;
  const Users users_;
  std::vector<u8> placed_;  // sums of parts
  const graph::OpId add_, embed_, permute_;
  const graph::OpDef& cat_;
};

}  // namespace

void join_parts(FlatGraph& graph) { Joiner(graph).run(); }

}  // namespace pyflame::passes
