// One question of administration and its answer. For the .cpp files of this folder.
//
// Threads: as Client.
#pragma once

#include "hub/kafka_client/admin.h"
#include "hub/kafka_client/client.h"
#include "hub/kafka_client/library.h"

namespace runnel::kafka_client {

// Calls `ask(options, queue)`, which starts the question `operation`, and waits for the answer.
template <class Ask>
Answer<OwnedEvent> ask_cluster(Library& library, rd_kafka_admin_op_t operation, const Ask& ask) {
  constexpr int kPatienceMs = static_cast<int>(kPatience.count());
  const OwnedQueue queue(rd_kafka_queue_new(library.handle()));
  const Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy> options(
      rd_kafka_AdminOptions_new(library.handle(), operation)
  );
  ErrorText why{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kPatienceMs, why.data(), why.size());
  ask(options.get(), queue.get());
  OwnedEvent event(rd_kafka_queue_poll(queue.get(), kPatienceMs + 1000));
  if (!event) return Failure{Failure::Kind::unreachable, "no answer"};
  const auto error = rd_kafka_event_error(event.get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
  return failure_of(error, rd_kafka_event_error_string(event.get()));
}

// Questions that more than one kind of client asks.
std::optional<Failure> create_topic(Library& library, const NewTopic& topic);
// Waits until no transaction is about to change it.
Answer<std::vector<CommittedAt>> committed_by(Library& library, const std::string& group);

}  // namespace runnel::kafka_client
