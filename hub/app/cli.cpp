#include "hub/app/cli.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "hub/app/cli_parts.h"
#include "hub/app/commands.h"
#include "hub/app/config.h"
#include "hub/app/console.h"
#include "hub/app/serve.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace {

constexpr std::array<std::string_view, 9> kCommands{
    "serve", "check-config", "status", "links", "topics", "groups", "tail", "publish", "doctor"};

constexpr std::uint16_t kHttpPort = 8090;

struct Serve {
  std::string config;
  std::string data;
};

int run_serve(const Serve& command) {
  Config config;
  if (!command.config.empty()) {
    LoadedConfig loaded = load_config(command.config);
    if (!loaded) {
      complain(loaded.error(), command.config);
      return kExitUsage;
    }
    config = std::move(*loaded);
  }
  if (!command.data.empty()) {
    config.storage.dir = command.data;
    config.dir_from_command_line = true;
  }
  // A peer that leaves is an error of one write, not the end of the hub.
  std::signal(SIGPIPE, SIG_IGN);
  return serve(std::move(config), command.config);
}

// CLI11's layout, with lines that fit a terminal and without its remarks on types and defaults:
// descriptions say what is worth knowing.
class HelpFormat final : public CLI::Formatter {
 public:
  HelpFormat() {
    column_width(kColumn);
    label("Positionals", "Arguments");
  }

  std::string make_description(const CLI::App* app) const override {
    return app->get_description() + "\n\n";
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string& text = option->get_option_text();
    return text.empty() ? text : " " + text;
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    if (!app->get_subcommands({}).empty()) return "Usage: " + name + " COMMAND [OPTIONS]\n";
    std::string out = "Usage: " + name + " [OPTIONS]";
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional()) out += " " + make_option_usage(option);
    }
    return out + "\n";
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string out;
    std::size_t column = 0;
    std::istringstream words(option->get_description());
    for (std::string word; words >> word;) {
      if (column != 0) {
        const bool fits = column + 1 + word.size() <= kColumns - kColumn;
        out += fits ? ' ' : '\n';
        column = fits ? column + 1 : 0;
      }
      out += word;
      column += word.size();
    }
    return out;
  }

 private:
  static constexpr std::size_t kColumn = 24;
  static constexpr std::size_t kColumns = 80;
};

// Every command sets `run` to what is to be done, once all is parsed.
class CommandLine {
 public:
  CommandLine() : app_("Runnel: a sensor event hub. MQTT in, durable before it is acknowledged.") {
    app_.name("runnel");
    app_.set_version_flag("--version", "runnel " RUNNEL_VERSION);
    app_.require_subcommand(1);
    app_.formatter(std::make_shared<HelpFormat>());
    app_.footer(
        "`runnel COMMAND --help` says more. Exit codes: 0 done, 1 failed, 2 bad usage or "
        "configuration."
    );
    add_serve();
    add_check_config();
    add_status();
    add_links();
    add_topics();
    add_groups();
    add_tail();
    add_publish();
    add_doctor();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& asked) {  // --help and --version
      app_.exit(asked);
      return flushed(kExitOk);
    } catch (const CLI::ParseError& error) {
      return complain_about(error, argc, argv);
    }
    return run_();
  }

 private:
  int complain_about(const CLI::ParseError& error, int argc, char** argv) const {
    if (argc < 2) {
      note("a command is missing; `runnel --help` lists them");
      return kExitUsage;
    }
    const std::string_view first = argv[1];
    const bool known = std::find(kCommands.begin(), kCommands.end(), first) != kCommands.end();
    if (!known && !first.starts_with('-')) {
      const std::string_view near = nearest(first, kCommands);
      return misused(
          "there is no command " + in_quotes(first) + "; " +
          (near.empty() ? "`runnel --help` lists them" : "did you mean " + std::string(near) + "?")
      );
    }
    return misused(
        printable(error.what()) + "; see `runnel " + (known ? std::string(first) + " " : "") +
        "--help`"
    );
  }

  CLI::App& command(const std::string& name, const std::string& what, const std::string& examples) {
    CLI::App& sub = *app_.add_subcommand(name, what);
    sub.group("Commands");
    sub.footer("Examples:\n" + examples);
    return sub;
  }

  void add_serve() {
    CLI::App& sub = command(
        "serve",
        "Run the hub; SIGTERM stops it, SIGHUP reloads",
        "  runnel serve\n"
        "  runnel serve --config /etc/runnel/runnel.toml --data /var/lib/runnel"
    );
    sub.add_option(
           "--config",
           serve_.config,
           "The configuration; without one: MQTT on 127.0.0.1:1883, Kafka on 127.0.0.1:9092, HTTP "
           "on 127.0.0.1:8090, data in ./runnel-data"
    )
        ->option_text("FILE");
    sub.add_option("--data", serve_.data, "The data directory, instead of the configuration's")
        ->option_text("DIR");
    sub.callback([this] { run_ = [this] { return run_serve(serve_); }; });
  }

  void add_check_config() {
    CLI::App& sub = command(
        "check-config",
        "Say what is wrong with a configuration",
        "  runnel check-config /etc/runnel/runnel.toml\n"
        "  runnel check-config --print-defaults > runnel.toml"
    );
    auto* file = sub.add_option("FILE", check_.file, "The configuration");
    add_json(sub, check_.json);
    auto* defaults = sub.add_flag(
        "--print-defaults", print_defaults_, "Print every option, explained, with its default"
    );
    auto* reference = sub.add_flag(
        "--print-reference", print_reference_, "Print the options as a table in Markdown"
    );
    defaults->excludes(file)->excludes(reference);
    reference->excludes(file);
    sub.callback([this] {
      if (check_.file.empty() && !print_defaults_ && !print_reference_) {
        throw CLI::RequiredError("FILE");
      }
      run_ = [this] {
        if (print_defaults_) return print_defaults();
        return print_reference_ ? print_reference() : check_config(check_);
      };
    });
  }

  void add_status() {
    CLI::App& sub = command(
        "status",
        "Ask a running hub how it is",
        "  runnel status\n"
        "  RUNNEL_HTTP=gateway:8090 runnel status --json\n"
        "Exit code 1: the hub is not healthy, or not there."
    );
    status_.http.port = kHttpPort;
    auto* http = add_http(
        sub,
        status_.http,
        "Where the hub's HTTP door is [the environment's RUNNEL_HTTP, or 127.0.0.1:8090]"
    );
    add_json(sub, status_.json);
    sub.callback([this, http] {
      if (http->count() == 0) status_.http = http_from_environment().value_or(status_.http);
      run_ = [this] { return status(status_); };
    });
  }

  void add_links() {
    CLI::App& sub = command(
        "links",
        "Ask a running hub how its links are, and how far behind",
        "  runnel links\n"
        "  runnel links cloud\n"
        "  RUNNEL_HTTP=gateway:8090 runnel links --json\n"
    );
    sub.add_option("NAME", links_.name, "One link [all of them]");
    links_.http.port = kHttpPort;
    auto* http = add_http(
        sub,
        links_.http,
        "Where the hub's HTTP door is [the environment's RUNNEL_HTTP, or 127.0.0.1:8090]"
    );
    add_json(sub, links_.json);
    sub.callback([this, http] {
      if (http->count() == 0) links_.http = http_from_environment().value_or(links_.http);
      run_ = [this] { return links(links_); };
    });
  }

  void add_topics() {
    app::add_topics(
        command(
            "topics",
            "List, describe and change the topics of the log",
            "  runnel topics\n"
            "  runnel topics describe temps --json\n"
            "  runnel topics create temps --partitions 3 --set retention.ms=86400000\n"
            "  runnel topics configs temps --set cleanup.policy=compact\n"
            "  runnel topics delete temps"
        ),
        run_
    );
  }

  void add_groups() {
    app::add_groups(
        command(
            "groups",
            "List, describe and change consumer groups",
            "  runnel groups\n"
            "  runnel groups describe dashboards\n"
            "  runnel groups reset dashboards --topic temps --to -2h --dry-run\n"
            "  runnel groups delete dashboards"
        ),
        run_
    );
  }

  void add_tail() {
    app::add_tail(
        command(
            "tail",
            "Read records: partition, offset, time, key, value",
            "  runnel tail mqtt                      all that the log has\n"
            "  runnel tail mqtt --from -10           the last ten of each partition\n"
            "  runnel tail mqtt --follow             what comes from now on\n"
            "  runnel tail temps --from -2h --until -1h --headers\n"
            "  runnel tail temps --partition 0 --from 1000 --count 50 --json\n"
            "  runnel tail temps --json | runnel publish copy --json"
        ),
        run_
    );
  }

  void add_publish() {
    app::add_publish(
        command(
            "publish",
            "Publish, and wait until the hub has it",
            "To a topic of the log, over Kafka:\n"
            "  runnel publish temps --key boiler --value 21.5 --header unit=C\n"
            "  sensor-readings | runnel publish temps --lines --key-separator ' '\n"
            "  runnel publish temps --key boiler --null\n"
            "To an MQTT topic, over MQTT 5: where TOPIC has a /, or one of --mqtt, --qos,\n"
            "--retain, --host and --port is given:\n"
            "  runnel publish plant/1/temp --value 21.5\n"
            "  runnel publish plant/1/photo --file still.jpg --qos 2\n"
            "Exit code 1: the hub refused a message, or is not there."
        ),
        run_
    );
  }

  void add_doctor() {
    CLI::App& sub = command(
        "doctor",
        "Read the files of a log and say what is wrong",
        "  runnel doctor --data /var/lib/runnel\n"
        "  runnel doctor --json\n"
        "Changes nothing. Exit code 1: something is wrong."
    );
    doctor_.data = Config{}.storage.dir;
    sub.add_option("--data", doctor_.data, "The data directory [./runnel-data]")
        ->option_text("DIR");
    add_json(sub, doctor_.json);
    sub.callback([this] { run_ = [this] { return doctor(doctor_); }; });
  }

  CLI::App app_;
  Serve serve_;
  CheckConfig check_;
  bool print_defaults_ = false;
  bool print_reference_ = false;
  Status status_;
  Links links_;
  Doctor doctor_;
  Run run_;
};

}  // namespace

int run_command_line(int argc, char** argv) {
  end_quietly_with_the_reader();
  return CommandLine().run(argc, argv);
}

}  // namespace runnel::app
