"""The names PyTorch has for dtypes beside their own; apart, because they hide Python's built-in types."""

from .dtypes import bool_, float16, float32, float64, int16, int32, int64

bool = bool_
double = float64
float = float32
half = float16
int = int32
long = int64
short = int16
