// Values of options: from what a file holds, and as text.
#include <algorithm>
#include <array>
#include <utility>

#include "hub/app/options.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"
#include "hub/app/units.h"

namespace runnel::app {

namespace {

constexpr std::uint64_t kSecondUs = 1'000'000;
constexpr std::string_view kNever = "never";

std::string_view kind_of(const Raw& raw) {
  constexpr std::array<std::string_view, 4> kNames{
      "true or false", "a number without a unit", "text", "a list"};
  if (const auto* other = std::get_if<RawOther>(&raw)) return other->kind;
  return kNames.at(raw.index());
}

// What the file should have held, with an example that is right.
std::string wanted(const OptionInfo& option) {
  switch (option.kind) {
    case Kind::flag:
      return "true or false";
    case Kind::count:
      return "a whole number";
    case Kind::size:
      return "a size in quotes such as \"64MiB\"";
    case Kind::duration:
      return option.may_be_unset ? "a duration in quotes such as \"30d\", or \"never\""
                                 : "a duration in quotes such as \"5ms\"";
    case Kind::choice:
      return range_text(option);
    case Kind::choices:
      return "a list such as [" + in_quotes(option.choices.front()) + "]";
    case Kind::text:
      return "text in quotes";
    case Kind::texts:
      return "a list of texts in quotes";
    case Kind::addresses:
      return "a list of addresses such as [\"127.0.0.1:1883\"]";
  }
  return {};
}

// Collects what is wrong with one value.
class Reader {
 public:
  Reader(const OptionInfo& option, std::uint32_t line, ConfigErrors& errors)
      : option_(option), line_(line), errors_(errors) {}

  Value wrong(std::string what, std::string suggestion = {}) {
    errors_.push_back({line_, name_of(option_) + ": " + std::move(what), std::move(suggestion)});
    return {};
  }

  // The same, with a value in quotes as the suggestion.
  Value wrong_text(std::string what, const std::string& suggestion) {
    return wrong(std::move(what), suggestion.empty() ? suggestion : in_quotes(suggestion));
  }

  Value wrong_kind(const Raw& raw) {
    return wrong(
        "expected " + wanted(option_) + ", found " + std::string(kind_of(raw)), kind_suggestion(raw)
    );
  }

  Value in_range(std::uint64_t number) {
    if (number % option_.step != 0) return wrong("must be whole seconds");
    if (number < option_.min || number > option_.max) {
      return wrong("must be " + range_text(option_));
    }
    return number;
  }

  Value count(const Raw& raw) {
    const auto* number = std::get_if<std::int64_t>(&raw);
    if (number == nullptr) return wrong_kind(raw);
    if (*number < 0) return wrong("must be " + range_text(option_));
    return in_range(static_cast<std::uint64_t>(*number));
  }

  Value size(const Raw& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    if (text == nullptr) return wrong_kind(raw);
    auto bytes = read_size(*text);
    return bytes ? in_range(*bytes) : wrong_text(bytes.error().message, bytes.error().suggestion);
  }

  Value duration(const Raw& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    if (text == nullptr) return wrong_kind(raw);
    if (*text == kNever) {
      if (option_.may_be_unset && option_.may_be_never) return std::monostate{};
      return wrong_text("cannot be \"never\"", option_.may_be_unset ? "36500d" : "0s");
    }
    auto duration = read_duration(*text);
    if (!duration) {
      const bool may = option_.may_be_unset && option_.may_be_never;
      const bool near_never = may && nearest(*text, std::array{kNever}) == kNever;
      return wrong_text(
          duration.error().message, near_never ? std::string(kNever) : duration.error().suggestion
      );
    }
    return in_range(static_cast<std::uint64_t>(duration->count()));
  }

  Value choice(const Raw& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    if (text == nullptr) return wrong_kind(raw);
    const auto found = std::find(option_.choices.begin(), option_.choices.end(), *text);
    if (found == option_.choices.end()) {
      return wrong_text(
          in_quotes(*text) + " is not " + range_text(option_),
          std::string(nearest(*text, option_.choices))
      );
    }
    return static_cast<std::uint64_t>(found - option_.choices.begin());
  }

  Value choices(const Raw& raw) {
    const auto* list = std::get_if<std::vector<RawText>>(&raw);
    if (list == nullptr) return wrong_kind(raw);
    std::vector<std::string> out;
    for (const RawText& element : *list) {
      Reader at(option_, element.line, errors_);
      if (std::holds_alternative<std::monostate>(at.choice(element.text))) continue;
      if (std::find(out.begin(), out.end(), element.text) != out.end()) {
        at.wrong(in_quotes(element.text) + " stands there twice");
      }
      out.push_back(element.text);
    }
    return out;
  }

  Value text(const Raw& raw) {
    const auto* text = std::get_if<std::string>(&raw);
    if (text == nullptr) return wrong_kind(raw);
    if (text->empty()) return wrong("must not be empty");
    if (text->find('\0') != std::string::npos) return wrong("must not hold a zero byte");
    return *text;
  }

  Value texts(const Raw& raw) {
    const auto* list = std::get_if<std::vector<RawText>>(&raw);
    if (list == nullptr) return wrong_kind(raw);
    std::vector<std::string> out;
    for (const RawText& element : *list) {
      Reader(option_, element.line, errors_).text(element.text);
      out.push_back(element.text);
    }
    if (option_.required && out.empty()) return wrong("must not be empty");
    return out;
  }

  Value addresses(const Raw& raw) {
    const auto* list = std::get_if<std::vector<RawText>>(&raw);
    if (list == nullptr) return wrong_kind(raw);
    if (list->size() > kListenMax) {
      return wrong("holds more than " + std::to_string(kListenMax) + " addresses");
    }
    std::vector<ListenAddress> out;
    for (const RawText& element : *list) {
      auto address = read_listen_address(element.text);
      if (address) {
        out.push_back(std::move(*address));
      } else {
        Reader(option_, element.line, errors_)
            .wrong_text(address.error().message, address.error().suggestion);
      }
    }
    return out;
  }

 private:
  // A value of the wrong kind that is easy to set right.
  [[nodiscard]] std::string kind_suggestion(const Raw& raw) const {
    const auto* text = std::get_if<std::string>(&raw);
    const auto* number = std::get_if<std::int64_t>(&raw);
    const bool is_list = option_.kind == Kind::addresses || option_.kind == Kind::choices ||
                         option_.kind == Kind::texts;
    if (is_list && text != nullptr) return "[" + in_quotes(*text) + "]";
    if (option_.kind == Kind::size && number != nullptr && *number >= 0) {
      return in_quotes(size_text(static_cast<std::uint64_t>(*number)));
    }
    if (option_.kind == Kind::duration && number != nullptr && *number >= 0) {
      return in_quotes(std::to_string(*number) + "s");
    }
    const bool plain_number = text != nullptr && !text->empty() &&
                              text->find_first_not_of("0123456789") == std::string::npos;
    if (option_.kind == Kind::count && plain_number) return *text;
    if (option_.kind == Kind::flag && text != nullptr) {
      if (lower(*text) == "true" || *text == "yes" || *text == "on") return "true";
      if (lower(*text) == "false" || *text == "no" || *text == "off") return "false";
    }
    return {};
  }

  const OptionInfo& option_;
  std::uint32_t line_;
  ConfigErrors& errors_;
};

std::string basic_string(std::string_view text) {
  // What an option may hold needs no other escape: control characters appear in no default.
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string number_text(const OptionInfo& option, std::uint64_t number) {
  switch (option.kind) {
    case Kind::size:
      return size_text(number);
    case Kind::duration:
      if (number == 0) return option.step % kSecondUs == 0 ? "0s" : "0ms";
      return duration_text(std::chrono::microseconds(static_cast<std::int64_t>(number)));
    case Kind::choice:
      return std::string(option.choices[number]);
    default:
      return std::to_string(number);
  }
}

}  // namespace

Value read_value(
    const OptionInfo& option, const Raw& raw, std::uint32_t line, ConfigErrors& errors
) {
  Reader reader(option, line, errors);
  switch (option.kind) {
    case Kind::flag:
      if (const bool* flag = std::get_if<bool>(&raw)) return *flag;
      return reader.wrong_kind(raw);
    case Kind::count:
      return reader.count(raw);
    case Kind::size:
      return reader.size(raw);
    case Kind::duration:
      return reader.duration(raw);
    case Kind::choice:
      return reader.choice(raw);
    case Kind::choices:
      return reader.choices(raw);
    case Kind::text:
      return reader.text(raw);
    case Kind::texts:
      return reader.texts(raw);
    case Kind::addresses:
      return reader.addresses(raw);
  }
  return {};
}

std::string toml_text(const OptionInfo& option, const Value& value) {
  if (std::holds_alternative<std::monostate>(value)) {
    const bool never = option.kind == Kind::duration && option.may_be_never;
    return never ? basic_string(kNever) : std::string{};
  }
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return basic_string(*text);
  if (const auto* list = std::get_if<std::vector<ListenAddress>>(&value)) {
    std::string out = "[";
    for (const ListenAddress& address : *list) {
      if (out.size() > 1) out += ", ";
      out += basic_string(address_text(address));
    }
    return out + "]";
  }
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::string out = "[";
    for (const std::string& element : *list) {
      if (out.size() > 1) out += ", ";
      out += basic_string(element);
    }
    return out + "]";
  }
  const std::string text = number_text(option, std::get<std::uint64_t>(value));
  return option.kind == Kind::count ? text : basic_string(text);
}

std::string range_text(const OptionInfo& option) {
  if (option.kind == Kind::choice || option.kind == Kind::choices) {
    std::string out;
    for (const std::string_view choice : option.choices) {
      if (!out.empty()) out += choice == option.choices.back() ? " or " : ", ";
      out += choice;
    }
    return out;
  }
  const bool number =
      option.kind == Kind::count || option.kind == Kind::size || option.kind == Kind::duration;
  if (!number) return {};
  return number_text(option, option.min) + " to " + number_text(option, option.max);
}

std::string name_of(const OptionInfo& option) {
  if (option.section.empty()) return std::string(option.key);
  return "[" + std::string(option.section) + "] " + std::string(option.key);
}

}  // namespace runnel::app
