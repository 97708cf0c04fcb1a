#include "hub/app/console.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace runnel::app {

namespace {

int first_write_errno = 0;

// Columns on a terminal: code points, which is right for all but wide and combining characters.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<std::uint8_t>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

int failed(std::string_view message) {
  note(message);
  return kExitFailed;
}

int misused(std::string_view message) {
  note(message);
  return kExitUsage;
}

void note(std::string_view message) {
  std::fflush(stdout);  // so that both appear in the order in which they were said
  const std::string line = "runnel: " + std::string(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void complain(const ConfigErrors& errors, const std::filesystem::path& file) {
  std::fflush(stdout);
  for (const ConfigError& error : errors) {
    const std::string line = describe(error, file) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

void print(std::string_view text) {
  errno = 0;
  const bool taken = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!taken && first_write_errno == 0) first_write_errno = errno;
}

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

int flushed(int code) {
  errno = 0;
  if (std::fflush(stdout) != 0 && first_write_errno == 0) first_write_errno = errno;
  if (first_write_errno == 0) return code;
  return failed(
      "cannot write to standard output: " + std::string(std::strerror(first_write_errno))
  );
}

void end_quietly_with_the_reader() {
  std::signal(SIGPIPE, SIG_DFL);
}

void print_table(const std::vector<std::vector<std::string>>& rows, std::string_view alignment) {
  std::vector<std::size_t> widths(alignment.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width(row[i]), ' ');
      const bool last = i + 1 == row.size();
      if (alignment[i] == 'r') line += padding;
      line += row[i];
      if (alignment[i] == 'l' && !last) line += padding;
      if (!last) line += "  ";
    }
    print_line(line);
  }
}

}  // namespace runnel::app
