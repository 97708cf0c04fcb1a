// What the HTTP door answers: /healthz, /metrics (Prometheus), and /api/v1/… (docs/http-api.md).
// Threads: the io thread.
#pragma once

#include <boost/asio/io_context.hpp>

#include "hub/core/link_report.h"
#include "hub/core/topics.h"
#include "hub/net/http_door.h"
#include "hub/broker/broker.h"
#include "hub/kafka_broker/broker.h"
#include "hub/runtime/log_client.h"

namespace runnel::net {

class Api {
 public:
  // All outlive this.
  Api(
      boost::asio::io_context& io,
      const broker::Broker& broker,
      const kafka::Broker& kafka,
      runtime::LogClient& client,
      const log::Log& log,
      const core::Topics& topics,
      const Clock& clock
  );

  void set_links(core::LinkReports links) { links_ = std::move(links); }
  void set_disk_limit(std::uint64_t bytes) { disk_limit_bytes_ = bytes; }

  void handle(const HttpRequest& request, HttpReply reply);

 private:
  struct Fetch;

  [[nodiscard]] HttpAnswer status() const;
  [[nodiscard]] HttpAnswer topics() const;
  [[nodiscard]] HttpAnswer metrics() const;
  void records(const HttpRequest& request, std::string_view topic, HttpReply reply);
  void fetch(std::shared_ptr<Fetch> fetch);

  boost::asio::io_context& io_;
  const broker::Broker& broker_;
  const kafka::Broker& kafka_;
  runtime::LogClient& client_;
  const log::Log& log_;
  const core::Topics& topics_;
  const Clock& clock_;
  Instant started_;
  core::LinkReports links_ = [] { return std::vector<core::LinkReport>(); };
  std::uint64_t disk_limit_bytes_ = 0;
};

}  // namespace runnel::net
