// A member of a configuration struct as an option's Value, and back. For the tables in options.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "hub/app/options.h"

namespace runnel::app {

template <class T>
Value to_value(const T& member) {
  if constexpr (std::is_enum_v<T> || (std::is_integral_v<T> && !std::is_same_v<T, bool>)) {
    return static_cast<std::uint64_t>(member);
  } else {
    return member;
  }
}

template <class Rep, class Period>
Value to_value(const std::chrono::duration<Rep, Period>& member) {
  return static_cast<std::uint64_t>(std::chrono::microseconds(member).count());
}

template <class T>
Value to_value(const std::optional<T>& member) {
  return member ? to_value(*member) : Value{};
}

template <class T>
void from_value(const Value& value, T& member) {
  if constexpr (std::is_enum_v<T> || (std::is_integral_v<T> && !std::is_same_v<T, bool>)) {
    member = static_cast<T>(std::get<std::uint64_t>(value));
  } else {
    member = std::get<T>(value);
  }
}

template <class Rep, class Period>
void from_value(const Value& value, std::chrono::duration<Rep, Period>& member) {
  const auto us = static_cast<std::int64_t>(std::get<std::uint64_t>(value));
  member =
      std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(std::chrono::microseconds(us));
}

template <class T>
void from_value(const Value& value, std::optional<T>& member) {
  if (std::holds_alternative<std::monostate>(value)) {
    member.reset();
  } else {
    from_value(value, member.emplace());
  }
}

// Config::mqtt, then Config::Mqtt::listen.
template <auto Part, auto Member>
constexpr Option<Config> member_of(OptionInfo info) {
  return {
      info,
      [](const Config& config) { return to_value((config.*Part).*Member); },
      [](Config& config, const Value& value) { from_value(value, (config.*Part).*Member); },
  };
}

template <class Owner, auto Member>
constexpr Option<Owner> member(OptionInfo info) {
  return {
      info,
      [](const Owner& owner) { return to_value(owner.*Member); },
      [](Owner& owner, const Value& value) { from_value(value, owner.*Member); },
  };
}

}  // namespace runnel::app
