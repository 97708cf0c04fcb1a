// Diagnostics: one line per state change, none per event. ("log" alone always means the event log.)
// Lines go to standard error; nothing waits for a slow reader of it longer than one write.
// Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

namespace runnel::logger {

enum class Level { debug, info, warn, error };

void set_level(Level level);

// Writes one line: time, level, area ("mqtt", "log", …), text. Control characters, which names that
// clients chose may hold, are written as \xNN: nobody else can begin a line.
void line(Level level, std::string_view area, std::string_view text);

inline void debug(std::string_view area, std::string_view text) { line(Level::debug, area, text); }
inline void info(std::string_view area, std::string_view text) { line(Level::info, area, text); }
inline void warn(std::string_view area, std::string_view text) { line(Level::warn, area, text); }
inline void error(std::string_view area, std::string_view text) { line(Level::error, area, text); }

// Joins text and numbers without a formatting library in the headers.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  const auto add = [&out](const auto& part) {
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(part)>>) {
      out += std::to_string(part);
    } else {
      out += part;
    }
  };
  (add(parts), ...);
  return out;
}

}  // namespace runnel::logger
