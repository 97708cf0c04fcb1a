// Cuts the power at every moment of a recorded run of the log, and opens what could be on the disk.
//
//   powercut --writer EXE --recorder LIB [--groups N] [--budget IMAGES] [--seed S] [--reject]
//            [--scratch DIR] [--leave-out data,meta,directory] [--keep-bad DIR]
//   powercut --check ROOT [--groups N] [--seed S] [--ledger FILE]
//
// The first form records a run of powercut_writer, then replays it, and between any two steps
// builds images of the disk (disk.h says what may be lost) until `budget` images have been checked
// (log_check.h says for what). Exit code 0: every image was good. With --leave-out, a negative
// control, flushes of those kinds are left out, and 0 means that this was noticed.
//
// The second form checks ROOT/data as it is, with the ledger beside it (ROOT/ledger) or elsewhere.
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include "storage/base/logger.h"
#include "tests/crash/checker.h"
#include "tests/crash/disk.h"
#include "tests/crash/log_check.h"
#include "tests/crash/recording.h"

namespace runnel::crash {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path writer, recorder, scratch, check, ledger, keep_bad;
  std::string leave_out;
  std::size_t groups = 300;
  std::size_t budget = 2000;
  std::uint64_t seed = 1;
  bool reject = false;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--reject") {
      o.reject = true;
      continue;
    }
    if (++i == argc) break;
    if (name == "--writer") o.writer = argv[i];
    if (name == "--recorder") o.recorder = argv[i];
    if (name == "--scratch") o.scratch = argv[i];
    if (name == "--check") o.check = argv[i];
    if (name == "--ledger") o.ledger = argv[i];
    if (name == "--keep-bad") o.keep_bad = argv[i];
    if (name == "--leave-out") o.leave_out = argv[i];
    if (name == "--groups") o.groups = std::strtoull(argv[i], nullptr, 10);
    if (name == "--budget") o.budget = std::strtoull(argv[i], nullptr, 10);
    if (name == "--seed") o.seed = std::strtoull(argv[i], nullptr, 10);
  }
  return o;
}

// A directory of its own that goes with its owner; in memory where that can be had, since an image
// is read back at once and the flushes of the check need not reach anything.
class Scratch {
 public:
  explicit Scratch(const fs::path& wanted) {
    const fs::path memory = "/dev/shm";
    const bool fast = ::access(memory.c_str(), W_OK) == 0;
    const fs::path base = !wanted.empty() ? wanted : fast ? memory : fs::temp_directory_path();
    std::string pattern = (base / "runnel-powercut-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("no scratch in " + base.string());
    path_ = pattern;
  }

  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

fs::path record(const Options& options, const fs::path& scratch) {
  const fs::path root = scratch / "root";
  const fs::path file = scratch / "recording";
  fs::create_directories(root);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("LD_PRELOAD", options.recorder.c_str(), 1);
    ::setenv("RECORD_DIR", root.c_str(), 1);
    ::setenv("RECORD_FILE", file.c_str(), 1);
    ::setenv("RECORD_IGNORE", "-lock", 1);
    ::setenv("RECORD_LEAVE_OUT", options.leave_out.c_str(), 1);
    const std::string groups = std::to_string(options.groups);
    const std::string seed = std::to_string(options.seed);
    ::execl(
        options.writer.c_str(),
        options.writer.c_str(),
        "--root",
        root.c_str(),
        "--groups",
        groups.c_str(),
        "--seed",
        seed.c_str(),
        options.reject ? "--reject" : nullptr,
        nullptr
    );
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error("the recorded program failed");
  }
  return file;
}

void write_file(const fs::path& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary);
  // Holes stay holes: most of a young generation is zeros.
  constexpr std::size_t kPiece = 4096;
  static const Bytes zeros(kPiece, '\0');
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    const std::size_t n = std::min(kPiece, bytes.size() - at);
    if (bytes.compare(at, n, zeros, 0, n) == 0) continue;
    out.seekp(static_cast<std::streamoff>(at));
    out.write(bytes.data() + at, static_cast<std::streamsize>(n));
  }
  out.close();
  fs::resize_file(path, bytes.size());
}

void write_image(const Image& image, const fs::path& to) {
  fs::remove_all(to);
  fs::create_directories(to / kDataName);
  for (const std::string& directory : image.directories) fs::create_directories(to / directory);
  for (const auto& [path, bytes] : image.files) write_file(to / path, bytes);
}

// The recorder has missed nothing if the replay ends with the files that the program left.
void compare_with_files(const Disk& disk, const fs::path& root) {
  const Image image = disk.cache();
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = fs::relative(entry.path(), root).string();
    if (!entry.is_regular_file() || path == kLedgerName || path.ends_with("-lock")) continue;
    ++files;
    const auto found = image.files.find(path);
    if (found == image.files.end() || found->second != read_whole(entry.path())) {
      throw std::runtime_error("the replay differs from " + path);
    }
  }
  if (files != image.files.size())
    throw std::runtime_error("the replay has files that are not there");
}

Cut choose(std::size_t turn, std::mt19937_64& random) {
  constexpr Kept kData[] = {Kept::nothing, Kept::everything, Kept::few, Kept::half, Kept::most};
  constexpr Entries kEntries[] = {
      Entries::nothing, Entries::everything, Entries::in_order, Entries::any};
  return {kData[turn % 5], kEntries[random() % 4]};
}

struct Tally {
  std::size_t images = 0;
  std::size_t bad = 0;
  std::map<std::string, std::size_t> kinds;  // digits replaced

  void note(std::string why) {
    ++bad;
    for (char& c : why) {
      if (std::isdigit(static_cast<unsigned char>(c)) != 0) c = '#';
    }
    ++kinds[why];
  }
};

struct Facts {
  std::size_t writes = 0, durable = 0, flushes = 0, entries = 0, generations = 0, retired = 0;

  void note(const Step& step) {
    writes += step.entry.op == kEntryWrite ? 1 : 0;
    durable += step.entry.durable;
    flushes += step.entry.op == kEntryFlush ? 1 : 0;
    const bool named = step.bytes.ends_with(".mdb");
    generations += step.entry.op == kEntryRename && named ? 1 : 0;
    retired += step.entry.op == kEntryUnlink && named ? 1 : 0;
    for (const char op : {kEntryCreate, kEntryMkdir, kEntryRename, kEntryUnlink}) {
      entries += step.entry.op == op ? 1 : 0;
    }
  }
};

void report(const Recording& recording, const Facts& facts, const Tally& tally) {
  std::printf(
      "recorded: %zu groups, %zu steps: %zu writes (%zu O_DSYNC), %zu flushes, %zu changes of "
      "directory entries; %zu generations, %zu retired\n",
      recording.ledger().size(),
      recording.steps().size(),
      facts.writes,
      facts.durable,
      facts.flushes,
      facts.entries,
      facts.generations,
      facts.retired
  );
  std::printf("%zu images, %zu bad\n", tally.images, tally.bad);
  for (const auto& [why, count] : tally.kinds) std::printf("%8zu  %s\n", count, why.c_str());
}

int replay(const Options& options) {
  const Scratch scratch(options.scratch);
  const Recording recording(record(options, scratch.path()));
  const LogCheck check(make_groups(options.seed, options.groups + 1), recording.ledger());
  const fs::path image_dir = scratch.path() / "image";
  Checker checker(check, image_dir / kDataName);
  std::mt19937_64 random(options.seed);
  Disk disk;
  Tally tally;
  Facts facts;
  const std::size_t steps = recording.steps().size();
  for (std::size_t i = 0; i < steps; ++i) {
    const Step& step = recording.steps()[i];
    disk.apply(step);
    facts.note(step);
    const std::size_t settled = i + 1 < steps ? recording.steps()[i + 1].settled : step.settled;
    // So many images in all after this step, spread evenly.
    const std::size_t due = options.budget * (i + 1) / steps;
    while (tally.images < due) {
      const Cut how = choose(tally.images, random);
      write_image(disk.cut(how, random), image_dir);
      ++tally.images;
      const std::string why = checker.check(settled);
      if (why.empty()) continue;
      if (tally.bad < 5 && options.leave_out.empty()) {
        std::printf(
            "step %zu of %zu (%c), %zu settled, data %d, entries %d: %s\n",
            i,
            steps,
            step.entry.op,
            settled,
            static_cast<int>(how.data),
            static_cast<int>(how.entries),
            why.c_str()
        );
      }
      if (!options.keep_bad.empty() && tally.bad == 0)
        fs::copy(image_dir, options.keep_bad, fs::copy_options::recursive);
      tally.note(why);
    }
  }
  compare_with_files(disk, scratch.path() / "root");
  report(recording, facts, tally);
  const bool control = !options.leave_out.empty();
  if (control) std::printf("%s\n", tally.bad > 0 ? "noticed, as it should be" : "NOT NOTICED");
  return (tally.bad > 0) == control ? 0 : 1;
}

int check_as_it_is(const Options& options) {
  const fs::path file = options.ledger.empty() ? options.check / kLedgerName : options.ledger;
  Ledger ledger = parse_ledger(read_whole(file));
  const std::size_t settled = ledger.size();
  const LogCheck check(make_groups(options.seed, options.groups + 1), std::move(ledger));
  const std::string why = check.check(options.check / kDataName, settled);
  if (!why.empty()) std::printf("%zu groups settled: %s\n", settled, why.c_str());
  return why.empty() ? 0 : 1;
}

}  // namespace
}  // namespace runnel::crash

int main(int argc, char** argv) {
  using namespace runnel::crash;
  const Options options = parse(argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  // What the log says of the damage that it meets would be said ten thousand times.
  runnel::logger::set_level(runnel::logger::Level::error);
  try {
    return options.check.empty() ? replay(options) : check_as_it_is(options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "powercut: %s\n", e.what());
    return 2;
  }
}
