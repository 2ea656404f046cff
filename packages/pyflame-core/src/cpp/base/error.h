// Typed errors; bindings/ maps each kind to the Python class PyTorch raises.
#pragma once
#include <stdexcept>
#include <string>

namespace pyflame {

enum class ErrorKind { kRuntime, kIndex, kType, kValue, kNotImplemented, kMemory, kTrace };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind(kind) {}
  const ErrorKind kind;
};

[[noreturn]] inline void fail(ErrorKind kind, const std::string& message) { throw Error(kind, message); }
[[noreturn]] inline void runtime_error(const std::string& m) { fail(ErrorKind::kRuntime, m); }
[[noreturn]] inline void index_error(const std::string& m) { fail(ErrorKind::kIndex, m); }
[[noreturn]] inline void type_error(const std::string& m) { fail(ErrorKind::kType, m); }
[[noreturn]] inline void value_error(const std::string& m) { fail(ErrorKind::kValue, m); }
[[noreturn]] inline void not_implemented(const std::string& m) { fail(ErrorKind::kNotImplemented, m); }

}  // namespace pyflame
