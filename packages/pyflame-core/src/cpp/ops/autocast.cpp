// PyTorch's CPU lists for mixed precision, by record. Composites state theirs in Python.
#include "ops/register.h"

namespace pyflame::ops {

using graph::Autocast;

void set_autocast_lists(graph::Registry& ops) {
  for (const char* name : {"matmul", "linear", "transposed_matmul", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
                           "convolution", "scaled_dot_product_attention", "attention"}) {
    ops.set_autocast(name, Autocast::kLower);
  }
  for (const char* name : {"prod", "nll_loss", "ctc_loss", "grid_sample", "avg_pool3d", "max_pool3d", "adaptive_avg_pool3d",
                           "max_unpool2d", "max_unpool3d", "cholesky", "inverse", "inv", "det", "slogdet", "solve",
                           "solve_triangular", "svd", "qr", "eigh", "eig", "lu", "lu_factor", "cdist"}) {
    ops.set_autocast(name, Autocast::kFloat32);
  }
}

}  // namespace pyflame::ops
