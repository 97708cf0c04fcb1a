#include "hub/app/serve.h"

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "bridge/links.h"
#include "hub/app/notify.h"
#include "hub/app/parts.h"
#include "hub/app/reload.h"
#include "hub/app/user_files.h"
#include "hub/core/users.h"
#include "hub/kafka_broker/broker.h"
#include "hub/net/api.h"
#include "hub/net/fetch_reader.h"
#include "hub/net/http_door.h"
#include "hub/net/listener.h"
#include "hub/net/session_reader.h"
#include "hub/net/tcp_wire.h"
#include "hub/net/websocket_door.h"
#include "storage/base/logger.h"

namespace runnel::app {

namespace asio = boost::asio;
using boost::system::error_code;
using logger::text;

namespace {

constexpr std::chrono::seconds kWatchdog{10};

// The hub's parts, in the order in which they are built; they go in reverse.
class Server {
 public:
  Server(Config config, std::string config_path)
      : config_(std::move(config)), config_path_(std::move(config_path)) {}

  int run();

 private:
  bool open_log();
  bool open_hub();
  void open_doors();
  void announce() const;
  void watch_signals();
  void reload();
  void apply_users();
  void feed_watchdog();
  void stop(int exit_code);
  void committed(const log::Group& group);

  Config config_;
  std::string config_path_;
  SystemClock clock_;
  asio::io_context io_{1};
  std::unique_ptr<log::Log> log_;
  core::Topics topics_;
  core::Users users_;
  core::Replicas replicas_;
  std::unique_ptr<core::Routes> routes_;
  std::unique_ptr<runtime::LogClient> client_;
  std::unique_ptr<net::Hub> hub_;
  std::unique_ptr<net::SessionReader> session_reader_;
  std::unique_ptr<broker::Broker> mqtt_broker_;
  std::unique_ptr<net::FetchReader> fetch_reader_;
  std::unique_ptr<kafka::Broker> kafka_broker_;
  std::unique_ptr<bridge::Mirrors> mirrors_;
  std::unique_ptr<bridge::Links> links_;
  std::unique_ptr<net::Api> api_;
  std::unique_ptr<net::HttpDoor> http_;
  std::vector<std::unique_ptr<net::Listener>> mqtt_, websocket_, kafka_, http_listeners_;
  std::optional<asio::signal_set> signals_;
  std::optional<asio::steady_timer> watchdog_;
  bool stopping_ = false;
  int exit_code_ = 0;
};

bool Server::open_log() {
  auto opened = log::Log::open(log_options(config_), clock_);
  if (!opened) {
    logger::error("log", text("cannot open the log in ", config_.storage.dir, ": ", opened.error().message(), " ", log::Env::last_error()));
    return false;
  }
  log_ = std::move(*opened);
  const log::Log::Totals t = log_->totals();
  logger::info("log", text("opened dir=", config_.storage.dir, " generations=", t.generations, " stored=", t.stored, " boot=", log_->boot()));
  return true;
}

bool Server::open_hub() {
  if (const auto loaded = topics_.load(*log_); !loaded) {
    logger::error("log", "the rows of the topics are damaged");
    return false;
  }
  if (const auto loaded = users_.load(*log_); !loaded) {
    logger::error("log", "the rows of the users cannot be read");
    return false;
  }
  apply_users();
  mirrors_ = std::make_unique<bridge::Mirrors>(*log_, topics_, replicas_);
  if (const auto loaded = mirrors_->load(); !loaded) {
    logger::error("mirror", "cannot read which topics are a mirror's");
    return false;
  }
  client_ = std::make_unique<runtime::LogClient>(io_, *log_, commit_limits(config_));
  {
    auto filling = client_->fill();
    topics_.configure(topic_specs(config_), *filling);
  }
  routes_ = std::make_unique<core::Routes>(route_specs(config_), topics_);
  hub_ = std::make_unique<net::Hub>(io_, *client_, *log_, clock_);
  session_reader_ = std::make_unique<net::SessionReader>(*hub_, *client_, *log_);
  mqtt_broker_ = std::make_unique<broker::Broker>(*log_, broker_limits(config_), routes_.get(), replicas_, *session_reader_, clock_.now());
  session_reader_->serve(*mqtt_broker_);
  hub_->add(*mqtt_broker_);
  fetch_reader_ = std::make_unique<net::FetchReader>(*hub_, *client_);
  kafka_broker_ = std::make_unique<kafka::Broker>(*log_, topics_, users_, replicas_, *fetch_reader_, kafka_limits(config_));
  hub_->add(*kafka_broker_);
  Result<void> loaded;
  hub_->turn([&](core::Turn& t) { loaded = mqtt_broker_->load(t); });
  if (!loaded) {
    logger::error("mqtt", text("cannot read the sessions: ", loaded.error().message()));
    return false;
  }
  hub_->turn([&](core::Turn& t) { loaded = kafka_broker_->load(t); });
  if (!loaded) {
    logger::error("kafka", text("cannot read the groups: ", loaded.error().message()));
    return false;
  }
  mirrors_->serve(
      kafka_broker_->groups().offsets(),
      kafka_broker_->groups().coordinator(),
      [this](core::Turn& t) { kafka_broker_->adopt(t); }
  );
  links_ = std::make_unique<bridge::Links>(*log_, topics_, *mirrors_, clock_, [this] {
    asio::post(io_, [this] { hub_->turn([](core::Turn&) {}); });
  });
  if (!links_->load(kafka_broker_->cluster_id(), kafka_broker_->cluster().id())) {
    logger::error("link", "cannot read what is known of the links");
    return false;
  }
  links_->configure(link_specs(config_), config_.storage.generation_bytes / 4);
  hub_->add(*links_);
  api_ = std::make_unique<net::Api>(io_, *mqtt_broker_, *kafka_broker_, *client_, *log_, topics_, clock_);
  api_->set_disk_limit(config_.storage.limit_bytes);
  api_->set_links([this] { return links_->reports(); });
  mqtt_broker_->set_sys_source([this] { return links_->sys(); });
  http_ = std::make_unique<net::HttpDoor>(io_, [this](const net::HttpRequest& request, net::HttpReply reply) {
    api_->handle(request, std::move(reply));
  });
  return true;
}

void Server::open_doors() {
  const auto listen = [&](auto& list, const std::vector<ListenAddress>& addresses, auto serve) {
    for (const ListenAddress& a : addresses) {
      list.push_back(std::make_unique<net::Listener>(io_, a.host, a.port, serve));
    }
  };
  using Socket = asio::ip::tcp::socket;
  listen(mqtt_, config_.mqtt.listen, [this](Socket s) { net::serve_tcp(*hub_, *mqtt_broker_, std::move(s)); });
  listen(websocket_, config_.mqtt.websocket_listen, [this](Socket s) {
    net::serve_websocket(*hub_, *mqtt_broker_, std::move(s));
  });
  listen(kafka_, config_.kafka.listen, [this](Socket s) {
    net::serve_tcp(*hub_, *kafka_broker_, std::move(s));
  });
  listen(http_listeners_, config_.http.listen, [this](Socket s) { http_->serve(std::move(s)); });
}

void Server::announce() const {
  std::string line = "ready";
  const auto add = [&line](std::string_view door, const auto& list) {
    for (const auto& l : list) line += text(" ", door, "=", l->address());
  };
  add("mqtt", mqtt_);
  add("websocket", websocket_);
  add("kafka", kafka_);
  add("http", http_listeners_);
  logger::info("runnel", line);
  notify_systemd("READY=1\nSTATUS=" + line);
}

void Server::watch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  signals_.emplace(io_, SIGTERM, SIGINT, SIGHUP);
  // Once more after each signal, until the hub stops.
  signals_->async_wait([this](const error_code& ec, int signal) {
    if (ec) return;
    if (signal == SIGHUP) {
      reload();
      watch_signals();
      return;
    }
    logger::info("runnel", text("stopping on signal ", signal));
    stop(0);
  });
}

void Server::reload() {
  if (config_path_.empty()) {
    logger::warn("runnel", "SIGHUP: there is no configuration file to read again");
    return;
  }
  notify_systemd("RELOADING=1");
  auto next = reload_config(config_, config_path_);
  if (!next) {
    for (const ConfigError& e : next.error()) {
      logger::error("runnel", "reload refused: " + describe(e, config_path_));
    }
    notify_systemd("READY=1");
    return;
  }
  config_ = std::move(*next);
  for (const std::string& warning : config_.warnings) logger::warn("runnel", warning);
  {
    auto filling = client_->fill();
    topics_.configure(topic_specs(config_), *filling);
  }
  auto routes = std::make_unique<core::Routes>(route_specs(config_), topics_);
  mqtt_broker_->set_routes(routes.get());
  routes_ = std::move(routes);
  mqtt_broker_->set_limits(broker_limits(config_));
  apply_users();
  kafka_broker_->set_limits(kafka_limits(config_));
  kafka_broker_->logins().review();
  links_->configure(link_specs(config_), config_.storage.generation_bytes / 4);
  client_->set_limits(commit_limits(config_));
  log_->set_limits(log_options(config_));
  api_->set_disk_limit(config_.storage.limit_bytes);
  logger::set_level(config_.log.level);
  logger::info("runnel", text("reloaded ", config_path_));
  notify_systemd("READY=1");
}

// Passwords are in memory no longer than this takes.
void Server::apply_users() {
  std::vector<core::UserSpec> specs = user_specs(config_);
  users_.configure(specs);
  for (core::UserSpec& spec : specs) sasl::forget(spec.password);
  forget_passwords(config_);
}

// A flush that hangs keeps the io thread waiting for its outcome, but not from running: so the
// watchdog is fed only while commits end or there is none to wait for.
void Server::feed_watchdog() {
  watchdog_->expires_after(kWatchdog);
  watchdog_->async_wait([this](const error_code& ec) {
    if (ec) return;
    if (!client_->stuck(clock_.now())) notify_systemd("WATCHDOG=1");
    feed_watchdog();
  });
}

void Server::committed(const log::Group& group) {
  hub_->committed(group);
  if (group.outcome.state == Errc::ok || stopping_) return;
  // Refused records are told to their publishers; state that cannot be written leaves the hub
  // without a memory of what it has promised.
  logger::error("runnel", text("stopping: state cannot be written: ", describe(group.outcome.state)));
  stop(1);
}

void Server::stop(int exit_code) {
  if (stopping_) return;
  stopping_ = true;
  exit_code_ = exit_code;
  notify_systemd("STOPPING=1");
  for (auto* list : {&mqtt_, &websocket_, &kafka_, &http_listeners_}) {
    for (const auto& listener : *list) listener->close();
  }
  // What has been accepted is committed, and its acknowledgements leave, before the goodbye; then
  // the progress of the sessions is committed.
  client_->stop();
  io_.poll();
  hub_->shut_down();
  client_->finish();
  http_->close();
  io_.stop();
}

int Server::run() {
  logger::set_level(config_.log.level);
  for (const std::string& warning : config_.warnings) logger::warn("runnel", warning);
  if (!open_log() || !open_hub()) return 1;
  client_->start([this](const log::Group& group) { committed(group); });
  try {
    open_doors();
  } catch (const std::exception& e) {
    logger::error("runnel", e.what());
    client_->stop();
    return 1;
  }
  hub_->start();
  watch_signals();
  watchdog_.emplace(io_);
  feed_watchdog();
  announce();
  io_.run();
  return exit_code_;
}

}  // namespace

int serve(Config config, std::string config_path) {
  return Server(std::move(config), std::move(config_path)).run();
}

}  // namespace runnel::app
