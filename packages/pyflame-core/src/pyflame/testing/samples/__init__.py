"""Sample inputs and NumPy references for every op of the registry."""

from .batch import BATCH
from .binary import BINARY
from .ctc import CTC
from .derived import derived
from .fused import FUSED
from .index import INDEX
from .loss import LOSS
from .model import Operand as Operand, OpInfo as OpInfo, Sample as Sample
from .ordering import ORDERING
from .recurrent import RECURRENT
from .reduction import REDUCTIONS
from .scan import SCANS
from .shape import SHAPE
from .strided import STRIDED
from .unary import UNARY
from .update import UPDATE
from .weighted import WEIGHTED
from .window import WINDOW

op_db = [
    *UNARY,
    *BINARY,
    *REDUCTIONS,
    *SHAPE,
    *INDEX,
    *WEIGHTED,
    *STRIDED,
    *SCANS,
    *ORDERING,
    *WINDOW,
    *LOSS,
    *UPDATE,
    *FUSED,
    *BATCH,
    *RECURRENT,
    *CTC,
]
op_db += derived({info.name for info in op_db})
by_name = {info.name: info for info in op_db}
