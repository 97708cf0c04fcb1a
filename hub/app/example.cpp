#include "hub/app/example.h"

#include "hub/app/options.h"

namespace runnel::app {

namespace {

constexpr std::size_t kColumns = 96;

constexpr std::string_view kIntroduction =
    "Configuration of runnel. Every option stands here with its default: take away the # in front "
    "to change one. Sizes are whole numbers with B, KiB, MiB, GiB, TiB (or KB, MB, GB, TB), "
    "durations with us, ms, s, m, h, d. Options marked with \"restart\" are read when the hub "
    "starts; "
    "the others, topics, routes and users also on SIGHUP, where a file is applied whole or not at all. "
    "`runnel check-config FILE` says what is wrong with a file.";

constexpr std::string_view kTopicIntroduction =
    "Topics of the log, as many as you like. The topic \"mqtt\" is there without being listed and "
    "takes what no route claims.";

constexpr std::string_view kRouteIntroduction =
    "Where the events of which MQTT topics go: the first route whose filter matches decides.";

constexpr std::string_view kUserIntroduction =
    "Who may log in where a door asks for it, such as [kafka] with sasl_mechanisms.";

constexpr std::string_view kLinkIntroduction =
    "Links to peer hubs and Kafka clusters (docs/links.md). Patterns of topics are names in which * "
    "stands for any characters.";

// A paragraph as comment lines.
void comment(std::string_view text, std::string& out) {
  std::string line = "#";
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (line.size() + 1 + word.size() > kColumns) {
      out += line + "\n";
      line = "#";
    }
    line += ' ';
    line += word;
  }
  out += line + "\n";
}

// "1 to 65535; restart", or nothing.
std::string remarks(const OptionInfo& option) {
  std::string out = range_text(option);
  if (option.change == Change::restart) out += out.empty() ? "restart" : "; restart";
  return out;
}

void option_lines(const OptionInfo& option, const std::string& value, std::string& out) {
  const std::string notes = remarks(option);
  out += "\n";
  comment(std::string(option.sentence) + (notes.empty() ? "" : " (" + notes + ")"), out);
  out += "#" + std::string(option.key) + " = " + value + "\n";
}

template <class Owner>
void list_lines(
    std::string_view title,
    std::string_view introduction,
    std::span<const Option<Owner>> options,
    const Owner& example,
    std::string& out
) {
  out += "\n";
  comment(introduction, out);
  out += "#[[" + std::string(title) + "]]\n";
  for (const auto& option : options) {
    option_lines(option, toml_text(option, option.get(example)), out);
  }
}

void table_row(
    const OptionInfo& option, const std::string& name, const std::string& value, std::string& out
) {
  const std::string range = range_text(option);
  out += "| `" + name + "` | " + (value.empty() ? "" : "`" + value + "`") + " | " + range + " | " +
         (option.change == Change::live ? "yes" : "restart") + " | " +
         std::string(option.sentence) + " |\n";
}

const Topic kExampleTopic{
    "temps",
    4,
    std::chrono::hours(24 * 7),
    64 * kMiB,
    static_cast<std::uint32_t>(kMiB),
    TimestampType::create_time};
const Route kExampleRoute{"plant/+/temp", "temps", "{1}", 0, "plant/{key}/temp"};
Link example_link() {
  Link link;
  link.name = "cloud";
  link.bootstrap = {"kafka-1.example.org:9092", "kafka-2.example.org:9092"};
  link.topics = {"alarms", "temps*"};
  link.priority = {"alarms"};
  link.bytes_per_second = 32 * kKiB;
  link.bytes_per_day = 500 * kMiB;
  link.schedule = {"22:00-06:00"};
  link.tls = true;
  link.user = "gateway-7";
  link.password_file = "/etc/runnel/secrets/cloud";
  link.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  link.certificate_file = "/etc/runnel/secrets/gateway-7.crt";
  link.key_file = "/etc/runnel/secrets/gateway-7.key";
  return link;
}

const User kExampleUser{"line-3", "/etc/runnel/secrets/line-3", {"SCRAM-SHA-256"}, 0, {}, {}};

}  // namespace

std::string example_toml() {
  const Config defaults;
  std::string out;
  comment(kIntroduction, out);
  for (const Section& section : sections()) {
    out += "\n";
    comment(section.sentence, out);
    out += "[" + std::string(section.name) + "]\n";
    for (const Option<Config>& option : config_options()) {
      if (option.section != section.name) continue;
      option_lines(option, toml_text(option, option.get(defaults)), out);
    }
  }
  list_lines("topic", kTopicIntroduction, topic_options(), kExampleTopic, out);
  list_lines("route", kRouteIntroduction, route_options(), kExampleRoute, out);
  list_lines("user", kUserIntroduction, user_options(), kExampleUser, out);
  list_lines("link", kLinkIntroduction, link_options(), example_link(), out);
  return out;
}

std::string option_table_markdown() {
  const Config defaults;
  std::string out = "| option | default | values | on SIGHUP | |\n|---|---|---|---|---|\n";
  for (const Option<Config>& option : config_options()) {
    table_row(option, name_of(option), toml_text(option, option.get(defaults)), out);
  }
  const Topic topic;
  for (const Option<Topic>& option : topic_options()) {
    const std::string value = option.required ? "" : toml_text(option, option.get(topic));
    table_row(option, "[[topic]] " + std::string(option.key), value, out);
  }
  const Route route;
  for (const Option<Route>& option : route_options()) {
    const std::string value = option.required ? "" : toml_text(option, option.get(route));
    table_row(option, "[[route]] " + std::string(option.key), value, out);
  }
  const User user;
  for (const Option<User>& option : user_options()) {
    const std::string value = option.required ? "" : toml_text(option, option.get(user));
    table_row(option, "[[user]] " + std::string(option.key), value, out);
  }
  const Link link;
  for (const Option<Link>& option : link_options()) {
    const std::string value = option.required ? "" : toml_text(option, option.get(link));
    table_row(option, "[[link]] " + std::string(option.key), value, out);
  }
  return out;
}

}  // namespace runnel::app
