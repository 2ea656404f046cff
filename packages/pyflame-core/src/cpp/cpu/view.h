#pragma once
#include "base/view.h"

namespace pyflame::cpu {
using pyflame::View;
}
