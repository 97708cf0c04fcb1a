#include "hub/app/units.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>

#include "hub/app/text.h"

namespace runnel::app {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kThousand = 1000;
constexpr std::array kSizeUnits{
    Unit{"B", 1},
    Unit{"KiB", kKiB},
    Unit{"MiB", kMiB},
    Unit{"GiB", kGiB},
    Unit{"TiB", 1024 * kGiB},
    Unit{"KB", kThousand},
    Unit{"MB", kThousand* kThousand},
    Unit{"GB", kThousand* kThousand* kThousand},
    Unit{"TB", kThousand* kThousand* kThousand* kThousand},
};

// Factors are microseconds.
constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::array kDurationUnits{
    Unit{"us", 1},
    Unit{"ms", kThousand},
    Unit{"s", kSecond},
    Unit{"m", 60 * kSecond},
    Unit{"h", 3600 * kSecond},
    Unit{"d", 86400 * kSecond},
};

// Spellings that are common elsewhere, and what they are here.
struct Alias {
  std::string_view text;
  std::string_view unit;
};

constexpr std::array kAliases{
    Alias{"k", "KiB"},
    Alias{"m", "MiB"},
    Alias{"g", "GiB"},
    Alias{"t", "TiB"},
    Alias{"min", "m"},
    Alias{"mins", "m"},
    Alias{"minutes", "m"},
    Alias{"sec", "s"},
    Alias{"secs", "s"},
    Alias{"seconds", "s"},
    Alias{"hours", "h"},
    Alias{"day", "d"},
    Alias{"days", "d"},
};

std::string unit_names(std::span<const Unit> units) {
  std::string out;
  for (const Unit& unit : units) {
    if (!out.empty()) out += ", ";
    out += unit.name;
  }
  return out;
}

// The unit that an unknown one may have meant; empty when nothing is near.
std::string_view nearest_unit(std::string_view text, std::span<const Unit> units) {
  const std::string small = lower(text);
  const auto known = [&](std::string_view name) -> std::string_view {
    for (const Unit& unit : units) {
      if (lower(unit.name) == lower(name)) return unit.name;
    }
    return {};
  };
  if (const auto same = known(small); !same.empty()) return same;
  for (const Alias& alias : kAliases) {
    if (alias.text == small) {
      if (const auto unit = known(alias.unit); !unit.empty()) return unit;
    }
  }
  return {};
}

Read<std::uint64_t> read_quantity(
    std::string_view text, std::span<const Unit> units, std::string_view example
) {
  const auto refuse = [&](std::string message, std::string suggestion = {}) {
    return Unreadable{std::move(message), std::move(suggestion)};
  };
  const std::string said = in_quotes(text);
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) return refuse(said + " is too large");
  if (error != std::errc{}) {
    return refuse(
        said + " must be a whole number and a unit, such as \"" + std::string(example) + "\""
    );
  }
  std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  const std::string digits(text.data(), stop);
  if (unit.empty()) {
    return refuse(said + " has no unit (" + unit_names(units) + ")");
  }
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / known.factor) {
      return refuse(said + " is too large");
    }
    return number * known.factor;
  }
  if (unit.front() == '.') {
    return refuse(said + " is not a whole number: use a smaller unit (" + unit_names(units) + ")");
  }
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const auto nearest = nearest_unit(unit, units);
  return refuse(
      said + " has an unknown unit: use one of " + unit_names(units),
      nearest.empty() ? std::string{} : digits + std::string(nearest)
  );
}

// The largest of `units` that divides `value` leaves the shortest text.
std::string quantity_text(
    std::uint64_t value, std::span<const Unit> units, std::string_view of_zero
) {
  if (value == 0) return "0" + std::string(of_zero);
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return port;
}

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

Read<std::uint64_t> read_size(std::string_view text) {
  return read_quantity(text, kSizeUnits, "64MiB");
}

Read<std::chrono::microseconds> read_duration(std::string_view text) {
  const auto us = read_quantity(text, kDurationUnits, "5ms");
  if (!us) return us.error();
  if (*us > static_cast<std::uint64_t>(std::chrono::microseconds::max().count())) {
    return Unreadable{in_quotes(text) + " is too large", {}};
  }
  return std::chrono::microseconds(static_cast<std::int64_t>(*us));
}

Read<ListenAddress> read_listen_address(std::string_view text) {
  const std::string said = in_quotes(text);
  const std::string form = " must be ADDRESS:PORT, such as \"127.0.0.1:1883\" or \"[::1]:1883\"";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    const bool only_port = read_port(text).has_value();
    return Unreadable{said + form, only_port ? "127.0.0.1:" + std::string(text) : std::string{}};
  }
  std::string host(text.substr(0, colon));
  const auto port = read_port(text.substr(colon + 1));
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);

  if (!bracketed && is_ipv6(std::string(text))) {
    return Unreadable{said + form, "[" + std::string(text) + "]:1883"};
  }
  if (!port) return Unreadable{said + ": the port must be a number from 0 to 65535", {}};
  if (host.empty() || host == "*") {
    return Unreadable{said + form, "0.0.0.0:" + std::to_string(*port)};
  }
  if (!bracketed && is_ipv6(host)) {
    return Unreadable{said + form, "[" + host + "]:" + std::to_string(*port)};
  }
  if (host == "localhost" && !bracketed) host = "127.0.0.1";
  if (bracketed ? !is_ipv6(host) : !is_ipv4(host)) {
    return Unreadable{
        said + ": the address must be numeric, such as \"127.0.0.1:1883\" or \"[::1]:1883\"", {}};
  }
  return ListenAddress{std::move(host), *port};
}

std::string size_text(std::uint64_t bytes) {
  // Binary units only, which stand first.
  return quantity_text(bytes, std::span(kSizeUnits).first(5), "B");
}

std::string duration_text(std::chrono::microseconds duration) {
  const auto us = static_cast<std::uint64_t>(duration.count());
  return quantity_text(us, kDurationUnits, "s");
}

std::string address_text(const ListenAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string rough_size(std::uint64_t bytes) {
  constexpr std::array kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
  return text.data();
}

std::string rough_duration(std::chrono::seconds duration) {
  const auto s = duration.count();
  if (s >= 86400) return std::to_string(s / 86400) + "d " + std::to_string(s % 86400 / 3600) + "h";
  if (s >= 3600) return std::to_string(s / 3600) + "h " + std::to_string(s % 3600 / 60) + "m";
  if (s >= 60) return std::to_string(s / 60) + "m " + std::to_string(s % 60) + "s";
  return std::to_string(s) + "s";
}

bool is_loopback(const ListenAddress& address) {
  if (in_addr v4{}; inet_pton(AF_INET, address.host.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24 == 127;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.host.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_LOOPBACK(&v6)) return true;
  return IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127;
}

}  // namespace runnel::app
