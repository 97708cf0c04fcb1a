// `runnel topics` and `runnel groups`: what can be asked of a cluster, and done to it.
#include "hub/app/cli_parts.h"
#include "hub/app/commands.h"
#include "hub/app/kafka_commands.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace {

From place_of(const std::string& option, const std::string& text) {
  const auto from = read_from(text);
  if (!from) {
    throw CLI::ValidationError(
        option,
        in_quotes(text) +
            " must be earliest, latest, an offset, -N, or a time: 2026-05-01T12:00, @MS or -2h"
    );
  }
  return *from;
}

// A command below a command. What both take, the upper one has.
CLI::App& below(CLI::App& sub, const std::string& name, const std::string& what) {
  CLI::App& made = *sub.add_subcommand(name, what);
  made.fallthrough();
  made.group("Commands");
  return made;
}

struct TopicsLine {
  KafkaTopics kafka;
  Peer http;
  std::string name;
  std::string before;
};

template <class Names>  // one name, or several
void add_name(CLI::App& sub, Names& names, const std::string& what) {
  sub.add_option("NAME", names, what)->required()->check([](const std::string& text) {
    return std::string(text.empty() ? "a name is not empty" : "");
  });
}

void add_changes(CLI::App& sub, TopicsLine& line) {
  KafkaTopics& kafka = line.kafka;
  using Action = KafkaTopics::Action;
  CLI::App& create = below(sub, "create", "Make a topic");
  add_name(create, line.name, "Its name");
  create.add_option("--partitions", kafka.partitions, "How many partitions [as the hub has it]")
      ->option_text("N")
      ->check(CLI::PositiveNumber);
  create.add_option("--replication", kafka.replication, "How many copies, in a cluster")
      ->option_text("N")
      ->check(CLI::PositiveNumber);
  create.add_option("--set", kafka.set, "A config of the topic; may be repeated")
      ->option_text("NAME=VALUE")
      ->allow_extra_args(false);
  create.callback([&kafka] { kafka.action = Action::create; });

  CLI::App& remove = below(sub, "delete", "Delete topics with all that they hold");
  add_name(remove, kafka.names, "Their names");
  remove.callback([&kafka] { kafka.action = Action::remove; });

  CLI::App& grow = below(sub, "add-partitions", "Give a topic more partitions");
  add_name(grow, line.name, "A topic");
  grow.add_option("--partitions", kafka.partitions, "How many there are to be in all")
      ->option_text("N")
      ->required()
      ->check(CLI::PositiveNumber);
  grow.callback([&kafka] { kafka.action = Action::add_partitions; });

  CLI::App& trim = below(sub, "trim", "Delete the oldest records of a topic");
  add_name(trim, line.name, "A topic");
  trim.add_option("-p,--partition", kafka.partition, "Only of this partition [of all]")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber);
  trim.add_option("--before", line.before, "What is before that: an offset, latest, -N or a time")
      ->option_text("WHERE")
      ->required();
  trim.callback([&line] {
    line.kafka.action = Action::trim;
    line.kafka.before = place_of("--before", line.before);
  });
}

void add_configs(CLI::App& sub, TopicsLine& line) {
  CLI::App& configs = below(sub, "configs", "Show or change the configs of a topic");
  add_name(configs, line.name, "A topic");
  configs.add_option("--set", line.kafka.set, "Change a config; may be repeated")
      ->option_text("NAME=VALUE")
      ->allow_extra_args(false);
  configs.add_option("--unset", line.kafka.unset, "Put a config back to its default")
      ->option_text("NAME")
      ->allow_extra_args(false);
  configs.callback([&line] { line.kafka.action = KafkaTopics::Action::configs; });
}

struct GroupsLine {
  Groups command;
  std::string name;
  std::string to;
};

void add_reset(CLI::App& sub, GroupsLine& line) {
  CLI::App& reset = below(sub, "reset", "Move the offsets of a group that has no members");
  add_name(reset, line.name, "A group");
  reset.add_option("--topic", line.command.topic, "In this topic")->option_text("NAME")->required();
  reset.add_option("-p,--partition", line.command.partition, "Only in this partition [in all]")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber);
  reset
      .add_option(
          "--to", line.to, "Where to: earliest, latest, an offset, -N (the last N) or a time"
      )
      ->option_text("WHERE")
      ->required();
  reset.add_flag("--dry-run", line.command.dry_run, "Only say what would be");
  reset.callback([&line] {
    line.command.action = Groups::Action::reset;
    line.command.to = place_of("--to", line.to);
  });
}

}  // namespace

void add_topics(CLI::App& sub, Run& run) {
  const auto line = std::make_shared<TopicsLine>();
  sub.require_subcommand(0, 1);
  add_json(sub, line->kafka.json);
  add_door(sub, line->kafka.door);
  add_http(sub, line->http, "List over this HTTP door instead [the environment's RUNNEL_HTTP]");
  below(sub, "list", "All topics with their offsets (also without a word)").callback([line] {
    line->kafka.action = KafkaTopics::Action::list;
  });
  CLI::App& describe = below(sub, "describe", "Partitions, offsets and configs of a topic");
  add_name(describe, line->name, "A topic");
  describe.callback([line] { line->kafka.action = KafkaTopics::Action::describe; });
  add_changes(sub, *line);
  add_configs(sub, *line);
  sub.callback([line, &sub, &run] {
    if (!line->name.empty()) line->kafka.names = {line->name};
    const bool listing = line->kafka.action == KafkaTopics::Action::list;
    const auto http =
        listing ? http_instead_of_kafka(sub, line->http, {"--bootstrap", "--config", "--user"})
                : std::nullopt;
    if (!listing && sub.get_option("--http")->count() > 0) {
      throw CLI::ValidationError("--http", "only a list goes over HTTP");
    }
    run = [line, http] {
      return http ? topics({*http, line->kafka.json}) : kafka_topics(line->kafka);
    };
  });
}

void add_groups(CLI::App& sub, Run& run) {
  const auto line = std::make_shared<GroupsLine>();
  sub.require_subcommand(0, 1);
  add_json(sub, line->command.json);
  add_door(sub, line->command.door);
  below(sub, "list", "All consumer groups (also without a word)").callback([line] {
    line->command.action = Groups::Action::list;
  });
  CLI::App& describe = below(sub, "describe", "Members of a group, and how far it has come");
  add_name(describe, line->name, "A group");
  describe.callback([line] { line->command.action = Groups::Action::describe; });
  CLI::App& remove = below(sub, "delete", "Delete groups that have no members");
  add_name(remove, line->command.names, "Their names");
  remove.callback([line] { line->command.action = Groups::Action::remove; });
  add_reset(sub, *line);
  sub.callback([line, &run] {
    if (!line->name.empty()) line->command.names = {line->name};
    run = [line] { return groups(line->command); };
  });
}

}  // namespace runnel::app
