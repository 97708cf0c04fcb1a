#include "hub/broker/replay.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace runnel::broker {
namespace {

constexpr std::string_view kReserved = "hub.";
constexpr std::string_view kFrom = "hub.from";
constexpr std::string_view kPositionPrefix = "position:";

// How much of what the client said is said back to it.
constexpr std::size_t kQuotedMax = 80;

template <class Number>
bool read_whole(std::string_view text, Number& out) {
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  return !text.empty() && read.ec == std::errc() && read.ptr == end;
}

// Takes exactly `digits` digits from the front.
bool take_digits(std::string_view& text, std::size_t digits, int& out) {
  if (text.size() < digits || text.front() == '-') return false;
  const bool read = read_whole(text.substr(0, digits), out);
  text.remove_prefix(digits);
  return read;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// "Z" or "+01:30": minutes east of Greenwich.
bool take_zone(std::string_view& text, int& minutes) {
  minutes = 0;
  if (take(text, 'Z') || take(text, 'z')) return true;
  const bool west = take(text, '-');
  if (!west && !take(text, '+')) return false;
  int h = 0;
  int m = 0;
  if (!take_digits(text, 2, h) || !take(text, ':') || !take_digits(text, 2, m)) return false;
  if (h > 23 || m > 59) return false;
  minutes = (h * 60 + m) * (west ? -1 : 1);
  return true;
}

// A fraction of a second as milliseconds; what is finer is cut off.
bool take_fraction(std::string_view& text, int& ms) {
  ms = 0;
  if (!take(text, '.')) return true;
  int scale = 100;
  std::size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
    ms += (text.front() - '0') * scale;
    scale /= 10;
    text.remove_prefix(1);
  }
  return digits > 0;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0, zone = 0;
  const bool read =
      take_digits(text, 4, y) && take(text, '-') && take_digits(text, 2, mo) && take(text, '-') &&
      take_digits(text, 2, d) && (take(text, 'T') || take(text, 't') || take(text, ' ')) &&
      take_digits(text, 2, h) && take(text, ':') && take_digits(text, 2, mi) && take(text, ':') &&
      take_digits(text, 2, s) && take_fraction(text, ms) && take_zone(text, zone) && text.empty();
  const year_month_day date{
      year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!read || !date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
  const auto at = sys_days(date) + hours(h) + minutes(mi - zone) + seconds(s) + milliseconds(ms);
  return duration_cast<milliseconds>(at.time_since_epoch()).count();
}

// "TOPIC/PARTITION:OFFSET"
bool parse_offset(std::string_view text, ReplayFrom& out) {
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.rfind(':');
  if (slash == std::string_view::npos || colon == std::string_view::npos || colon < slash ||
      slash == 0) {
    return false;
  }
  std::int64_t offset = 0;
  if (!read_whole(text.substr(slash + 1, colon - slash - 1), out.partition) ||
      !read_whole(text.substr(colon + 1), offset) || offset < 0) {
    return false;
  }
  out.kind = ReplayFrom::Kind::offset;
  out.topic = text.substr(0, slash);
  out.offset = Offset(offset);
  return true;
}

std::optional<ReplayFrom> parse_from(std::string_view text) {
  ReplayFrom out;
  std::uint64_t position = 0;
  if (text == "earliest") return out;
  if (read_whole(text, out.time_ms) && out.time_ms >= 0) {
    out.kind = ReplayFrom::Kind::time;
    return out;
  }
  if (const auto time = parse_rfc3339(text)) {
    out.kind = ReplayFrom::Kind::time;
    out.time_ms = *time;
    return out;
  }
  out.time_ms = 0;
  if (text.starts_with(kPositionPrefix)) {
    if (!read_whole(text.substr(kPositionPrefix.size()), position)) return std::nullopt;
    out.kind = ReplayFrom::Kind::position;
    out.position = Position(position);
    return out;
  }
  if (parse_offset(text, out)) return out;
  return std::nullopt;
}

// Enough of it to recognise, and never part of a character.
std::string quoted(std::string_view text) {
  if (text.size() > kQuotedMax) {
    std::size_t end = kQuotedMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end);
  }
  return "'" + std::string(text) + "'";
}

}  // namespace

ReplayAsked ReplayAsked::of(const mqtt::UserProperties& user) {
  ReplayAsked out;
  for (const auto& [name, value] : user) {
    if (!name.starts_with(kReserved)) continue;
    if (name != kFrom) {
      out.wrong =
          "a subscription has no user property " + quoted(name) + "; did you mean hub.from?";
      return out;
    }
    if (out.from) {
      out.wrong = "hub.from is there twice";
      return out;
    }
    out.from = parse_from(value);
    if (!out.from) {
      out.wrong = "hub.from: " + quoted(value) +
                  " is not 'earliest', an RFC 3339 time, milliseconds since 1970, "
                  "'TOPIC/PARTITION:OFFSET' or 'position:N'";
      return out;
    }
  }
  return out;
}

std::string text_of(const ReplayFrom& from) {
  switch (from.kind) {
    case ReplayFrom::Kind::earliest:
      return "earliest";
    case ReplayFrom::Kind::position:
      return std::string(kPositionPrefix) + std::to_string(from.position.value);
    case ReplayFrom::Kind::offset:
      return from.topic + "/" + std::to_string(from.partition) + ":" +
             std::to_string(from.offset.value);
    case ReplayFrom::Kind::time:
      break;
  }
  using namespace std::chrono;
  const milliseconds at(from.time_ms);
  const auto date = floor<days>(sys_time<milliseconds>(at));
  const year_month_day ymd(date);
  // RFC 3339 has four digits for the year.
  if (ymd.year() > year(9999) || at > days(366 * 8030)) return std::to_string(from.time_ms);
  const hh_mm_ss time(sys_time<milliseconds>(at) - date);
  char text[40];
  std::snprintf(
      text,
      sizeof text,
      "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
      static_cast<int>(ymd.year()),
      static_cast<unsigned>(ymd.month()),
      static_cast<unsigned>(ymd.day()),
      static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()),
      static_cast<int>(time.subseconds().count())
  );
  return text;
}

void ReplayWords::put(const ReplayMark& mark, mqtt::UserProperties& user) {
  texts_ = {
      std::to_string(mark.partition),
      std::to_string(mark.offset.value),
      std::to_string(mark.time_ms),
      std::to_string(mark.position.value)};
  const std::array<mqtt::UserProperty, 6> words{{
      {"hub.replay", "1"},
      {"hub.topic", mark.topic},
      {"hub.partition", texts_[0]},
      {"hub.offset", texts_[1]},
      {"hub.time", texts_[2]},
      {"hub.position", texts_[3]},
  }};
  user.insert(user.begin(), words.begin(), words.end());
}

}  // namespace runnel::broker
