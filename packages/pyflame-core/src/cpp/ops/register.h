// The families of records; register_all() adds every one, once.
#pragma once
#include "graph/opdef.h"

namespace pyflame::ops {

void register_all();

void register_sources(graph::Registry& ops);      // leaf, input, output, full, arange
void register_elementwise(graph::Registry& ops);  // the tables of base/elementwise.def, where, cast
void register_reduce(graph::Registry& ops);
void register_linalg(graph::Registry& ops);
void register_linear(graph::Registry& ops);
void register_shape(graph::Registry& ops);
void register_strided(graph::Registry& ops);    // windows on memory, as changed views are made of
void register_index(graph::Registry& ops);
void register_scatter(graph::Registry& ops);
void register_scan(graph::Registry& ops);
void register_sort(graph::Registry& ops);
void register_search(graph::Registry& ops);
void register_weighted(graph::Registry& ops);
void register_conv(graph::Registry& ops);
void register_pool(graph::Registry& ops);
void register_attention(graph::Registry& ops);
void register_recurrent(graph::Registry& ops);
void register_ctc(graph::Registry& ops);
void register_norm(graph::Registry& ops);
void register_batch_norm(graph::Registry& ops);
void register_loss(graph::Registry& ops);
void register_random(graph::Registry& ops);
void register_update(graph::Registry& ops);       // optimizer steps
void set_autocast_lists(graph::Registry& ops);    // mixed precision, over all records
void register_function(graph::Registry& ops);     // Python backward functions, recomputation

void register_host(graph::Registry& ops);         // ops computed by a Python callable

}  // namespace pyflame::ops
