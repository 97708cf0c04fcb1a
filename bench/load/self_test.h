// Proofs that this tool finds what it says it finds, on synthetic input: no broker, no socket.
#pragma once

#include <string>

namespace runnel::bench {

// `part`: wire, histogram, verifier or subscriber. Names every failure on stderr; returns the exit
// code.
int run_self_test(const std::string& part);

}  // namespace runnel::bench
