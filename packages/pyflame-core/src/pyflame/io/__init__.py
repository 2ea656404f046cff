"""Saving and loading of tensors and what belongs to them."""

from .checkpoint import Checkpoint as Checkpoint, load_checkpoint as load_checkpoint, save_checkpoint as save_checkpoint
from .checkpoint_folder import CheckpointManager as CheckpointManager
from .files import inspect_file as inspect_file, load as load, load_into as load_into, save as save
from .formats import FileInfo as FileInfo, TensorInfo as TensorInfo, detect_format as detect_format
from .torch_file import load_torch_checkpoint as load_torch_checkpoint
