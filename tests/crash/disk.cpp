#include "tests/crash/disk.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <stdexcept>

namespace runnel::crash {
namespace {

constexpr std::size_t kSector = 512;

bool chance(std::mt19937_64& random, Kept how) {
  const std::uint64_t of_ten = how == Kept::few ? 1 : how == Kept::half ? 5 : 9;
  return random() % 10 < of_ten;
}

void apply_change(
    std::map<std::string, std::uint32_t>& names, const std::string& name, std::uint32_t object
) {
  if (object == 0) {
    names.erase(name);
  } else {
    names[name] = object;
  }
}

}  // namespace

Bytes Disk::File::sector(std::size_t index) const {
  Bytes out = cache.substr(std::min(cache.size(), index * kSector), kSector);
  out.resize(kSector);
  return out;
}

void Disk::File::flush_sector(std::size_t index) {
  const std::size_t end = std::min(cache.size(), (index + 1) * kSector);
  if (medium.size() < end) medium.resize(end);
  medium.replace(
      index * kSector, end - index * kSector, cache, index * kSector, end - index * kSector
  );
  pending.erase(index);
}

void Disk::File::write(std::size_t at, ByteView bytes, bool durable) {
  if (bytes.empty()) return;
  const std::size_t end = at + bytes.size();
  if (cache.size() < end) resize(end);
  cache.replace(at, bytes.size(), bytes);
  for (std::size_t s = at / kSector; s <= (end - 1) / kSector; ++s) {
    if (durable) {
      flush_sector(s);
    } else {
      pending[s].push_back(sector(s));
    }
  }
}

void Disk::File::resize(std::size_t size) {
  cache.resize(size);
  sizes.push_back(size);
}

void Disk::File::flush() {
  medium = cache;
  pending.clear();
  sizes.clear();
}

Bytes Disk::File::cut(Kept how, std::mt19937_64* random) const {
  if (how == Kept::everything) return cache;
  if (how == Kept::nothing) return medium;
  std::size_t size = medium.size();
  if (const std::size_t pick = (*random)() % (sizes.size() + 1); pick > 0) size = sizes[pick - 1];
  Bytes out = medium;
  out.resize(size);
  for (const auto& [index, versions] : pending) {
    if (!chance(*random, how)) continue;
    const Bytes& version = versions[(*random)() % versions.size()];
    const std::size_t at = index * kSector;
    if (at < size)
      out.replace(at, std::min(kSector, size - at), version, 0, std::min(kSector, size - at));
  }
  return out;
}

Disk::Names Disk::Directory::cut(Entries how, std::mt19937_64* random) const {
  if (how == Entries::everything) return cache;
  Names names = medium;
  if (how == Entries::nothing || pending.empty()) return names;
  if (how == Entries::in_order) {
    const std::size_t first = pending.front().operation;
    const std::size_t kept = first + (*random)() % (pending.back().operation - first + 2);
    for (const Change& c : pending) {
      if (c.operation < kept) apply_change(names, c.name, c.object);
    }
    return names;
  }
  for (const Change& c : pending) {
    if ((*random)() % 2 == 0) apply_change(names, c.name, c.object);
  }
  return names;
}

Disk::Place Disk::place_of(ByteView path) {
  if (!path.starts_with(root_)) throw std::runtime_error("outside: " + Bytes(path));
  path.remove_prefix(root_.size());
  Directory* directory = &directories_[root_object_];
  for (;;) {
    while (path.starts_with('/')) path.remove_prefix(1);
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    if (slash == ByteView::npos) return {directory, name};
    const auto found = directory->cache.find(name);
    if (found == directory->cache.end()) throw std::runtime_error("no directory " + name);
    directory = &directories_.at(found->second);
    path.remove_prefix(slash);
  }
}

void Disk::change(const Place& place, std::uint32_t object) {
  apply_change(place.directory->cache, place.name, object);
  place.directory->pending.push_back({place.name, object, operations_});
}

void Disk::rename(ByteView paths) {
  const std::size_t zero = paths.find('\0');
  const Place from = place_of(paths.substr(0, zero));
  const Place to = place_of(paths.substr(zero + 1));
  if (from.directory != to.directory) throw std::runtime_error("rename between directories");
  const auto found = from.directory->cache.find(from.name);
  if (found == from.directory->cache.end()) throw std::runtime_error("rename of " + from.name);
  const std::uint32_t object = found->second;
  change(to, object);
  change(from, 0);
}

void Disk::apply(const Step& step) {
  const Entry& e = step.entry;
  ++operations_;
  switch (e.op) {
    case kEntryRoot:
      root_ = step.bytes;
      root_object_ = e.object;
      directories_[e.object];
      return;
    case kEntryCreate:
      files_[e.object];
      return change(place_of(step.bytes), e.object);
    case kEntryMkdir:
      directories_[e.object];
      return change(place_of(step.bytes), e.object);
    case kEntryUnlink:
      return change(place_of(step.bytes), 0);
    case kEntryRename:
      return rename(step.bytes);
    case kEntryWrite:
      return files_.at(e.object).write(e.offset, step.bytes, e.durable != 0);
    case kEntrySize:
      return files_.at(e.object).resize(e.offset);
    case kEntryGrow: {
      File& file = files_.at(e.object);
      if (e.offset > file.cache.size()) file.resize(e.offset);
      return;
    }
    case kEntryFlush: {
      if (const auto file = files_.find(e.object); file != files_.end())
        return file->second.flush();
      Directory& directory = directories_.at(e.object);
      directory.medium = directory.cache;
      directory.pending.clear();
      return;
    }
    default:
      throw std::runtime_error("an entry of no known kind");
  }
}

Image Disk::assemble(Cut how, std::mt19937_64* random) const {
  Image image;
  const std::function<void(std::uint32_t, const std::string&)> visit =
      [&](std::uint32_t object, const std::string& path) {
        const auto directory = directories_.find(object);
        if (directory == directories_.end()) {
          image.files[path] = files_.at(object).cut(how.data, random);
          return;
        }
        if (!path.empty()) image.directories.insert(path);
        for (const auto& [name, child] : directory->second.cut(how.entries, random)) {
          visit(child, path.empty() ? name : path + "/" + name);
        }
      };
  if (root_object_ != 0) visit(root_object_, "");
  return image;
}

Image Disk::cut(Cut how, std::mt19937_64& random) const {
  return assemble(how, &random);
}

}  // namespace runnel::crash
