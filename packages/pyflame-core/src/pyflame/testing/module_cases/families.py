"""All kinds of modules."""

from . import activations, losses, normalizations, sequences, tables, windows

FAMILIES = {
    **tables.FAMILIES,
    **windows.FAMILIES,
    **normalizations.FAMILIES,
    **activations.FAMILIES,
    **losses.FAMILIES,
    **sequences.FAMILIES,
}
