// Sizes, durations and addresses as people write them in a configuration, and back.
//
// Errors are one clause for people, without a full stop, that says what would have been right.
// Threads: pure functions; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

#include "hub/app/config.h"

namespace runnel::app {

// What a text cannot be read for, and what it may have meant ("64MiB"; may be empty).
struct Unreadable {
  std::string message;
  std::string suggestion;
};

template <class T>
using Read = boost::system::result<T, Unreadable>;

// A whole number and one of B, KiB, MiB, GiB, TiB, KB, MB, GB, TB: "64MiB".
Read<std::uint64_t> read_size(std::string_view text);

// A whole number and one of us, ms, s, m, h, d: "5ms".
Read<std::chrono::microseconds> read_duration(std::string_view text);

// "127.0.0.1:1883", "[::1]:1883", "localhost:1883". Host names are refused: what a hub listens on
// must not depend on a name server.
Read<ListenAddress> read_listen_address(std::string_view text);

// The shortest exact text: 65536 is "64KiB", 1000 "1000B".
std::string size_text(std::uint64_t bytes);
std::string duration_text(std::chrono::microseconds duration);
std::string address_text(const ListenAddress& address);

// For tables that people read: "3.2 MiB", "2d 4h".
std::string rough_size(std::uint64_t bytes);
std::string rough_duration(std::chrono::seconds duration);

// 127.0.0.0/8, ::1, and 127.0.0.0/8 mapped into IPv6.
bool is_loopback(const ListenAddress& address);

}  // namespace runnel::app
