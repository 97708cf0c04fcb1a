#include "hub/app/from.h"

#include <charconv>
#include <chrono>

#include "hub/app/units.h"

namespace runnel::app {

namespace {

constexpr std::int64_t kYear10000 = 253'402'300'800'000;  // in ms since 1970

// Reads a text from the left; every step says whether it went well.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return text_.empty(); }

  [[nodiscard]] char front() const { return text_.empty() ? '\0' : text_.front(); }

  bool skip(char c) {
    if (front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  // Exactly `width` digits.
  bool number(std::size_t width, int& out) {
    if (text_.size() < width) return false;
    const std::string_view digits = text_.substr(0, width);
    if (digits.find_first_not_of("0123456789") != std::string_view::npos) return false;
    std::from_chars(digits.data(), digits.data() + width, out);
    text_.remove_prefix(width);
    return true;
  }

  // Digits after a point, of which three count.
  bool milliseconds(int& out) {
    int scale = 100;
    std::size_t digits = 0;
    for (; front() >= '0' && front() <= '9'; ++digits, scale /= 10) {
      out += (front() - '0') * scale;
      text_.remove_prefix(1);
    }
    return digits > 0;
  }

 private:
  std::string_view text_;
};

bool read_zone(Scanner& in, int& east_minutes) {
  if (in.done() || in.skip('Z') || in.skip('z')) return true;
  const int sign = in.front() == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!in.skip('+') && !in.skip('-')) return false;
  if (!in.number(2, hours)) return false;
  in.skip(':');
  if (!in.done() && !in.number(2, minutes)) return false;
  if (hours > 14 || minutes > 59) return false;
  east_minutes = sign * (hours * 60 + minutes);
  return true;
}

std::optional<std::int64_t> read_date(std::string_view text) {
  Scanner in(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!in.number(4, year) || !in.skip('-') || !in.number(2, month) || !in.skip('-') ||
      !in.number(2, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{
      std::chrono::year(year),
      std::chrono::month(static_cast<unsigned>(month)),
      std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970) return std::nullopt;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  int east = 0;
  if (!in.done()) {
    if (!in.skip('T') && !in.skip('t') && !in.skip(' ')) return std::nullopt;
    if (!in.number(2, hour) || !in.skip(':') || !in.number(2, minute)) return std::nullopt;
    if (in.skip(':') && !in.number(2, second)) return std::nullopt;
    if (in.skip('.') && !in.milliseconds(ms)) return std::nullopt;
    if (!read_zone(in, east) || !in.done()) return std::nullopt;
  }
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute - east) * 60'000 + second * 1000 + ms;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stop != end || number < 0) return std::nullopt;
  return number;
}

}  // namespace

std::int64_t wall_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::optional<std::int64_t> read_time(std::string_view text, std::int64_t now_ms) {
  std::optional<std::int64_t> ms;
  if (text.starts_with('@')) {
    ms = whole_number(text.substr(1));
  } else if (!text.starts_with('-')) {
    ms = read_date(text);
  } else if (const auto ago = read_duration(text.substr(1))) {
    ms = now_ms - std::chrono::duration_cast<std::chrono::milliseconds>(*ago).count();
  }
  return ms && *ms >= 0 && *ms < kYear10000 ? ms : std::nullopt;
}

std::optional<std::int64_t> read_time(std::string_view text) {
  return read_time(text, wall_clock_ms());
}

std::optional<From> read_from(std::string_view text) {
  if (text == "earliest") return From{From::Kind::earliest, 0};
  if (text == "latest") return From{From::Kind::latest, 0};
  const bool last = text.starts_with('-');
  if (const auto number = whole_number(text.substr(last ? 1 : 0))) {
    return From{last ? From::Kind::last : From::Kind::offset, *number};
  }
  if (const auto time = read_time(text)) return From{From::Kind::time, *time};
  return std::nullopt;
}

}  // namespace runnel::app
