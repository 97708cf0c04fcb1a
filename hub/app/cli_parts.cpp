#include "hub/app/cli_parts.h"

#include <cstdlib>

#include "hub/app/text.h"

namespace runnel::app {

namespace {

Peer peer_of(const std::string& text) {
  const auto parsed = read_peer(text);
  if (!parsed) throw CLI::ValidationError("--http", in_quotes(text) + " must be HOST:PORT");
  return *parsed;
}

// Given on the command line; options of a subcommand's parent count, too.
bool given(const CLI::App& sub, const std::string& name) {
  const CLI::Option* option = sub.get_option_no_throw(name);
  return option != nullptr && option->count() > 0;
}

}  // namespace

void add_json(CLI::App& sub, bool& json, const std::string& what) {
  sub.add_flag("--json", json, what);
}

CLI::Option* add_http(CLI::App& sub, Peer& peer, const std::string& what) {
  return sub
      .add_option_function<std::string>(
          "--http", [&peer](const std::string& text) { peer = peer_of(text); }, what
      )
      ->option_text("HOST:PORT");
}

std::optional<Peer> http_from_environment() {
  const char* text = std::getenv("RUNNEL_HTTP");
  if (text == nullptr || *text == '\0') return std::nullopt;
  return peer_of(text);
}

void add_door(CLI::App& sub, DoorOptions& door) {
  sub.add_option_function<std::string>(
         "-b,--bootstrap",
         [&door](const std::string& text) {
           if (!read_bootstrap(text)) {
             throw CLI::ValidationError(
                 "--bootstrap",
                 in_quotes(text) + " must be HOST:PORT, or several with commas between"
             );
           }
           door.bootstrap = text;
         },
         "Where the Kafka door is, of a hub or of any Kafka cluster [what --config says, the "
         "environment's RUNNEL_BOOTSTRAP, or 127.0.0.1:9092]"
  )
      ->option_text("HOST:PORT");
  sub.add_option("--config", door.config, "The configuration whose [kafka] listen is meant")
      ->option_text("FILE");
  sub.add_option("--user", door.user, "Who asks, if the door wants to know (SASL)")
      ->option_text("NAME");
  sub.add_option(
         "--password-file", door.password_file, "A file with the password in its first line"
  )
      ->option_text("FILE");
  sub.add_option(
         "--sasl-mechanism",
         door.mechanism,
         "PLAIN (sends the password as it is), SCRAM-SHA-256 or SCRAM-SHA-512 [SCRAM-SHA-256]"
  )
      ->option_text("NAME")
      ->check(CLI::IsMember({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}));
}

std::optional<Peer> http_instead_of_kafka(
    const CLI::App& sub, const Peer& peer, const std::vector<std::string>& kafka_only
) {
  const bool asked = given(sub, "--http");
  const char* bootstrap = std::getenv("RUNNEL_BOOTSTRAP");
  const bool kafka = given(sub, "--bootstrap") || given(sub, "--config") ||
                     (bootstrap != nullptr && *bootstrap != '\0');
  const auto from_environment = asked || kafka ? std::nullopt : http_from_environment();
  if (!asked && !from_environment) return std::nullopt;
  for (const std::string& name : kafka_only) {
    if (!given(sub, name)) continue;
    throw CLI::ValidationError(
        name,
        std::string("does not go over ") +
            (asked ? "--http" : "HTTP, as RUNNEL_HTTP asks for; say --bootstrap")
    );
  }
  return asked ? peer : *from_environment;
}

}  // namespace runnel::app
