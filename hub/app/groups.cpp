#include <algorithm>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "hub/app/console.h"
#include "hub/app/kafka_commands.h"
#include "hub/app/kafka_range.h"
#include "hub/app/suggest.h"
#include "hub/app/text.h"
#include "hub/kafka_client/admin.h"

namespace runnel::app {

namespace json = boost::json;
using kafka_client::Admin;
using kafka_client::At;
using kafka_client::Failure;
using kafka_client::GroupDescription;
using kafka_client::GroupMember;
using kafka_client::GroupSummary;

namespace {

using Place = std::pair<std::string, std::int32_t>;

// How far a group has come in one partition.
struct Progress {
  std::int64_t committed = -1;  // -1: nothing
  std::int64_t first = -1;      // -1: there is no such partition any more
  std::int64_t end = -1;
  std::string member;  // who has it; empty: nobody

  [[nodiscard]] std::int64_t lag() const {
    if (end < 0) return 0;
    return std::max<std::int64_t>(0, end - std::max(committed, first));
  }
};

using AllProgress = std::map<Place, Progress>;

std::string number_or_none(std::int64_t number) {
  return number < 0 ? "-" : std::to_string(number);
}

json::value json_or_null(std::int64_t number) {
  return number < 0 ? json::value(nullptr) : json::value(number);
}

class GroupsRun {
 public:
  GroupsRun(const Groups& command, const kafka_client::Door& door)
      : command_(command), door_(door), admin_(door) {}

  int run() {
    if (const auto why = reach(admin_, door_)) return failed(*why);
    switch (command_.action) {
      case Groups::Action::describe:
        return describe();
      case Groups::Action::remove:
        return remove();
      case Groups::Action::reset:
        return reset();
      case Groups::Action::list:
        break;
    }
    return list();
  }

 private:
  [[nodiscard]] const std::string& name() const { return command_.names.front(); }

  int list() {
    const auto all = admin_.groups();
    if (!all) return failed(cannot("list the groups", all.error()));
    json::array groups;
    std::vector<std::vector<std::string>> rows{{"GROUP", "STATE"}};
    for (const GroupSummary& group : *all) {
      rows.push_back({printable(group.name), group.state});
      groups.push_back(json::object{{"group", group.name}, {"state", group.state}});
    }
    if (command_.json) {
      print_line(json::serialize(json::object{{"groups", std::move(groups)}}));
    } else {
      print_table(rows, "ll");
    }
    return flushed(kExitOk);
  }

  std::string no_such_group(const std::string& group) {
    const auto all = admin_.groups();
    std::vector<std::string_view> names;
    if (all) {
      for (const GroupSummary& one : *all) names.push_back(one.name);
    }
    const std::string_view near = nearest(group, names);
    return "the hub has no group " + in_quotes(group) +
           (near.empty() ? std::string{} : "; did you mean " + printable(near) + "?");
  }

  int describe() {
    const auto group = admin_.group(name());
    if (!group) return failed(cannot("describe " + in_quotes(name()), group.error()));
    const auto committed = admin_.committed(name());
    if (!committed)
      return failed(cannot("ask for the offsets of " + in_quotes(name()), committed.error()));
    if (group->members.empty() && committed->empty() && group->state != "Empty") {
      return failed(no_such_group(name()));
    }
    const auto progress = progress_of(*group, *committed);
    if (!progress) return failed(cannot("ask for the topics' offsets", progress.error()));
    if (command_.json) {
      print_as_json(*group, *progress);
    } else {
      print_for_people(*group, *progress);
    }
    return flushed(kExitOk);
  }

  kafka_client::Answer<AllProgress> progress_of(
      const GroupDescription& group, const std::vector<At>& committed
  ) {
    AllProgress all;
    for (const At& at : committed) all[{at.topic, at.partition}].committed = at.offset;
    for (const GroupMember& member : group.members) {
      for (const At& at : member.assignment) all[{at.topic, at.partition}].member = member.id;
    }
    const auto topics = admin_.topics();
    if (!topics) return topics.error();
    for (const std::int64_t time : {kafka_client::kEarliest, kafka_client::kLatest}) {
      std::vector<At> wanted;
      for (const auto& entry : all) {
        const Place& place = entry.first;
        const auto* topic = find_topic(*topics, place.first);
        const bool there = topic != nullptr &&
                           std::any_of(
                               topic->partitions.begin(),
                               topic->partitions.end(),
                               [&](const auto& partition) { return partition.id == place.second; }
                           );
        if (there) wanted.push_back({place.first, place.second, time});
      }
      const auto offsets = admin_.offsets_at(wanted);
      if (!offsets) return offsets.error();
      for (const At& at : *offsets) {
        Progress& progress = all[{at.topic, at.partition}];
        (time == kafka_client::kEarliest ? progress.first : progress.end) = at.offset;
      }
    }
    return all;
  }

  static void print_as_json(const GroupDescription& group, const AllProgress& progress) {
    json::array members;
    for (const GroupMember& member : group.members) {
      json::array partitions;
      for (const At& at : member.assignment) {
        partitions.push_back(json::object{{"topic", at.topic}, {"partition", at.partition}});
      }
      const bool is_static = !member.instance_id.empty();
      members.push_back(json::object{
          {"id", member.id},
          {"client_id", member.client_id},
          {"instance_id", is_static ? json::value(member.instance_id) : json::value(nullptr)},
          {"host", member.host},
          {"partitions", std::move(partitions)},
      });
    }
    json::array offsets;
    for (const auto& [place, at] : progress) {
      offsets.push_back(json::object{
          {"topic", place.first},
          {"partition", place.second},
          {"committed", json_or_null(at.committed)},
          {"log_start_offset", json_or_null(at.first)},
          {"high_watermark", json_or_null(at.end)},
          {"lag", at.end < 0 ? json::value(nullptr) : json::value(at.lag())},
      });
    }
    print_line(json::serialize(json::object{
        {"group", group.name},
        {"state", group.state},
        {"assignor", group.assignor},
        {"coordinator", group.coordinator},
        {"members", std::move(members)},
        {"offsets", std::move(offsets)},
    }));
  }

  static void print_for_people(const GroupDescription& group, const AllProgress& progress) {
    print_line(
        printable(group.name) + ": " + group.state + ", " + std::to_string(group.members.size()) +
        " members" + (group.assignor.empty() ? "" : ", " + printable(group.assignor))
    );
    if (!progress.empty()) {
      std::vector<std::vector<std::string>> rows{
          {"TOPIC", "PARTITION", "COMMITTED", "NEXT", "LAG", "MEMBER"}};
      for (const auto& [place, at] : progress) {
        rows.push_back(
            {printable(place.first),
             std::to_string(place.second),
             number_or_none(at.committed),
             number_or_none(at.end),
             at.end < 0 ? "-" : std::to_string(at.lag()),
             at.member.empty() ? "-" : printable(at.member)}
        );
      }
      print("\n");
      print_table(rows, "lrrrrl");
    }
    if (group.members.empty()) return;
    std::vector<std::vector<std::string>> rows{
        {"MEMBER", "CLIENT", "INSTANCE", "HOST", "PARTITIONS"}};
    for (const GroupMember& member : group.members) {
      rows.push_back(
          {printable(member.id),
           printable(member.client_id),
           member.instance_id.empty() ? "-" : printable(member.instance_id),
           printable(member.host),
           std::to_string(member.assignment.size())}
      );
    }
    print("\n");
    print_table(rows, "llllr");
  }

  int remove() {
    json::array gone;
    for (const std::string& one : command_.names) {
      if (const auto failure = admin_.delete_group(one)) {
        return failed(refused("delete " + in_quotes(one), one, *failure));
      }
      if (!command_.json) print_line("deleted " + printable(one));
      gone.emplace_back(one);
    }
    if (command_.json) print_line(json::serialize(json::object{{"deleted", std::move(gone)}}));
    return flushed(kExitOk);
  }

  std::string refused(const std::string& what, const std::string& group, const Failure& failure) {
    if (failure.kind == Failure::Kind::unknown_group) return no_such_group(group);
    if (failure.kind == Failure::Kind::not_empty) {
      return "cannot " + what + ": it has members; stop them first";
    }
    return cannot(what, failure);
  }

  int reset() {
    const auto topics = admin_.topics();
    if (!topics) return failed(cannot("list the topics", topics.error()));
    const kafka_client::Topic* topic = find_topic(*topics, command_.topic);
    if (topic == nullptr) return failed(no_such_topic(command_.topic, *topics));
    const auto ranges =
        ranges_of(admin_, *topic, {command_.partition, command_.to, std::nullopt, true});
    if (!ranges) return failed(ranges.error().text);
    const auto before = admin_.committed(name());
    if (!before) return failed(refused("ask for the offsets", name(), before.error()));
    std::vector<At> after;
    for (const Range& range : *ranges)
      after.push_back({command_.topic, range.partition, range.next});
    if (!command_.dry_run) {
      if (const auto failure = admin_.commit(name(), after)) {
        return failed(refused("reset " + in_quotes(name()), name(), *failure));
      }
    }
    print_reset(*before, after);
    return flushed(kExitOk);
  }

  void print_reset(const std::vector<At>& before, const std::vector<At>& after) const {
    json::array offsets;
    std::vector<std::vector<std::string>> rows{{"TOPIC", "PARTITION", "BEFORE", "AFTER"}};
    for (const At& at : after) {
      const auto was = std::find_if(before.begin(), before.end(), [&](const At& one) {
        return one.topic == at.topic && one.partition == at.partition;
      });
      const std::int64_t offset = was == before.end() ? -1 : was->offset;
      rows.push_back(
          {printable(at.topic),
           std::to_string(at.partition),
           number_or_none(offset),
           std::to_string(at.offset)}
      );
      offsets.push_back(json::object{
          {"topic", at.topic},
          {"partition", at.partition},
          {"before", json_or_null(offset)},
          {"after", at.offset},
      });
    }
    if (!command_.json) {
      print_table(rows, "lrrr");
      return;
    }
    print_line(json::serialize(json::object{
        {"group", name()}, {"dry_run", command_.dry_run}, {"offsets", std::move(offsets)}}));
  }

  const Groups& command_;
  const kafka_client::Door& door_;
  Admin admin_;
};

}  // namespace

int groups(const Groups& command) {
  const auto door = door_of(command.door);
  if (!door) return misused(door.error().text);
  return GroupsRun(command, *door).run();
}

}  // namespace runnel::app
