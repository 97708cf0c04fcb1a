// Writes records and a position in one transaction, so that the cluster has both or neither (KIP-98,
// KIP-447): whoever asks it after a crash knows how far the records have come.
//
// Promises: what one commit() wrote is seen whole or not at all by those who read committed records;
// two producers with one id never write at the same time, since begin_life() of the second ends the
// first.
//
// A cluster that knows no transactions can be written to all the same (Options::transactions): commit()
// then means that all of it is there, and records may be there twice after a failure.
//
// After any failure but one of send() the object is of no more use: what became of the transaction
// is not known. The next one's begin_life() ends it, and committed() tells.
//
// Threads: as Client, but for wire_bytes(), which any thread may call.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/kafka_client/client.h"
#include "hub/kafka_client/sockets.h"

namespace runnel::kafka_client {

class TransactionalProducer final : public Client {
 public:
  struct Options {
    std::string id;                          // the transactional id
    bool transactions = true;
    std::string compression = "none";        // none, gzip, snappy, lz4, zstd
    std::size_t batch_bytes_max = 512 << 10;  // of what goes into one record batch
    std::chrono::milliseconds connect_max{1500};
    std::chrono::milliseconds silence_max{2000};  // as Sockets
    // Asked while something takes long: true ends it with Failure::Kind::unreachable.
    std::function<bool()> stop = [] { return false; };
    // Told meanwhile of connections that broke, or cannot be made.
    std::function<void(const Failure&)> heard = [](const Failure&) {};
  };

  struct HeaderView {
    std::string_view name;
    std::optional<std::string_view> value;
  };

  struct Outgoing {
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    std::span<const HeaderView> headers;
    std::int64_t time_ms = 0;
  };

  TransactionalProducer(const Door& door, const Options& options);
  ~TransactionalProducer() override;

  // Ends whoever has the id, and the transaction that was open. Goes on until the cluster answers,
  // says no, or `stop`. unsupported: it knows no transactions.
  std::optional<Failure> begin_life();

  // Where a group stands: all that it has committed.
  Answer<std::vector<CommittedAt>> committed(const std::string& group);

  // Makes topics that are missing.
  std::optional<Failure> create(const std::string& topic, std::int32_t partitions);

  std::optional<Failure> begin();
  // Into the open transaction. The views may go when it returns. A failure: this record cannot be sent
  // at all, or the transaction is over, as commit() would have said: record_refused speaks of one that
  // was sent before.
  std::optional<Failure> send(const std::string& topic, std::int32_t partition, const Outgoing& record);
  // Sends what is still here, and the group's positions with it.
  std::optional<Failure> commit(const std::string& group, const std::vector<CommittedAt>& positions);

  // What the library has met since it was asked last: a connection that broke, or cannot be made.
  std::optional<Failure> trouble();

  [[nodiscard]] std::uint64_t wire_bytes() const { return sockets_->wire_bytes(); }

 private:
  std::optional<Failure> reach();
  std::optional<Failure> flush();
  std::optional<Failure> may_not_go_on();
  std::optional<Failure> what_ended_it(const void* said);
  Failure blame(Failure failure);
  TransactionalProducer(const Door& door, const Options& options, std::unique_ptr<Sockets> sockets);

  std::unique_ptr<Sockets> sockets_;
  Options options_;
  std::optional<Failure> lost_;  // of what was not delivered since begin()
};

}  // namespace runnel::kafka_client
