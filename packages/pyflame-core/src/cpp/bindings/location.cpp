#include "bindings/location.h"

#include <unordered_map>
#include <vector>

extern "C" void pyflame_walk_frames(int (*visit)(void* code, int instruction), int max_depth);

namespace py = pybind11;

namespace pyflame::bindings {

namespace {

struct Entry {
  PyObject* code;  // counted, so that an address is never reused by other code
  int instruction;
  bool internal;
};

struct Key {
  PyObject* code;
  int instruction;
  bool operator==(const Key& other) const { return code == other.code && instruction == other.instruction; }
};
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return reinterpret_cast<std::size_t>(key.code) * 31 + static_cast<std::size_t>(key.instruction);
  }
};

constexpr int kMaxDepth = 32;
constexpr u32 kCacheSize = 1024;

std::vector<Entry>& entries() {
  static auto* table = new std::vector<Entry>{{nullptr, 0, false}};
  return *table;
}
std::unordered_map<Key, u32, KeyHash>& ids() {
  static auto* map = new std::unordered_map<Key, u32, KeyHash>;
  return *map;
}
std::vector<std::string>& prefixes() {
  static auto* list = new std::vector<std::string>;
  return *list;
}
u32 g_cache[kCacheSize];
u32 g_found;
Entry* g_entries;

bool is_internal(PyObject* code) {
  const char* file = PyUnicode_AsUTF8(reinterpret_cast<PyCodeObject*>(code)->co_filename);
  if (!file) {
    PyErr_Clear();
    return false;
  }
  for (const std::string& prefix : prefixes()) {
    if (std::string_view(file).substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

[[gnu::noinline]] u32 new_location(PyObject* code, int instruction, u32 bucket) {
  auto found = ids().find({code, instruction});
  u32 id;
  if (found != ids().end()) {
    id = found->second;
  } else {
    id = static_cast<u32>(entries().size());
    Py_INCREF(code);
    entries().push_back({code, instruction, is_internal(code)});
    ids()[{code, instruction}] = id;
  }
  g_entries = entries().data();
  return g_cache[bucket] = id;
}

int visit(void* code_pointer, int instruction) {
  PyObject* code = static_cast<PyObject*>(code_pointer);
  u64 mixed = (reinterpret_cast<u64>(code) >> 4) * 0x9E3779B1u + static_cast<u64>(instruction) * 0x85EBCA77u;
  u32 bucket = static_cast<u32>(mixed >> 3) % kCacheSize;
  u32 id = g_cache[bucket];
  if (!id || g_entries[id].code != code || g_entries[id].instruction != instruction) id = new_location(code, instruction, bucket);
  g_found = id;
  return !g_entries[id].internal;
}

}  // namespace

u32 current_location() {
  g_found = 0;
  pyflame_walk_frames(visit, kMaxDepth);
  return g_found;
}

SourceLine source_line(u32 id) {
  if (id == 0 || id >= entries().size()) return {py::none(), py::none(), 0};
  const Entry& entry = entries()[id];
  auto* code = reinterpret_cast<PyCodeObject*>(entry.code);
  return {py::reinterpret_borrow<py::object>(code->co_filename), py::reinterpret_borrow<py::object>(code->co_name),
          PyCode_Addr2Line(code, entry.instruction)};
}

std::string source_text(u32 id) {
  SourceLine line = source_line(id);
  return line.file.is_none() ? "" : std::string(py::str(line.file)) + ":" + std::to_string(line.line);
}

void add_internal_prefix(const std::string& directory) { prefixes().push_back(directory); }

}  // namespace pyflame::bindings
