// What can go wrong in ordinary life, as values. Bugs are not values: RUNNEL_CHECK stops the program,
// in release builds too, because the log is safe by design and wrong answers are not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace runnel {

enum class Errc {
  ok = 0,
  malformed,        // bytes that no valid peer sends
  too_large,        // over a limit that has a name
  not_found,        // no such topic, partition, offset or block
  log_full,         // the disk ceiling is reached and the policy is to reject
  queue_full,       // the group that waits for the next commit is full; wait for it
  log_failed,       // a flush failed: nothing is acknowledged again in this process
  no_space,         // the file system is full; that group was refused, the next may not be
  damaged,          // a checksum does not match
  io_error,         // the system said no
  already_running,  // another process holds the data directory
  invalid_argument, // a value that the caller should not have passed on
  stopped,          // shutting down
  not_replicated,   // stored here, but not by enough mirrors in time
};

// One sentence for people.
std::string_view describe(Errc code);

const boost::system::error_category& error_category();
inline boost::system::error_code make_error_code(Errc e) {
  return {static_cast<int>(e), error_category()};
}

template <class T>
using Result = boost::system::result<T>;

// The Errc inside an error_code of ours; io_error for anybody else's.
Errc errc_of(const boost::system::error_code& ec);

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace runnel

template <>
struct boost::system::is_error_code_enum<runnel::Errc> : std::true_type {};

#define RUNNEL_CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::runnel::check_failed(#condition, __FILE__, __LINE__))

// Returns the error of `expression` from the calling function, if it has one.
#define RUNNEL_TRY(expression) \
  do { \
    if (auto runnel_try_ = (expression); !runnel_try_) return runnel_try_.error(); \
  } while (false)
