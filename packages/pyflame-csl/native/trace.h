#pragma once
// What happened when, within a limit of records: tasks, microthreads and wavelets on links.
#include <cstdint>
#include <vector>

namespace pyflame::csl {

struct TraceRecord {
  enum Kind : uint8_t { task, operation, link };
  uint64_t start, end;
  uint32_t pe;
  uint8_t kind, space, color;  // task: id space; link: direction in `space`
  int16_t id;                  // task id, microthread
  uint32_t detail;             // function; operation code; payload
};

struct Trace {
  bool on = false;
  size_t limit = 0;
  std::vector<bool> pes;  // which PEs are recorded; empty: all
  std::vector<TraceRecord> records;
  uint64_t dropped = 0;

  bool wants(uint32_t pe) const { return on && (pes.empty() || pes[pe]); }
  void add(const TraceRecord& record) {
    if (records.size() < limit) records.push_back(record);
    else dropped++;
  }
};

}  // namespace pyflame::csl
