#include "bridge/mirror.h"

#include <algorithm>

#include "bridge/topic_pattern.h"
#include "hub/kafka/messages/describe_configs.h"
#include "hub/kafka/messages/metadata.h"
#include "storage/base/logger.h"
#include "storage/log/batch_head.h"
#include "storage/log/record_batch.h"

namespace runnel::bridge {

namespace {

using kafka::ErrorCode;
using std::chrono::milliseconds;
using logger::text;

constexpr kafka::Version kMetadataVersion = 12;  // topics have ids
constexpr kafka::Version kConfigVersion = 4;
constexpr kafka::Version kFetchVersion = kafka::kFetchById;
constexpr std::int32_t kReplica = 1;             // any; who we are says the client id
constexpr std::int32_t kOffsetsBytes = 256 << 10;
constexpr milliseconds kPatience{5000};          // without a byte

Bytes bytes_of(const kafka::Uuid& id) {
  Bytes out;
  for (const std::uint8_t b : id.bytes) out += static_cast<char>(b);
  return out;
}

kafka::Uuid uuid_of(const Bytes& bytes) {
  kafka::Uuid out;
  for (std::size_t i = 0; i < out.bytes.size() && i < bytes.size(); ++i) {
    out.bytes[i] = static_cast<std::uint8_t>(bytes[i]);
  }
  return out;
}

// What a record of the origin's says of one offset; nullopt: it makes no sense.
std::optional<Copy::Committed> read_committed(const log::RecordView& record) {
  const auto key = core::decode_offset_key(record.key.value_or(""));
  if (!key) return std::nullopt;
  Copy::Committed out{*key, std::nullopt, true};
  if (!record.value) return out;
  auto row = core::decode_offset_row(false, *record.value);
  if (!row) return std::nullopt;
  out.value = std::move(row->value);
  return out;
}

}  // namespace

Mirror::Mirror(
    const LinkSpec& spec,
    const log::Log& log,
    std::string self,
    Deliver deliver,
    HubConnection::Stop stop,
    Tally& tally
)
    : spec_(spec),
      log_(log),
      self_(std::move(self)),
      deliver_(std::move(deliver)),
      tally_(tally),
      connection_(spec.door, self_ + "." + spec.name, spec.silence_max, std::move(stop)) {}

std::optional<Failure> Mirror::begin(milliseconds patience) {
  if (auto failure = connection_.open(patience)) return failure;
  return refresh();
}

void Mirror::trouble(std::string what) {
  if (std::ranges::find(troubles_, what) != troubles_.end()) return;
  logger::warn("mirror", text(spec_.name, ": ", what));
  troubles_.push_back(std::move(what));
}

// --- what there is ---

std::optional<Failure> Mirror::refresh() {
  auto copy = std::make_shared<Copy>();
  {
    const auto answer = connection_.ask<kafka::MetadataResponse>(kafka::MetadataRequest{}, kMetadataVersion, kPatience);
    if (!answer) return answer.error();
    origin_ = answer->cluster_id.value_or("");
    if (origin_.empty()) return Failure{Failure::Kind::refused, "the other side does not say which hub it is"};
    if (origin_ == self_) return Failure{Failure::Kind::refused, "the other side is this hub itself, or another of its name ([hub] name)"};
    copy->origin = origin_;
    for (const auto& topic : answer->topics) {
      const std::string name(topic.name.value_or(""));
      const std::size_t rank = rank_of(spec_.topics, name);
      if (name.empty() || topic.error_code != ErrorCode::none || rank == spec_.topics.size()) continue;
      if (name.starts_with("__")) continue;  // a hub has none of its own there
      copy->topics.push_back({name, bytes_of(topic.id), topic.partitions.size(), {}});
    }
  }
  if (auto failure = ask_config(copy->topics)) return failure;
  if (!deliver_(copy)) return Failure{Failure::Kind::unreachable, "it is told to stop"};
  troubles_.clear();
  for (const auto& [topic, why] : copy->refused) trouble("topic " + topic + " " + why);
  std::map<Key, Followed> next;
  bool more = false;
  for (const auto& [topic, partitions] : copy->mirrored) {
    const auto described = std::ranges::find(copy->topics, topic, &Copy::Topic::name);
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const Key key(topic, static_cast<std::int32_t>(i));
      const auto known = followed_.find(key);
      Followed& at = next[key];
      at.id = partitions[i];
      at.topic = uuid_of(described->id);
      at.next = log_.range(at.id).high_watermark;
      if (known != followed_.end()) at.end = known->second.end;
      more = seen_.insert(key).second || more;
    }
  }
  followed_ = std::move(next);
  // What groups had committed of these was passed over.
  if (more) offsets_next_ = Offset(0);
  if (more) told_before_.reset();
  return std::nullopt;
}

std::optional<Failure> Mirror::ask_config(std::vector<Copy::Topic>& topics) {
  kafka::DescribeConfigsRequest request;
  for (const Copy::Topic& topic : topics) {
    request.resources.push_back({kafka::ResourceType::topic, topic.name, std::nullopt});
  }
  if (topics.empty()) return std::nullopt;
  const auto answer = connection_.ask<kafka::DescribeConfigsResponse>(request, kConfigVersion, kPatience);
  if (!answer) return answer.error();
  for (const auto& result : answer->results) {
    const auto topic = std::ranges::find(topics, result.resource_name, &Copy::Topic::name);
    if (topic == topics.end()) continue;
    for (const auto& config : result.configs) {
      if (config.config_source != kafka::ConfigSource::dynamic_topic_config || !config.value) continue;
      topic->config.emplace(config.name, *config.value);
    }
  }
  return std::nullopt;
}

// --- records ---

Answer<Mirror::Did> Mirror::step(std::size_t bytes_max, milliseconds wait) {
  kafka::FetchRequest request;
  request.replica_id = kReplica;
  request.max_wait_ms = static_cast<std::int32_t>(wait.count());
  request.min_bytes = 1;
  request.max_bytes = static_cast<std::int32_t>(bytes_max);
  // In front: behind a backlog it would not be read at all. But where it has to wait for records, these
  // need the room.
  const bool with_offsets = !std::exchange(leave_offsets_, false);
  if (with_offsets) {
    request.topics.push_back({{}, {{0, -1, offsets_next_.value, -1, -1, kOffsetsBytes}}, kafka::kGroupOffsetsId});
  }
  // From another partition on each time: what comes first may leave no room for the rest.
  const auto first = followed_.upper_bound(last_);
  const auto add = [&](const auto& followed) {
    const kafka::Uuid& topic = followed.second.topic;
    if (request.topics.empty() || request.topics.back().id != topic) request.topics.push_back({{}, {}, topic});
    request.topics.back().partitions.push_back({followed.first.second, -1, followed.second.next.value, -1, -1, request.max_bytes});
  };
  std::for_each(first, followed_.end(), add);
  std::for_each(followed_.begin(), first, add);
  if (!followed_.empty()) last_ = first == followed_.end() ? followed_.begin()->first : first->first;

  const auto answer = connection_.ask<kafka::FetchResponse>(request, kFetchVersion, wait + kPatience);
  if (!answer) return answer.error();
  if (answer->error_code != ErrorCode::none) return Failure{Failure::Kind::refused, "it refuses to be mirrored"};
  auto records = std::make_shared<Copy>();
  auto starts = std::make_shared<Copy>();
  auto offsets = std::make_shared<Copy>();
  const kafka::FetchResponse::Partition* committed = nullptr;
  std::map<Key, Followed> moved;
  for (const auto& topic : answer->topics) {
    for (const auto& got : topic.partitions) {
      if (topic.id == kafka::kGroupOffsetsId) {
        committed = &got;
        continue;
      }
      const auto known = std::ranges::find_if(followed_, [&](const auto& followed) {
        return followed.second.topic == topic.id && followed.first.second == got.index;
      });
      if (known == followed_.end()) continue;
      Followed at = known->second;
      take(got, known->first, at, *records, *starts);
      moved[known->first] = at;
    }
  }
  Did did = Did::nothing;
  if (!records->pieces.empty()) {
    if (!deliver_(records)) return Did::stopped;
    did = Did::stored;
    ++tally_.counters.transactions;
  }
  if (!starts->pieces.empty() && !deliver_(starts)) return Did::stopped;
  look_at(moved, *records);
  if (!with_offsets) return did;
  if (committed == nullptr || committed->error_code != ErrorCode::none) {
    return Failure{Failure::Kind::unsupported, "the other side is no hub of this kind: it cannot be mirrored"};
  }
  const Offset end(committed->high_watermark);
  if (!told_before_) told_before_ = end;
  const Offset until = take_offsets(committed->records.bytes, end, *offsets);
  if (!offsets->committed.empty()) {
    if (!deliver_(offsets)) return Did::stopped;
    did = Did::stored;
  }
  offsets_next_ = until;
  leave_offsets_ = until < end;
  return did;
}

// What is here now, and whether that is what it should be.
void Mirror::look_at(const std::map<Key, Followed>& moved, const Copy& copy) {
  for (const auto& [key, at] : moved) {
    Followed& followed = followed_[key];
    const Offset before = followed.next;
    followed = at;
    if (at.next < Offset(0) || at.leap) continue;
    const Offset here = log_.range(at.id).high_watermark;
    if (copy.diverged.contains(at.id) || here > at.next) {
      trouble(text("topic ", key.first, " partition ", key.second, " has records here that its origin does not have; delete the topic here to begin anew"));
      followed.next = Offset(-1);
    } else if (here < at.next) {
      // A compacted topic holds only so much.
      followed.next = here > before ? here : Offset(-1);
      if (here <= before) trouble(text("topic ", key.first, ": compacted topics hold as much as they may here"));
    }
  }
  std::erase_if(followed_, [](const auto& followed) { return followed.second.next < Offset(0); });
}

// What the origin has sent of one partition.
void Mirror::take(
    const kafka::FetchResponse::Partition& got, const Key& key, Followed& at, Copy& copy, Copy& starts
) {
  if (got.error_code == ErrorCode::offset_out_of_range) return out_of_range(got, key, at);
  if (got.error_code != ErrorCode::none) {
    at.next = Offset(-1);  // not followed, until it is looked at again
    return trouble(text("topic ", key.first, " partition ", key.second, " cannot be read there: error ", static_cast<int>(got.error_code)));
  }
  at.end = Offset(got.high_watermark);
  // There was no room for it in the answer.
  if (got.records.bytes.empty() && at.end > at.next) return;
  Copy::Piece piece{at.id, at.leap, {}, {}};
  bool begins = at.leap.has_value();
  ByteView rest = got.records.bytes;
  while (!rest.empty()) {
    const auto head = log::read_batch_head(rest);
    if (!head || head->bytes > rest.size()) break;
    const ByteView batch = rest.substr(0, head->bytes);
    rest.remove_prefix(head->bytes);
    const Offset behind(head->base.value + head->last_offset_delta + 1);
    if (head->records == 0) {
      // What is left where nothing is left, and alone.
      if (piece.batches.empty()) piece.leap = at.next = std::max(at.next, behind);
      break;
    }
    if (begins && head->base < at.next && at.next < behind) {
      // It was cut off inside a batch, which is kept whole.
      starts.pieces.push_back({at.id, {}, {}, at.next});
      piece.leap = at.next = head->base;
    }
    begins = false;
    const auto view = log::BatchView::parse(batch, true);
    if (!view || head->base < at.next || head->records != head->last_offset_delta + 1) {
      trouble(text("topic ", key.first, " partition ", key.second, ": what came for offset ", at.next.value, " is damaged"));
      if (piece.batches.empty()) {
        at.next = Offset(-1);
        return;
      }
      break;
    }
    if (!head->control()) tally_.counters.records += static_cast<std::uint64_t>(head->records);
    tally_.counters.bytes += batch.size();
    piece.batches.emplace_back(batch);
    at.next = behind;
  }
  at.leap.reset();
  if (piece.leap || !piece.batches.empty()) copy.pieces.push_back(std::move(piece));
}

// The origin begins behind what is here, or ends in front of it.
void Mirror::out_of_range(
    const kafka::FetchResponse::Partition& got, const Key& key, Followed& at
) {
  const Offset start(got.log_start_offset);
  if (start > at.next) {
    if (at.next > Offset(0)) {
      tally_.counters.gaps += static_cast<std::uint64_t>(start.value - at.next.value);
      tally_.gaps.push_back({{key.first, key.second, 0}, at.next, Offset(start.value - 1), "removed there before it was mirrored"});
      if (tally_.gaps.size() > Tally::kGapsKept) tally_.gaps.pop_front();
    }
    at.leap = at.next = start;
    at.end = std::max(at.end, start);
    return;
  }
  trouble(text("topic ", key.first, " partition ", key.second, " ends at ", got.high_watermark, " there and at ", at.next.value, " here: the origin has lost records; delete the topic here to begin anew"));
  at.next = Offset(-1);  // not followed, until it is looked at again
}

// --- what groups have committed ---

bool Mirror::is_ahead(const core::OffsetKey& key, std::int64_t offset) const {
  const auto at = followed_.find({key.topic, key.partition});
  // Behind the end there it means nothing, which it may here too.
  return at != followed_.end() && offset > at->second.next.value && offset <= at->second.end.value;
}

// Up to where they could be taken: not to one that is ahead of its records.
Offset Mirror::take_offsets(ByteView batches, Offset end, Copy& copy) const {
  if (batches.empty()) return end;
  Offset next = offsets_next_;
  while (!batches.empty()) {
    const auto head = log::read_batch_head(batches);
    if (!head || head->bytes > batches.size()) return next;
    const auto view = log::BatchView::parse(batches.substr(0, head->bytes), true);
    std::size_t at = log::BatchView::first_record();
    const auto record = view ? view->record_at(at) : Result<log::RecordView>(Errc::damaged);
    if (!record || !record->key) return next;
    if (auto committed = read_committed(*record)) {
      if (committed->value && is_ahead(committed->key, committed->value->offset)) return next;
      committed->news = head->base >= *told_before_;
      if (followed_.contains({committed->key.topic, committed->key.partition})) {
        copy.committed.push_back(std::move(*committed));
      }
    }
    next = Offset(head->base.value + 1);
    batches.remove_prefix(head->bytes);
  }
  return next;
}

Uplink::Lag Mirror::lag() const {
  Uplink::Lag lag;
  for (const auto& [key, at] : followed_) {
    lag.records += static_cast<std::uint64_t>(std::max<std::int64_t>(at.end.value - at.next.value, 0));
  }
  return lag;
}

}  // namespace runnel::bridge
