// The source line of what a stretch of C++ records, looked up once.
#pragma once
#include "graph/apply.h"

namespace pyflame::graph {

extern u32 recording_line;  // 0: each node looks it up

// Around code that runs no Python. What a node's evaluation records, where recording evaluates, looks up its own.
class RecordingLine {
 public:
  explicit RecordingLine(u32 line) : previous_(recording_line) { recording_line = line; }
  ~RecordingLine() { recording_line = previous_; }
  RecordingLine(const RecordingLine&) = delete;
  RecordingLine& operator=(const RecordingLine&) = delete;

 private:
  u32 previous_;
};

inline u32 current_line() { return hooks.location ? hooks.location() : 0; }

}  // namespace pyflame::graph
