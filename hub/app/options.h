// Every option of the configuration: its name, kind, range, whether it may change while the hub
// runs, and a sentence for people. Defaults are those of a default Config.
//
// The parser, the printed example (packaging/runnel.toml), the table in docs/operations.md and the
// comparison at reload are all made from these tables, so that they cannot drift.
//
// Threads: constant tables and pure functions; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hub/app/config.h"

namespace runnel::app {

enum class Kind : std::uint8_t { flag, count, size, duration, choice, choices, text, texts, addresses };

// When a changed value takes effect.
enum class Change : std::uint8_t { live, restart };

// An option's value, whatever its kind: unset ("never", or left out), flag, count or bytes or
// microseconds or the place in `choices`, text, addresses, several of `choices` or texts.
using Value = std::variant<
    std::monostate,
    bool,
    std::uint64_t,
    std::string,
    std::vector<ListenAddress>,
    std::vector<std::string>>;

struct OptionInfo {
  std::string_view section = {};  // empty inside [[topic]], [[route]], [[user]] and [[link]]
  std::string_view key = {};
  Kind kind = Kind::text;
  std::string_view sentence = {};
  Change change = Change::live;
  std::uint64_t min = 0;  // of counts, bytes and microseconds
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t step = 1;     // values are multiples of it
  bool may_be_unset = false;  // a duration may be "never"; a count may be left out
  bool may_be_never = true;   // but not every duration that may be left out
  bool required = false;
  std::span<const std::string_view> choices = {};
};

template <class Owner>
struct Option : OptionInfo {
  Value (*get)(const Owner&) = nullptr;
  void (*put)(Owner&, const Value&) = nullptr;  // a value that read_value() returned
};

std::span<const Option<Config>> config_options();
std::span<const Option<Topic>> topic_options();
std::span<const Option<Route>> route_options();
std::span<const Option<User>> user_options();
std::span<const Option<Link>> link_options();

// The sections in the order of the file, with a sentence each.
struct Section {
  std::string_view name;
  std::string_view sentence;
};

std::span<const Section> sections();

// What a file may hold at one place: a TOML value without TOML.
struct RawText {
  std::string text;
  std::uint32_t line = 0;
};

struct RawOther {
  std::string_view kind;  // "a table", "a date"
};

using Raw = std::variant<bool, std::int64_t, std::string, std::vector<RawText>, RawOther>;

// Reads `raw` as `option` wants it. What is wrong is appended to `errors` (with `line`, or the line
// of the element that is wrong), and the result is then of no use.
Value read_value(
    const OptionInfo& option, const Raw& raw, std::uint32_t line, ConfigErrors& errors
);

// As the file has it: `"64MiB"`, `["127.0.0.1:1883"]`, `1024`; empty for a value that is left out.
std::string toml_text(const OptionInfo& option, const Value& value);

// "1 to 65535", "16MiB to 1GiB", "discard-oldest or reject"; empty where any value will do.
std::string range_text(const OptionInfo& option);

// "[storage] limit", or the bare key inside [[topic]] and [[route]].
std::string name_of(const OptionInfo& option);

}  // namespace runnel::app
