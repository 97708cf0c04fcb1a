// What the commands say, and to whom: results to standard output, everything else to standard
// error in one line that begins with "runnel: ".
//
// Threads: one.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hub/app/config.h"

namespace runnel::app {

// Exit codes (docs/operations.md).
constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// Complain and return the exit code.
int failed(std::string_view message);
int misused(std::string_view message);

void note(std::string_view message);  // to standard error

// What is wrong with a configuration, a line each, without "runnel: ": editors know the form
// "file:line: message".
void complain(const ConfigErrors& errors, const std::filesystem::path& file);

void print(std::string_view text);       // to standard output, as it is
void print_line(std::string_view text);  // with a newline

// Nothing stays behind in a buffer. Returns kExitFailed, with a complaint, when standard output
// cannot take what was printed; `code` otherwise.
int flushed(int code);

// A reader of ours that leaves ("runnel tail | head") ends the program quietly, as it does with
// other tools.
void end_quietly_with_the_reader();

// Rows as columns that line up, two spaces apart. `alignment` has an l or r for each.
void print_table(const std::vector<std::vector<std::string>>& rows, std::string_view alignment);

}  // namespace runnel::app
