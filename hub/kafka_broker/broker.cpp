#include "hub/kafka_broker/broker.h"

#include <algorithm>
#include <utility>

#include "hub/kafka_broker/dispatch.h"
#include "storage/base/logger.h"

namespace runnel::kafka {
namespace {

// Open transactions are state, which every generation carries.
core::TransactionLimits transaction_limits(const Limits& limits) {
  core::TransactionLimits out;
  out.bytes_max = std::min<std::size_t>(out.bytes_max, limits.generation_bytes / 16);
  return out;
}

// Beside those of the groups.
constexpr std::uint32_t kTransactionTicket = 102;

}  // namespace

Broker::Broker(
    const log::Log& log,
    core::Topics& topics,
    core::Users& users,
    core::Replicas& replicas,
    PartitionReader& reader,
    const Limits& limits
)
    : log_(log), topics_(topics), reader_(reader), users_(users), replicas_(replicas), limits_(limits), memory_(*this), produces_(*this),
      fetches_(*this, reader), time_lookups_(*this, reader),
      groups_(*this),
      offset_feed_(groups_.offsets()),
      transactions_(
          transaction_limits(limits),
          groups_.offsets(),
          [this](core::Turn& turn) { return cluster_.next_producer_id(turn); },
          kTransactionTicket
      ),
      logins_(*this) {
  groups_.offsets().set_kept([this](ByteView topic) {
    const auto* partitions = topics_.find(topic);
    return partitions != nullptr && replicas_.mirrored(partitions->front());
  });
  groups_.offsets().set_watcher([this](const core::OffsetKey& key) { offset_feed_.changed(key); });
}

Broker::~Broker() {
  RUNNEL_CHECK(connections_.empty());
}

Result<void> Broker::load(core::Turn& turn) {
  RUNNEL_TRY(cluster_.load(log_, turn));
  RUNNEL_TRY(groups_.load(log_, turn.now));
  RUNNEL_TRY(cluster_.pass_known_producers(log_));
  follow_topics();
  return transactions_.load(log_, turn, [this](PartitionId p) { return replicas_.mirrored(p); });
}

void Broker::set_limits(const Limits& limits) {
  limits_ = limits;
  replicas_.configure(topics_.replica_needs(), limits_.replica_timeout);
}

// What topics ask of mirrors.
void Broker::follow_topics() {
  if (std::exchange(topic_changes_, topics_.changes()) == topics_.changes()) return;
  replicas_.configure(topics_.replica_needs(), limits_.replica_timeout);
  if (replicas_.waits(core::kGroupOffsets)) offset_feed_.begin(log_.boot());
}

void Broker::adopt(core::Turn& turn) {
  const auto passed = cluster_.pass_known_producers(log_);
  const auto aborted = transactions_.abort_ownerless(log_, turn);
  if (!passed || !aborted) logger::error("kafka", "the log cannot be read for what the mirrors' origins have left open");
}

void Broker::note_replica(const Call& call, Text mirror, const FetchRequest& request, core::Turn& turn) {
  if (call.version < kFetchById) return;
  offset_feed_.begin(log_.boot());
  for (const auto& topic : request.topics) {
    for (const FetchRequest::Partition& p : topic.partitions) {
      const Offset at(p.fetch_offset);
      if (topic.id == kGroupOffsetsId) {
        // One of before this start says nothing of what there is now.
        const bool known = offset_feed_.start(at) == at;
        replicas_.has(mirror, core::kGroupOffsets, known ? at : Offset(-1), offset_feed_.end(), turn.now);
      } else if (const PartitionId* id = partition(topic_of(topic.id), p.index)) {
        replicas_.has(mirror, *id, at, log_.range(*id).high_watermark, turn.now);
      }
    }
  }
}

// --- connections ---

std::unique_ptr<core::Stream> Broker::open(
    void* owner, core::Endpoints endpoints, Instant now
) {
  if (connections_.size() >= limits_.connections_max) return nullptr;
  const std::uint64_t id = ++last_connection_;
  auto connection = std::make_unique<Connection>(*this, id, owner, std::move(endpoints));
  connection->login().since = now;
  connections_.emplace(id, connection.get());
  return connection;
}

void Broker::forget(Connection& connection) {
  connections_.erase(connection.id());
  std::erase(ready_, &connection);
  std::erase(resumed_, &connection);
  memory_.forget(connection.id());
  fetches_.forget(connection.id());
  groups_.forget(connection.id());
}

Connection* Broker::find(std::uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second;
}

void Broker::ready(Connection& connection) {
  if (std::find(ready_.begin(), ready_.end(), &connection) == ready_.end()) {
    ready_.push_back(&connection);
  }
}

void Broker::resumed(Connection& connection) {
  resumed_.push_back(&connection);
}

void Broker::go_on(Connection& connection) {
  going_on_.push_back(connection.id());
}

std::vector<core::Stream*> Broker::take_ready() {
  std::vector<core::Stream*> out(ready_.begin(), ready_.end());
  ready_.clear();
  return out;
}

std::vector<core::Stream*> Broker::take_resumed() {
  std::vector<core::Stream*> out(resumed_.begin(), resumed_.end());
  resumed_.clear();
  return out;
}

// --- requests ---

void Broker::handle(Connection& connection, ByteView frame, core::Turn& turn) {
  if (connection.login().raw) return logins_.take_token(connection, frame, turn);
  const auto request = decode_request(frame);
  if (!request) return connection.close("a request's header is cut off");
  const RequestHeader& header = request->header;
  if (!logins_.admits(connection.login(), header.api_key)) return logins_.turn_away(connection, turn);
  const Call call{
      connection.id(), connection.reserve(), header.correlation_id, header.api_version};
  if (const auto why = dispatch({*this, connection, call, header.client_id, turn}, *request)) connection.close(*why);
}

void Broker::no_answer(const Call& call) {
  if (Connection* const to = find(call.connection)) to->answer(call.slot, {});
}

void Broker::close(const Call& call, std::string_view why) {
  if (Connection* const to = find(call.connection)) to->close(why);
}

Text Broker::topic_of(const Uuid& id) const {
  const auto first = cluster_.first_partition(id);
  const std::string* name = first ? topics_.that_begins_at(*first) : nullptr;
  return name == nullptr ? Text() : Text(*name);
}

const PartitionId* Broker::partition(std::string_view topic, std::int32_t index) const {
  const auto* partitions = topics_.find(topic);
  if (partitions == nullptr || index < 0) return nullptr;
  const auto i = static_cast<std::size_t>(index);
  return i < partitions->size() ? &(*partitions)[i] : nullptr;
}

void Broker::create_topic(
    std::string_view name,
    std::uint32_t partitions,
    core::Turn& turn,
    const core::TopicConfig& config
) {
  const bool grows = topics_.find(name) != nullptr;
  topics_.ensure({{std::string(name), partitions, config}}, turn.group);
  follow_topics();
  logger::info(
      "kafka",
      logger::text("topic ", name, grows ? " grown" : " made", ", partitions=", partitions)
  );
}

void Broker::delete_topic(std::string_view name, core::Turn& turn) {
  const std::vector<PartitionId> partitions = *topics_.find(name);
  std::string ranges;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const log::PartitionRange range = log_.range(partitions[i]);
    if (range.log_start == range.high_watermark) continue;
    ranges += logger::text(" ", i, "=", range.log_start.value, "..", range.high_watermark.value - 1);
  }
  core::GroupTurn group_turn = Groups::turn_of(turn);
  groups_.offsets().erase_topic(name, group_turn);
  fetches_.gone(partitions);
  logger::info("kafka", logger::text("topic ", name, " deleted, offsets by partition:", ranges.empty() ? " none" : ranges));
  topics_.erase(name, turn.group);
}

// --- turns ---

void Broker::committed(const log::Group& group, core::Turn& turn) {
  produces_.committed(group, turn);
  const Offset offsets_end = offset_feed_.end();
  groups_.committed(group, turn);
  for (const log::Ticket& ticket : group.tickets()) {
    if (ticket.kind == kTransactionTicket) transactions_.settled(ticket, group.outcome);
  }
  if (auto waiting = after_commit_.extract(&group); !waiting.empty()) {
    for (AfterCommit& w : waiting.mapped()) {
      const bool stored = group.outcome.state == Errc::ok &&
                          (!w.needs_records || group.outcome.records == Errc::ok);
      settle(std::move(w), stored, turn);
    }
  }
  // Behind the answers: who has taken away their own credential is told that they have.
  if (review_after_.erase(&group) > 0) logins_.review();
  fetches_.committed(group, turn);
  if (offset_feed_.end() != offsets_end) fetches_.offsets_changed(turn);
  let_go_on(turn);
}

// Answers, once the mirrors have it that are waited for.
void Broker::settle(AfterCommit waiting, bool stored, core::Turn& turn) {
  const auto answer = [this](AfterCommit& w, bool done) {
    if (Connection* const to = find(w.connection)) to->answer(w.slot, std::move(done ? w.done : w.failed));
  };
  std::vector<core::Replicas::Place> places;
  for (const PartitionId id : waiting.replicated) {
    const bool offsets = id == core::kGroupOffsets;
    if (replicas_.waits(id)) places.push_back({id, offsets ? offset_feed_.end() : log_.range(id).high_watermark});
  }
  if (!stored || places.empty()) return answer(waiting, stored);
  auto held = std::make_shared<AfterCommit>(std::move(waiting));
  replicas_.when(0, std::move(places), turn.now, [answer, held](bool replicated, core::Turn&) {
    answer(*held, replicated);
  });
}

void Broker::tick(core::Turn& turn) {
  follow_topics();
  groups_.tick(turn);
  transactions_.tick(turn);
  fetches_.tick(turn);
  logins_.tick(turn);
  memory_.tick(turn.now);
  replicas_.tick(turn);
}

std::optional<Instant> Broker::deadline() const {
  std::optional<Instant> first;
  for (const auto& one : {fetches_.deadline(), groups_.deadline(), logins_.deadline(), replicas_.deadline()}) {
    if (one && (!first || *one < *first)) first = one;
  }
  return first;
}

bool Broker::run(core::Turn& turn) {
  groups_.run(turn);
  memory_.run(turn);
  replicas_.run(turn);
  let_go_on(turn);
  return memory_.ready();
}

// Those who waited for room in the group, or for their own answers to come.
void Broker::let_go_on(core::Turn& turn) {
  if (going_on_.empty() || turn.full()) return;
  for (const std::uint64_t id : std::exchange(going_on_, {})) {
    if (Connection* const c = find(id)) c->resume(turn);
  }
}

void Broker::end(core::Turn&) {}

void Broker::shut_down(core::Turn&) {}

}  // namespace runnel::kafka
