#include "bridge/positions.h"

#include <algorithm>
#include <charconv>

namespace runnel::bridge {

namespace {

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !(number < Number{});
}

bool read_one(std::string_view text, Positions& out) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return false;
  const std::size_t slash = text.substr(0, equals).rfind('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  SourcePartition source{std::string(text.substr(0, slash)), 0, 0};
  std::int64_t offset = 0;
  std::string_view number = text.substr(slash + 1, equals - slash - 1);
  if (const std::size_t colon = number.find(':'); colon != std::string_view::npos) {
    if (!read_number(number.substr(colon + 1), source.id)) return false;
    number = number.substr(0, colon);
  }
  if (!read_number(number, source.partition)) return false;
  if (!read_number(text.substr(equals + 1), offset)) return false;
  out[std::move(source)] = Offset(offset);
  return true;
}

}  // namespace

std::string positions_text(const Positions& positions) {
  std::string out;
  for (const auto& [source, offset] : positions) {
    if (!out.empty()) out += ';';
    out += source.topic + '/' + std::to_string(source.partition);
    if (source.id != 0) out += ':' + std::to_string(source.id);
    out += '=' + std::to_string(offset.value);
  }
  return out;
}

std::optional<Positions> read_positions(std::string_view text) {
  Positions out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    if (!read_one(text.substr(0, end), out)) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<kafka_client::CommittedAt> to_commit(
    const Positions& positions, const std::set<SourcePartition>& changed, const PlaceOf& place_of
) {
  std::set<Place> wanted;
  for (const SourcePartition& source : changed) wanted.insert(place_of(source));
  std::map<Place, Positions> at;
  for (const auto& [source, offset] : positions) {
    const Place place = place_of(source);
    if (wanted.contains(place)) at[place][source] = offset;
  }
  std::vector<kafka_client::CommittedAt> out;
  for (const auto& [place, here] : at) {
    out.push_back({place.first, place.second, here.begin()->second.value, positions_text(here)});
  }
  return out;
}

Positions from_committed(const std::vector<kafka_client::CommittedAt>& committed) {
  Positions out;
  for (const kafka_client::CommittedAt& at : committed) {
    const auto here = read_positions(at.text);
    if (!here) continue;
    for (const auto& [source, offset] : *here) {
      const auto [found, added] = out.try_emplace(source, offset);
      if (!added) found->second = std::max(found->second, offset);
    }
  }
  return out;
}

}  // namespace runnel::bridge
