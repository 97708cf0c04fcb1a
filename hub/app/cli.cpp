#include "hub/app/cli.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "hub/app/commands.h"
#include "hub/app/config.h"
#include "hub/app/console.h"
#include "hub/app/serve.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace {

constexpr std::array<std::string_view, 7> kCommands{
    "serve", "check-config", "status", "topics", "tail", "publish", "doctor"};

constexpr std::uint16_t kHttpPort = 8090;
constexpr std::uint16_t kMqttPort = 1883;

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
    add_topics();
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
           "The configuration; without one: MQTT on 127.0.0.1:1883, HTTP on 127.0.0.1:8090, data "
           "in "
           "./runnel-data"
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
    add_http(sub, status_.http);
    add_json(sub, status_.json);
    sub.callback([this] { run_ = [this] { return status(status_); }; });
  }

  void add_topics() {
    CLI::App& sub = command(
        "topics",
        "List the topics of the log with their offsets",
        "  runnel topics\n"
        "  runnel topics --json"
    );
    add_http(sub, topics_.http);
    add_json(sub, topics_.json);
    sub.callback([this] { run_ = [this] { return topics(topics_); }; });
  }

  void add_tail() {
    CLI::App& sub = command(
        "tail",
        "Read records: partition, offset, time, key, value",
        "  runnel tail mqtt                      all that the log has\n"
        "  runnel tail mqtt --from -10           the last ten of each partition\n"
        "  runnel tail mqtt --follow             what comes from now on\n"
        "  runnel tail temps --partition 0 --from 1000 --max 50 --json"
    );
    sub.add_option("TOPIC", tail_.topic, "A topic of the log")->required();
    sub.add_option("--partition", tail_.partition, "Only this partition")->option_text("N");
    sub.add_option(
           "--from",
           from_,
           "Where to begin: earliest, latest, an offset, or -N for the last N of each partition "
           "[earliest; latest with --follow]"
    )
        ->option_text("WHERE");
    sub.add_option("--max", tail_.max, "Stop after so many records")->option_text("N");
    sub.add_flag("--follow", tail_.follow, "Do not stop at the end: wait for more");
    add_http(sub, tail_.http);
    add_json(sub, tail_.json, "One JSON object a line, as the HTTP API has it");
    sub.callback([this] {
      if (from_.empty()) from_ = tail_.follow ? "latest" : "earliest";
      const auto from = read_from(from_);
      if (!from) {
        throw CLI::ValidationError(
            "--from", in_quotes(from_) + " must be earliest, latest, an offset or -N"
        );
      }
      tail_.from = *from;
      run_ = [this] { return tail(tail_); };
    });
  }

  void add_publish() {
    CLI::App& sub = command(
        "publish",
        "Publish over MQTT 5; wait until the hub has it",
        "  runnel publish plant/1/temp --value 21.5\n"
        "  runnel publish plant/1/photo --file still.jpg --qos 2\n"
        "  sensor-readings | runnel publish plant/1/temp --lines\n"
        "Exit code 1: the hub refused a message, or is not there."
    );
    sub.add_option("MQTT_TOPIC", publish_.topic, "An MQTT topic")->required();
    auto* value = sub.add_option("--value", publish_.value, "The message")->option_text("TEXT");
    auto* file = sub.add_option(
                        "--file",
                        publish_.file,
                        "The message is what this file holds; -: "
                        "standard input"
    )
                     ->option_text("FILE");
    auto* lines =
        sub.add_flag("--lines", publish_.lines, "Every line of standard input is a message");
    value->excludes(file)->excludes(lines);
    file->excludes(lines);
    sub.add_option("--qos", qos_, "0: read by the hub, 1: durable, 2: durable exactly once [1]")
        ->option_text("0|1|2")
        ->check(CLI::Range(0, 2));
    sub.add_flag("--retain", publish_.retain, "Keep it as the MQTT topic's retained message");
    sub.add_option("--host", publish_.mqtt.host, "Where the hub's MQTT door is [127.0.0.1]")
        ->option_text("NAME");
    publish_.mqtt.port = kMqttPort;
    sub.add_option("--port", publish_.mqtt.port, "Its port [1883]")
        ->option_text("N")
        ->check(CLI::Range(1, 65535));
    sub.callback([this] {
      if (!publish_.value && !publish_.file && !publish_.lines) {
        throw CLI::RequiredError("One of --value, --file and --lines");
      }
      publish_.qos = static_cast<mqtt::QoS>(qos_);
      run_ = [this] { return publish(publish_); };
    });
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

  static void add_json(
      CLI::App& sub, bool& json, const std::string& what = "Print JSON, for scripts"
  ) {
    sub.add_flag("--json", json, what);
  }

  static void add_http(CLI::App& sub, Peer& peer) {
    peer.port = kHttpPort;
    const auto read = [&peer](const std::string& text) {
      const auto parsed = read_peer(text);
      if (!parsed) {
        throw CLI::ValidationError("--http", in_quotes(text) + " must be HOST:PORT");
      }
      peer = *parsed;
    };
    sub.add_option_function<std::string>(
           "--http",
           read,
           "Where the hub's HTTP door is [the environment's RUNNEL_HTTP, or 127.0.0.1:8090]"
    )
        ->option_text("HOST:PORT")
        ->envname("RUNNEL_HTTP");
  }

  CLI::App app_;
  Serve serve_;
  CheckConfig check_;
  bool print_defaults_ = false;
  bool print_reference_ = false;
  Status status_;
  Topics topics_;
  Tail tail_;
  std::string from_;
  Publish publish_;
  int qos_ = 1;
  Doctor doctor_;
  std::function<int()> run_;
};

}  // namespace

int run_command_line(int argc, char** argv) {
  end_quietly_with_the_reader();
  return CommandLine().run(argc, argv);
}

}  // namespace runnel::app
