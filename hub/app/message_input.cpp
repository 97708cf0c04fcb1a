#include "hub/app/message_input.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace runnel::app {

using boost::system::in_place_value;  // a Why could be made of a string, too

OrWhy<std::string> contents_of(const std::string& file) {
  using Contents = OrWhy<std::string>;
  if (file == "-") {
    return Contents(
        in_place_value, std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()
    );
  }
  std::error_code ec;
  if (std::filesystem::is_directory(file, ec)) return Why{"it is a directory"};
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open()) return Why{std::strerror(errno)};
  std::ostringstream text;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (in.bad() || text.bad()) return Why{std::strerror(errno)};
  return Contents(in_place_value, text.str());
}

InputLines::InputLines() {
  std::ios::sync_with_stdio(false);  // so that in_avail() knows what is buffered
}

std::optional<std::string> InputLines::next() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

bool InputLines::at_hand() {
  return std::cin.rdbuf()->in_avail() > 0;
}

bool InputLines::wait(std::chrono::milliseconds wait) {
  if (at_hand()) return true;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, static_cast<int>(wait.count())) != 0;
}

}  // namespace runnel::app
