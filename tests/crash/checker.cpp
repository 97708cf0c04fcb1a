#include "tests/crash/checker.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>

namespace runnel::crash {
namespace {

bool read_all(int fd, void* to, std::size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t n = ::read(fd, at, size);
    if (n <= 0) return false;
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool write_all(int fd, const void* from, std::size_t size) {
  const auto* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t n = ::write(fd, at, size);
    if (n <= 0) return false;
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

Checker::Checker(const LogCheck& check, std::filesystem::path dir)
    : check_(check), dir_(std::move(dir)) {
  std::signal(SIGPIPE, SIG_IGN);
}

Checker::~Checker() {
  if (child_ > 0) reap();
}

void Checker::start() {
  int questions[2];
  int answers[2];
  if (::pipe(questions) != 0 || ::pipe(answers) != 0) throw std::runtime_error("pipe");
  child_ = ::fork();
  if (child_ < 0) throw std::runtime_error("fork");
  if (child_ == 0) {
    ::close(questions[1]);
    ::close(answers[0]);
    serve(questions[0], answers[1]);
  }
  ::close(questions[0]);
  ::close(answers[1]);
  ask_ = questions[1];
  answer_ = answers[0];
}

void Checker::serve(int questions, int answers) const {
  std::uint64_t settled = 0;
  while (read_all(questions, &settled, sizeof settled)) {
    ::alarm(kSecondsMax);
    std::string why;
    try {
      why = check_.check(dir_, settled);
    } catch (const std::exception& e) {
      why = std::string("threw: ") + e.what();
    }
    ::alarm(0);
    const std::uint64_t size = why.size();
    if (!write_all(answers, &size, sizeof size) || !write_all(answers, why.data(), size)) break;
  }
  ::_exit(0);
}

std::string Checker::reap() {
  ::close(ask_);
  ::close(answer_);
  int status = 0;
  ::waitpid(child_, &status, 0);
  child_ = -1;
  if (WIFSIGNALED(status)) return std::string("ended by: ") + strsignal(WTERMSIG(status));
  return "ended by itself";
}

std::string Checker::check(std::size_t settled) {
  if (child_ < 0) start();
  const std::uint64_t question = settled;
  std::uint64_t size = 0;
  if (!write_all(ask_, &question, sizeof question) || !read_all(answer_, &size, sizeof size)) {
    return reap();
  }
  std::string why(size, '\0');
  if (!read_all(answer_, why.data(), size)) return reap();
  return why;
}

}  // namespace runnel::crash
