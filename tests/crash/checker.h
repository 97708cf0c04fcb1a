// Runs a LogCheck in a child process: on damage LMDB may die of a signal, and that is a finding
// like any other. One child serves many checks; a new one is started when it dies.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "tests/crash/log_check.h"

namespace runnel::crash {

class Checker {
 public:
  // `check` outlives this; `dir` is where the images are found.
  Checker(const LogCheck& check, std::filesystem::path dir);
  ~Checker();
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // What LogCheck::check says, or the signal that ended it; more than kSecondsMax is a finding too.
  [[nodiscard]] std::string check(std::size_t settled);

  static constexpr unsigned kSecondsMax = 30;

 private:
  void start();
  [[noreturn]] void serve(int questions, int answers) const;
  std::string reap();

  const LogCheck& check_;
  std::filesystem::path dir_;
  pid_t child_ = -1;
  int ask_ = -1;
  int answer_ = -1;
};

}  // namespace runnel::crash
