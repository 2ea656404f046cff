#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "program.h"

namespace pyflame::csl {

// The program in the dictionary of arrays that sim/encode.py makes. Throws std::invalid_argument on a malformed one.
Program decode(const pybind11::dict& source);

}  // namespace pyflame::csl
