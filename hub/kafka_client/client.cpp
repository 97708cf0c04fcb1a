#include "hub/kafka_client/client.h"

#include <algorithm>
#include <stdexcept>

#include "hub/kafka_client/library.h"

namespace runnel::kafka_client {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kPatienceMs = static_cast<int>(kPatience.count());

// How long the library is left alone before it is asked what it has heard.
constexpr milliseconds kOneLook{250};

using OwnedMetadata = Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;

OwnedMetadata metadata(rd_kafka_t* handle, bool topics, milliseconds timeout, int& error) {
  const rd_kafka_metadata_t* found = nullptr;
  error =
      rd_kafka_metadata(handle, topics ? 1 : 0, nullptr, &found, static_cast<int>(timeout.count()));
  return OwnedMetadata(error == RD_KAFKA_RESP_ERR_NO_ERROR ? found : nullptr);
}

Settings with_door(const Door& door, const Settings& settings) {
  Settings all{
      {"bootstrap.servers", door.bootstrap},
      {"client.id", "runnel"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"socket.connection.setup.timeout.ms", "5000"},
      {"message.max.bytes", "1000000000"},  // what is too large, the cluster knows
  };
  const std::string transport = door.tls ? "SSL" : "PLAINTEXT";
  all.emplace_back("security.protocol", (door.user.empty() ? "" : "SASL_") + transport);
  const auto set = [&](const char* name, const std::string& file) {
    if (!file.empty()) all.emplace_back(name, file);
  };
  set("ssl.ca.location", door.ca_file);
  set("ssl.certificate.location", door.certificate_file);
  set("ssl.key.location", door.key_file);
  if (!door.user.empty()) {
    all.insert(
        all.end(),
        {{"sasl.mechanisms", door.mechanism},
         {"sasl.username", door.user},
         {"sasl.password", door.password}}
    );
  }
  all.insert(all.end(), settings.begin(), settings.end());
  return all;
}

std::vector<std::int32_t> numbers(const std::int32_t* first, int count) {
  return {first, first + std::max(count, 0)};
}

}  // namespace

void throw_exception_from_error(const Failure& failure, const boost::source_location&) {
  throw std::runtime_error(failure.text);
}

Client::Client(Role role, const Door& door, const Settings& settings, Sockets* sockets)
    : library_(std::make_unique<Library>()) {
  const auto type = role == Role::consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
  std::string why = library_->make(type, with_door(door, settings), sockets);
  if (!why.empty()) broken_ = std::move(why);
}

Client::~Client() = default;

void Client::release() {
  library_->release();
}

std::optional<Failure> Client::connect(milliseconds timeout) {
  if (broken_) return Failure{Failure::Kind::refused, *broken_};
  const auto deadline = steady_clock::now() + timeout;
  std::string said;
  while (steady_clock::now() < deadline) {
    int error = 0;
    if (metadata(library_->handle(), false, kOneLook, error)) return std::nullopt;
    rd_kafka_poll(library_->handle(), 0);
    if (const auto trouble = library_->trouble()) {
      if (trouble->not_permitted) return Failure{Failure::Kind::refused, trouble->text};
      said = trouble->text;
    }
  }
  if (said.empty()) said = "no answer in " + std::to_string(timeout.count() / 1000) + " s";
  return Failure{Failure::Kind::unreachable, said};
}

bool Client::answers(milliseconds timeout) {
  int error = 0;
  return metadata(library_->handle(), false, timeout, error) != nullptr;
}

std::string Client::cluster_id() {
  constexpr int kWaitMs = 2000;
  char* const id = rd_kafka_clusterid(library_->handle(), kWaitMs);
  if (id == nullptr) return {};
  std::string out(id);
  rd_kafka_mem_free(library_->handle(), id);
  return out;
}

Answer<std::vector<Topic>> Client::topics() {
  int error = 0;
  const OwnedMetadata found = metadata(library_->handle(), true, kPatience, error);
  if (!found) return failure_of(static_cast<rd_kafka_resp_err_t>(error));
  std::vector<Topic> topics;
  for (int i = 0; i < found->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& from = found->topics[i];
    if (from.err != RD_KAFKA_RESP_ERR_NO_ERROR && from.partition_cnt == 0) continue;
    Topic& topic = topics.emplace_back();
    topic.name = from.topic;
    for (int j = 0; j < from.partition_cnt; ++j) {
      const rd_kafka_metadata_partition& partition = from.partitions[j];
      topic.partitions.push_back(
          {partition.id,
           partition.leader,
           numbers(partition.replicas, partition.replica_cnt),
           numbers(partition.isrs, partition.isr_cnt)}
      );
    }
    std::sort(topic.partitions.begin(), topic.partitions.end(), [](const auto& a, const auto& b) {
      return a.id < b.id;
    });
  }
  std::sort(topics.begin(), topics.end(), [](const Topic& a, const Topic& b) {
    return a.name < b.name;
  });
  return topics;
}

Answer<std::vector<At>> Client::offsets_at(const std::vector<At>& times) {
  if (times.empty()) return std::vector<At>{};
  const OwnedPlaces places = places_of(times);
  const auto error = rd_kafka_offsets_for_times(library_->handle(), places.get(), kPatienceMs);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return failure_of(error);
  for (int i = 0; i < places->cnt; ++i) {
    if (places->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return failure_of(places->elems[i].err);
  }
  return places_of(*places);
}

}  // namespace runnel::kafka_client
