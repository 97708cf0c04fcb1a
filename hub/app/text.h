// Text of unknown origin, made fit for a terminal. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace runnel::app {

// Control characters as \n, \t, \r or \xNN and the backslash doubled, so that a record stays one
// line and cannot steer a terminal. Valid UTF-8 stays as it is; other bytes become \xNN.
std::string printable(std::string_view text);

// printable(), in double quotes, cut short after 64 characters or so: for messages.
std::string in_quotes(std::string_view text);

// ASCII letters only.
std::string lower(std::string_view text);

}  // namespace runnel::app
