#include "tests/crash/recording.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace runnel::crash {

Bytes read_whole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

Recording::Recording(const std::filesystem::path& file) : bytes_(read_whole(file)) {
  std::uint32_t ledger_object = 0;
  ByteReader reader(bytes_);
  Bytes ledger;
  while (!reader.done()) {
    Step step;
    const ByteView head = reader.take(sizeof(Entry));
    if (head.size() == sizeof(Entry)) std::memcpy(&step.entry, head.data(), sizeof(Entry));
    step.bytes = reader.take(step.entry.length);
    if (!reader.ok()) throw std::runtime_error("the recording is cut short");
    if (step.entry.op == kEntryUnfollowed) {
      throw std::runtime_error("the recorder could not follow " + Bytes(step.bytes));
    }
    if (step.entry.op == kEntryCreate && step.bytes.ends_with(Bytes("/") + kLedgerName)) {
      ledger_object = step.entry.object;
    }
    if (ledger_object != 0 && step.entry.object == ledger_object) {
      if (step.entry.op == kEntryWrite) ledger.append(step.bytes);
      ledger_ = parse_ledger(ledger);
      continue;
    }
    step.settled = ledger_.size();
    steps_.push_back(step);
  }
}

}  // namespace runnel::crash
