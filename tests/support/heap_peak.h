// How much a piece of code had on the heap at its worst: every allocation of the process is
// counted, those of C libraries too. Needs heap_peak.cpp in the executable, which stands before
// malloc (or, with a sanitizer, behind its hooks).
//
// Threads: counts all of them; measure where only one runs.
#pragma once

#include <cstddef>

namespace runnel::test {

class HeapPeak {
 public:
  HeapPeak();

  // The most that was allocated at once since construction, over what there was then.
  [[nodiscard]] std::size_t bytes() const;
};

}  // namespace runnel::test
