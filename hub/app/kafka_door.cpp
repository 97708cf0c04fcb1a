#include "hub/app/kafka_door.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "hub/app/config.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"

namespace runnel::app {

using kafka_client::Door;
using kafka_client::Failure;

namespace {

constexpr std::uint16_t kKafkaPort = 9092;
constexpr std::chrono::milliseconds kConnectTimeout{3000};  // of one address
constexpr std::chrono::milliseconds kAnswerTimeout{5000};

std::string joined(const std::vector<Peer>& peers) {
  std::string out;
  for (const Peer& peer : peers) out += (out.empty() ? "" : ",") + peer_text(peer);
  return out;
}

// Somewhere to connect to for an address to listen on.
std::string host_of(const ListenAddress& address) {
  if (address.host == "0.0.0.0") return "127.0.0.1";
  return address.host == "::" ? "::1" : address.host;
}

OrWhy<std::vector<Peer>> peers_of_config(const std::string& file) {
  const LoadedConfig loaded = read_config(file);  // without anybody's password
  if (!loaded) return Why{describe(loaded.error().front(), file)};
  if (loaded->kafka.listen.empty())
    return Why{file + ": [kafka] listen is empty: this hub has no Kafka door"};
  const ListenAddress& first = loaded->kafka.listen.front();
  if (first.port == 0) return Why{file + ": [kafka] listen has port 0: say --bootstrap HOST:PORT"};
  return std::vector<Peer>{{host_of(first), first.port}};
}

OrWhy<std::vector<Peer>> peers_of(const DoorOptions& options) {
  std::string text = options.bootstrap;
  if (text.empty() && !options.config.empty()) return peers_of_config(options.config);
  const char* from_environment = std::getenv("RUNNEL_BOOTSTRAP");
  if (text.empty() && from_environment != nullptr) text = from_environment;
  if (text.empty()) return std::vector<Peer>{{"127.0.0.1", kKafkaPort}};
  const auto peers = read_bootstrap(text);
  if (!peers)
    return Why{
        "--bootstrap: " + in_quotes(text) + " must be HOST:PORT, or several with commas between"};
  return *peers;
}

// The first line, so that an editor's newline at the end does no harm.
OrWhy<std::string> password_in(const std::string& file) {
  errno = 0;
  std::ifstream in(file);
  std::string line;
  if (!in.is_open() || (!std::getline(in, line) && !in.eof())) {
    return Why{"--password-file: cannot read " + in_quotes(file) + ": " + std::strerror(errno)};
  }
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) return Why{"--password-file: " + in_quotes(file) + " is empty"};
  return OrWhy<std::string>(boost::system::in_place_value, line);  // a Why could be made of it, too
}

}  // namespace

std::optional<std::vector<Peer>> read_bootstrap(std::string_view text) {
  std::vector<Peer> peers;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string one(text.substr(0, comma));
    auto peer = read_peer(one);
    if (!peer) peer = read_peer(one + ":" + std::to_string(kKafkaPort));
    if (!peer) return std::nullopt;
    peers.push_back(std::move(*peer));
    if (comma == std::string_view::npos) return peers;
    text.remove_prefix(comma + 1);
  }
}

OrWhy<Door> door_of(const DoorOptions& options) {
  const auto peers = peers_of(options);
  if (!peers) return peers.error();
  Door door;
  door.bootstrap = joined(*peers);
  if (options.user.empty() != options.password_file.empty()) {
    return Why{"--user and --password-file go together"};
  }
  if (options.user.empty()) return door;
  auto password = password_in(options.password_file);
  if (!password) return password.error();
  door.user = options.user;
  door.password = std::move(*password);
  door.mechanism = options.mechanism;
  return door;
}

std::optional<std::string> reach(kafka_client::Client& client, const Door& door) {
  if (client.unusable()) return *client.unusable();
  // A plain connection says at once why there is none; the library would try on and on.
  const std::string where = "the hub at " + door.bootstrap;
  std::optional<Why> why;
  const auto peers = read_bootstrap(door.bootstrap);
  for (const Peer& peer : peers.value_or(std::vector<Peer>{})) {
    why = Connection().open(peer, kConnectTimeout);
    if (!why) break;
  }
  if (why) return "cannot reach " + where + ": " + why->text + "; is `runnel serve` running?";
  const auto failure = client.connect(kAnswerTimeout);
  if (!failure) return std::nullopt;
  if (failure->kind == Failure::Kind::refused)
    return where + " does not let us in: " + failure->text;
  const bool anonymous = door.user.empty();
  return where + " does not answer as a Kafka broker does: " + failure->text +
         (anonymous ? " (does it want --user?)" : "");
}

const kafka_client::Topic* find_topic(
    const std::vector<kafka_client::Topic>& topics, const std::string& name
) {
  const auto found = std::find_if(topics.begin(), topics.end(), [&](const auto& topic) {
    return topic.name == name;
  });
  return found == topics.end() ? nullptr : &*found;
}

std::string no_such_topic(const std::string& name, const std::vector<kafka_client::Topic>& topics) {
  constexpr std::size_t kNamed = 10;
  std::vector<std::string_view> names;
  std::string some;
  for (const kafka_client::Topic& topic : topics) {
    if (names.size() < kNamed) some += (some.empty() ? "" : ", ") + printable(topic.name);
    names.push_back(topic.name);
  }
  if (names.size() > kNamed) some += ", …";
  const std::string_view near = nearest(name, names);
  const std::string none = "the hub has no topic " + in_quotes(name);
  if (!near.empty()) return none + "; did you mean " + printable(near) + "?";
  return none + (some.empty() ? ", nor any other" : "; it has " + some);
}

std::string cannot(const std::string& what, const Failure& failure) {
  if (failure.kind == Failure::Kind::unsupported) {
    return "cannot " + what + ": this hub does not serve that (" + failure.text + ")";
  }
  return "cannot " + what + ": " + failure.text;
}

}  // namespace runnel::app
