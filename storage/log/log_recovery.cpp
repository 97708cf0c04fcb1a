// How a log begins: its lock, what the last process left, and which generations still count.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "storage/base/logger.h"
#include "storage/log/log.h"
#include "storage/log/log_files.h"

namespace runnel::log {
namespace {

namespace fs = std::filesystem;

// What the name of a damaged generation gets behind it.
constexpr std::string_view kAsideSuffix = ".damaged";

}  // namespace

Result<std::unique_ptr<Log>> Log::open(LogOptions options, const Clock& clock) {
  std::unique_ptr<Log> log(new Log(std::move(options), clock));
  RUNNEL_TRY(make_directories(log->options_.dir));
  RUNNEL_TRY(log->take_lock());
  RUNNEL_TRY(log->recover());
  RUNNEL_TRY(log->load_leaps());
  RUNNEL_TRY(log->load_producers());
  RUNNEL_TRY(log->load_trims());
  RUNNEL_TRY(log->load_kept());
  return log;
}

Result<void> Log::take_lock() {
  const fs::path path = options_.dir / "LOCK";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_fd_ < 0) return Errc::io_error;
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) return Errc::already_running;
  return {};
}

void Log::list_aside() {
  for (const auto& entry : fs::directory_iterator(options_.dir)) {
    std::error_code ec;
    if (entry.path().filename().string().find(kAsideSuffix) == std::string::npos) continue;
    const std::uint64_t bytes = entry.file_size(ec);
    if (!ec) aside_.push_back({entry.path(), bytes});
  }
}

void Log::set_aside(GenerationId id) {
  const fs::path path = Generation::file(options_.dir, id);
  std::error_code ec;
  const std::uint64_t bytes = fs::file_size(path, ec);
  fs::path to = path.string() + std::string(kAsideSuffix);
  for (int n = 2; fs::exists(to, ec); ++n) {
    to = path.string() + std::string(kAsideSuffix) + "-" + std::to_string(n);
  }
  fs::rename(path, to, ec);
  aside_.push_back({to, bytes});
  ++damaged_;
  logger::error(
      "log",
      logger::text(
          "generation ",
          id.value,
          " cannot be opened (",
          Env::last_error(),
          "); set aside as ",
          to.filename().string()
      )
  );
}

// The newest generation that can be opened, if need be only for reading; those behind it are set
// aside and leave `ids`.
std::shared_ptr<Generation> Log::open_newest(std::vector<GenerationId>& ids, Errc& trouble) {
  while (!ids.empty()) {
    auto opened = Generation::open(options_.dir, ids.back(), Env::Mode::writable);
    if (opened) return *opened;
    if (errc_of(opened.error()) == Errc::damaged) {
      opened = Generation::open(options_.dir, ids.back(), Env::Mode::read_only);
      if (opened) {
        ++damaged_;
        logger::error(
            "log",
            logger::text(
                "generation ",
                ids.back().value,
                " has damaged pages; it is read around them, and the next one follows"
            )
        );
        return *opened;
      }
    }
    trouble = errc_of(opened.error());
    if (trouble != Errc::damaged) return nullptr;
    set_aside(ids.back());
    ids.pop_back();
  }
  trouble = Errc::ok;
  return nullptr;
}

Result<void> Log::open_chain(
    const std::vector<GenerationId>& ids, const std::shared_ptr<Generation>& newest
) {
  for (const GenerationId id : ids) {
    if (id < retired_.oldest) {
      unlink_generation(options_.dir, id);  // its retirement was durable, its unlinking was not
      continue;
    }
    std::shared_ptr<Generation> generation = newest;
    if (id != newest->id()) {
      auto opened = Generation::open(options_.dir, id, Env::Mode::read_only);
      if (!opened) {
        if (errc_of(opened.error()) != Errc::damaged) return opened.error();
        set_aside(id);
        continue;
      }
      generation = *opened;
    }
    Slot slot;
    slot.id = id;
    slot.first = generation->head().first;
    slot.starts = generation->starts();
    slot.last_hub_ms = generation->last_mark().hub_ms;
    slot.file_bytes = generation->env().map_bytes();
    slot.known = generation;
    chain_.push_back(std::move(slot));
  }
  return {};
}

Result<void> Log::load_producers() {
  std::size_t refused = 0;
  const auto read = each_state(kProducerKind, [&](ByteView name, ByteView value) {
    if (!producers_.load(name, value)) ++refused;
  });
  if (refused > 0) {
    logger::error("log", logger::text(refused, " rows of producers make no sense and are lost"));
  }
  for (const PartitionId partition : producers_.partitions_open()) publish_open(partition);
  return read;
}

Result<void> Log::recover() {
  std::vector<GenerationId> ids = list_generations(options_.dir);
  remove_leftovers(options_.dir, ids);
  list_aside();
  const std::size_t aside_before = aside_.size();
  // The newest decides: it has the state, and says which generations still count.
  Errc trouble = Errc::ok;
  const std::shared_ptr<Generation> newest = open_newest(ids, trouble);
  if (trouble != Errc::ok && newest == nullptr) return trouble;
  if (newest == nullptr) return begin_chain(1, {});
  {
    auto txn = ReadTxn::begin(newest->env());
    if (!txn) return txn.error();
    if (const auto row = txn->get(kRetiredKey)) {
      if (const auto retired = Retired::decode(*row)) retired_ = *retired;
    }
  }
  // Nothing is ever given a position or an offset that was given to what is now set aside.
  const bool lost_its_end = aside_.size() > aside_before;
  for (std::size_t i = aside_before; i < aside_.size(); ++i) {
    newest->leave_room_for_unreadable(aside_[i].bytes);
  }
  RUNNEL_TRY(open_chain(ids, newest));
  chain_.back().open = newest;
  active_ = newest;
  for (const auto& [partition, offset] : newest->ends()) {
    if (partition.value >= ends_.size()) ends_.resize(std::size_t{partition.value} + 1);
    ends_[partition.value] = offset;
  }
  hub_clock_.emplace(clock_, newest->last_mark());
  first_ = chain_.front().first.value;
  end_ = newest->end().value;
  boot_ = newest->boot() + 1;
  // Whatever stood before the first position has gone; what no retirement counted went with a
  // damaged generation.
  retired_.discarded =
      std::max(retired_.discarded, first_ - std::min(retired_.expired, first_.load()));
  if (newest->takes_blocks() && !lost_its_end) return {};
  // Without room for the next generation the hub starts all the same: it reads, and refuses
  // records.
  if (const auto rolled = roll(); !rolled && !refused(rolled.error())) return rolled.error();
  return {};
}

Result<void> Log::begin_chain(std::uint32_t boot, const HubClock::Mark& mark) {
  boot_ = boot;
  hub_clock_.emplace(clock_, mark);
  Generation::Head head;
  head.id = GenerationId(1);
  head.wall = clock_.wall();
  head.boot = boot;
  // Files that were set aside keep their numbers.
  for (const auto& entry : fs::directory_iterator(options_.dir)) {
    const std::string name = entry.path().filename().string();
    std::uint32_t id = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), id).ec == std::errc()) {
      head.id = GenerationId(std::max(head.id.value, id + 1));
    }
  }
  retired_.oldest = head.id;
  RUNNEL_TRY(make_room(options_.generation_bytes));
  auto created = Generation::create(options_.dir, options_.generation_bytes, head, {}, nullptr);
  if (!created) return created.error();
  active_ = *created;
  Slot slot;
  slot.id = head.id;
  slot.file_bytes = options_.generation_bytes;
  slot.open = active_;
  slot.known = active_;
  chain_.push_back(std::move(slot));
  return {};
}

}  // namespace runnel::log
