#include "ops/register.h"

namespace pyflame::ops {

void register_all() {
  graph::Registry& ops = graph::registry();
  if (ops.size()) return;
  register_sources(ops);
  register_elementwise(ops);
  register_reduce(ops);
  register_linalg(ops);
  register_linear(ops);
  register_shape(ops);
  register_strided(ops);
  register_index(ops);
  register_scatter(ops);
  register_scan(ops);
  register_sort(ops);
  register_search(ops);
  register_weighted(ops);
  register_conv(ops);
  register_pool(ops);
  register_loss(ops);
  register_norm(ops);
  register_batch_norm(ops);
  register_ctc(ops);
  register_recurrent(ops);
  register_attention(ops);
  register_random(ops);
  register_update(ops);
  register_host(ops);
  register_function(ops);
  set_autocast_lists(ops);
}

}  // namespace pyflame::ops
