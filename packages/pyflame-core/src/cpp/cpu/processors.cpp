#include "cpu/processors.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

namespace pyflame::cpu {

namespace {

// Keeps the smaller limit of two, where 0 is none.
void tighten(int& limit, long long quota, long long period) {
  if (quota <= 0 || period <= 0) return;
  int processors = static_cast<int>((quota + period - 1) / period);
  limit = limit ? std::min(limit, processors) : processors;
}

long long first_number(const std::string& path) {
  long long value = -1;
  std::ifstream(path) >> value;  // stays -1 without the file, and for "max"
  return value;
}

void read_group(const std::string& folder, bool unified, int& limit) {
  if (!unified) {
    return tighten(limit, first_number(folder + "/cpu.cfs_quota_us"), first_number(folder + "/cpu.cfs_period_us"));
  }
  long long quota = 0, period = 0;
  if (std::ifstream(folder + "/cpu.max") >> quota >> period) tighten(limit, quota, period);
}

// The group and all it lies in, up to where the controller is mounted.
void read_groups(const std::string& mount, std::string group, bool unified, int& limit) {
  for (;;) {
    read_group(mount + group, unified, limit);
    std::size_t slash = group.rfind('/');
    if (group.empty() || slash == std::string::npos) return;
    group.resize(slash);
  }
}

int affinity_processors() {
  int processors = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  for (int room = 1024; room <= 1 << 16; room *= 2) {  // the system refuses a mask shorter than its own
    cpu_set_t* mask = CPU_ALLOC(room);
    if (!mask) break;
    std::size_t bytes = CPU_ALLOC_SIZE(room);
    bool read = sched_getaffinity(0, bytes, mask) == 0;
    if (read) processors = CPU_COUNT_S(bytes, mask);
    CPU_FREE(mask);
    if (read) break;
  }
#endif
  return processors;
}

}  // namespace

int control_group_processors(const std::string& root) {
  int limit = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {  // "5:cpu,cpuacct:/a/b" or, with one hierarchy, "0::/a/b"
    std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    std::istringstream names(controllers);
    bool has_cpu = false;
    for (std::string name; std::getline(names, name, ',');) has_cpu |= name == "cpu";
    if (controllers.empty()) read_groups(root + "/sys/fs/cgroup", group, true, limit);
    if (has_cpu) read_groups(root + "/sys/fs/cgroup/cpu", group, false, limit);
  }
  return limit;
}

int available_processors() {
  int processors = affinity_processors(), limit = control_group_processors("");
  if (limit) processors = std::min(processors, limit);
  return std::max(processors, 1);
}

}  // namespace pyflame::cpu
