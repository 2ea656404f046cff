"""Where PyTorch has the wrappers for several devices and processes."""

from ..distributed import DistributedDataParallel as DistributedDataParallel
from .data_parallel import DataParallel as DataParallel
