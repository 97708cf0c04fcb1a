// Base64 with padding (RFC 4648 §4). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace runnel::app {

std::string to_base64(std::string_view bytes);

// nullopt: a digit that is none, a length that is none, or bits that mean nothing.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace runnel::app
