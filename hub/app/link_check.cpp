#include "hub/app/link_check.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>

#include "hub/app/from.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kTopicNameMax = 249;  // Kafka's
constexpr std::size_t kPasswordMax = 1024;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool all_name_chars(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_name_char);
}

bool is_pattern(std::string text) {
  constexpr std::string_view kHub = "{hub}";
  for (auto at = text.find(kHub); at != std::string::npos; at = text.find(kHub)) text.replace(at, kHub.size(), "x");
  return !text.empty() && text.size() <= kTopicNameMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_name_char(c) || c == '*'; });
}

// Text of a topic's name, with {topic} and {hub}.
bool is_destination(std::string text) {
  for (const std::string_view placeholder : {"{topic}", "{hub}"}) {
    for (auto at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder)) {
      text.replace(at, placeholder.size(), "x");
    }
  }
  return !text.empty() && text.size() <= kTopicNameMax && all_name_chars(text);
}

// "host:port", "[::1]:9092".
bool is_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.find_first_of(" ,/") != std::string_view::npos) return false;
  if (host.find(':') != std::string_view::npos && !(host.starts_with('[') && host.ends_with(']'))) {
    return false;
  }
  std::uint16_t port = 0;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port != 0;
}

std::optional<std::uint32_t> read_minute(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t i : {0U, 1U, 3U, 4U}) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  }
  const auto digit = [&](std::size_t i) { return static_cast<std::uint32_t>(text[i] - '0'); };
  const std::uint32_t hour = 10 * digit(0) + digit(1);
  const std::uint32_t minute = 10 * digit(3) + digit(4);
  if (hour > 24 || minute > 59 || (hour == 24 && minute > 0)) return std::nullopt;
  return 60 * hour + minute;
}

class LinkCheck {
 public:
  LinkCheck(const Link& link, ConfigErrors& errors) : link_(link), errors_(errors) {}

  void all() {
    if (link_.name.size() > kNameMax || !all_name_chars(link_.name)) {
      wrong("name: " + in_quotes(link_.name) + " must be 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'");
    }
    for (const std::string& address : link_.bootstrap) {
      if (is_address(address)) continue;
      wrong("bootstrap: " + in_quotes(address) + " must be HOST:PORT", "");
    }
    patterns("topics", link_.topics);
    patterns("priority", link_.priority);
    if (!is_destination(link_.destination)) {
      wrong(
          "destination: " + in_quotes(link_.destination) +
          " must make a topic's name: a-z, A-Z, 0-9, '.', '_', '-', {topic} and {hub}"
      );
    }
    start();
    for (const std::string& hours : link_.schedule) {
      if (read_hours(hours)) continue;
      wrong("schedule: " + in_quotes(hours) + " must be hours of the day such as \"22:00-06:00\"");
    }
    together("user", link_.user, "password_file", link_.password_file);
    together("certificate_file", link_.certificate_file, "key_file", link_.key_file);
    if (!link_.tls && (link_.ca_file || link_.certificate_file)) {
      wrong("ca_file and certificate_file are of use with tls = true only");
    }
    if (link_.direction == LinkDirection::mirror) mirror();
    if (link_.direction != LinkDirection::up && link_.unsent == LinkUnsent::hold) {
      wrong("unsent: what is on the other side cannot be held from here");
    }
  }

 private:
  void wrong(std::string message, std::string suggestion = {}) {
    errors_.push_back({link_.line, "[[link]] " + std::move(message), std::move(suggestion)});
  }

  void patterns(const std::string& key, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (is_pattern(text)) continue;
      wrong(key + ": " + in_quotes(text) + " must be the name of a topic, in which * stands for any characters and {hub} for this hub's name");
    }
  }

  void mirror() {
    if (link_.tls) wrong("tls: a mirror speaks to another hub, whose Kafka door knows no TLS yet; lead it through a tunnel");
    if (link_.destination != "{topic}") wrong("destination: a mirror's topics have the names that they have there");
    if (link_.start != "earliest") wrong("start: a mirror begins where its origin begins");
  }

  void start() {
    const auto from = read_from(link_.start);
    using Kind = From::Kind;
    if (from && (from->kind == Kind::earliest || from->kind == Kind::latest || from->kind == Kind::time)) return;
    wrong("start: " + in_quotes(link_.start) + " must be \"earliest\", \"latest\" or a time such as \"2026-05-01T12:00Z\"");
  }

  void together(
      const std::string& one,
      const std::optional<std::string>& its_value,
      const std::string& other,
      const std::optional<std::string>& other_value
  ) {
    if (its_value.has_value() != other_value.has_value()) wrong(one + " and " + other + " go together");
  }

  const Link& link_;
  ConfigErrors& errors_;
};

// Empty: nothing is wrong.
std::string read_password(const std::filesystem::path& path, std::string& password) {
  errno = 0;
  std::ifstream in(path);
  if (!in.is_open()) return std::string("cannot be read: ") + std::strerror(errno);
  if (!std::getline(in, password) && !in.eof()) return "cannot be read";
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty()) return "is empty";
  return password.size() > kPasswordMax ? "holds more than 1024 bytes" : "";
}

}  // namespace

std::optional<Hours> read_hours(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto from = read_minute(text.substr(0, dash));
  const auto until = read_minute(text.substr(dash + 1));
  if (!from || !until || *from == *until) return std::nullopt;
  return Hours{*from, *until};
}

void check_hub_name(const Config& config, std::uint32_t line, ConfigErrors& errors) {
  const std::string& name = config.hub.name;
  if (name.size() <= kNameMax && all_name_chars(name)) return;
  errors.push_back(
      {line, "[hub] name: " + in_quotes(name) + " must be 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'", {}}
  );
}

void check_links(const Config& config, ConfigErrors& errors) {
  std::map<std::string, std::uint32_t> seen;
  for (const Link& link : config.links) {
    if (link.name.empty()) continue;  // said already
    LinkCheck(link, errors).all();
    const auto [first, is_new] = seen.try_emplace(link.name, link.line);
    if (is_new) continue;
    errors.push_back(
        {link.line,
         "[[link]] " + in_quotes(link.name) + " is listed already, on line " + std::to_string(first->second),
         {}}
    );
  }
  if (config.links.size() > kLinksMax) {
    errors.push_back({0, "more than " + std::to_string(kLinksMax) + " links", {}});
  }
}

void read_link_files(
    Config& config, const std::filesystem::path& directory, ConfigErrors& errors
) {
  for (Link& link : config.links) {
    if (!link.password_file) continue;
    const std::filesystem::path path = directory / *link.password_file;
    const std::string what = read_password(path, link.password);
    if (what.empty()) continue;
    errors.push_back(
        {link.line, "[[link]] " + in_quotes(link.name) + " password_file: " + path.string() + " " + what, {}}
    );
  }
}

}  // namespace runnel::app
