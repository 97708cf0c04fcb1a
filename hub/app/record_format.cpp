#include "hub/app/record_format.h"

#include <charconv>

#include "hub/app/record_text.h"

namespace runnel::app {

using kafka_client::Record;

namespace {

constexpr std::string_view kLetters = "tpoTdksKSh";

// The character after a backslash, or the bytes of \xNN; `text` goes on behind it. False: none.
bool escape(std::string_view& text, std::string& out) {
  const char c = text.empty() ? '\0' : text.front();
  const std::size_t at = std::string_view("ntr0\\").find(c);
  if (c != '\0' && at != std::string_view::npos) {
    out.push_back(std::string_view("\n\t\r\0\\", 5)[at]);
    text.remove_prefix(1);
    return true;
  }
  unsigned byte = 0;
  if (c != 'x' || text.size() < 3) return false;
  const char* end = text.data() + 3;
  if (std::from_chars(text.data() + 1, end, byte, 16).ptr != end) return false;
  out.push_back(static_cast<char>(byte));
  text.remove_prefix(3);
  return true;
}

std::string bytes_count(const std::optional<std::string>& bytes) {
  return bytes ? std::to_string(bytes->size()) : "-1";
}

std::string field(char letter, const Record& record) {
  switch (letter) {
    case 't':
      return record.topic;
    case 'p':
      return std::to_string(record.partition);
    case 'o':
      return std::to_string(record.offset);
    case 'T':
      return std::to_string(record.time_ms);
    case 'd':
      return time_text(record.time_ms);
    case 'k':
      return record.key.value_or("");
    case 's':
      return record.value.value_or("");
    case 'K':
      return bytes_count(record.key);
    case 'S':
      return bytes_count(record.value);
    default:
      return headers_text(record.headers);
  }
}

}  // namespace

OrWhy<RecordFormat> RecordFormat::read(std::string_view text) {
  RecordFormat format;
  std::string plain;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\\') {
      if (!escape(text, plain))
        return Why{"there is no such escape: \\" + std::string(text.substr(0, 1))};
      continue;
    }
    if (c != '%' || text.starts_with('%')) {
      plain.push_back(c);
      if (c == '%') text.remove_prefix(1);
      continue;
    }
    const std::string letter(text.substr(0, 1));
    if (letter.empty() || kLetters.find(letter) == std::string_view::npos) {
      return Why{"there is no %" + letter + "; there are %t %p %o %T %d %k %s %K %S %h and %%"};
    }
    text.remove_prefix(1);
    if (!plain.empty()) format.pieces_.push_back({'\0', std::exchange(plain, {})});
    format.pieces_.push_back({letter[0], {}});
  }
  if (!plain.empty()) format.pieces_.push_back({'\0', plain});
  return format;
}

std::string RecordFormat::print(const Record& record) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    out += piece.letter == '\0' ? piece.text : field(piece.letter, record);
  }
  return out;
}

std::string headers_text(const std::vector<kafka_client::Header>& headers) {
  std::string out;
  for (const kafka_client::Header& header : headers) {
    if (!out.empty()) out += ",";
    out += header.name;
    if (header.value) out += "=" + *header.value;
  }
  return out;
}

}  // namespace runnel::app
