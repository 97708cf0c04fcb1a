#include "storage/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace runnel {

std::string_view describe(Errc code) {
  switch (code) {
    case Errc::ok: return "success";
    case Errc::malformed: return "malformed input";
    case Errc::too_large: return "over a configured limit";
    case Errc::not_found: return "not found";
    case Errc::not_replicated: return "it is stored here, but not by enough mirrors in time";
    case Errc::log_full: return "the log is at its ceiling and the policy is to reject";
    case Errc::queue_full: return "too much is waiting for the next commit";
    case Errc::log_failed: return "a flush failed; restart to recover what the disk has";
    case Errc::no_space: return "no space left on the file system";
    case Errc::damaged: return "a checksum does not match";
    case Errc::io_error: return "input/output error";
    case Errc::already_running: return "another process uses this data directory";
    case Errc::invalid_argument: return "invalid argument";
    case Errc::stopped: return "stopping";
  }
  return "unknown error";
}

namespace {

// Boost's base class has no virtual destructor; categories are never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "runnel"; }

  std::string message(int value) const override {
    return std::string(describe(static_cast<Errc>(value)));
  }
};

#pragma GCC diagnostic pop

}  // namespace

const boost::system::error_category& error_category() {
  static const Category category;
  return category;
}

Errc errc_of(const boost::system::error_code& ec) {
  if (!ec) return Errc::ok;
  return ec.category() == error_category() ? static_cast<Errc>(ec.value()) : Errc::io_error;
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "runnel: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace runnel
