#include <algorithm>
#include <tuple>

#include "hub/kafka_client/admin.h"
#include "hub/kafka_client/question.h"

namespace runnel::kafka_client {

namespace {

using OwnedDeleteGroup = Owned<rd_kafka_DeleteGroup_t, rd_kafka_DeleteGroup_destroy>;
using OwnedListOffsets =
    Owned<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy>;
using OwnedError = Owned<rd_kafka_error_t, rd_kafka_error_destroy>;
using OwnedAlterOffsets =
    Owned<rd_kafka_AlterConsumerGroupOffsets_t, rd_kafka_AlterConsumerGroupOffsets_destroy>;

std::string text(const char* from) {
  return from == nullptr ? std::string{} : from;
}

std::optional<Failure> said(const rd_kafka_error_t* error) {
  if (error == nullptr) return std::nullopt;
  return failure_of(rd_kafka_error_code(error), rd_kafka_error_string(error));
}

GroupMember member_of(const rd_kafka_MemberDescription_t* from) {
  GroupMember member{
      text(rd_kafka_MemberDescription_consumer_id(from)),
      text(rd_kafka_MemberDescription_client_id(from)),
      text(rd_kafka_MemberDescription_group_instance_id(from)),
      text(rd_kafka_MemberDescription_host(from)),
      {},
  };
  const auto* assignment = rd_kafka_MemberDescription_assignment(from);
  const auto* places =
      assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
  if (places != nullptr) member.assignment = places_of(*places);
  return member;
}

// What was said of the one group that was asked about.
std::optional<Failure> outcome(
    const rd_kafka_group_result_t** groups, std::size_t count, std::vector<CommittedAt>* places = nullptr
) {
  if (count == 0) return Failure{Failure::Kind::refused, "the answer is empty"};
  if (auto failure = said(rd_kafka_group_result_error(groups[0]))) return failure;
  const auto* partitions = rd_kafka_group_result_partitions(groups[0]);
  if (partitions == nullptr) return std::nullopt;
  for (int i = 0; i < partitions->cnt; ++i) {
    const auto error = partitions->elems[i].err;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return failure_of(error);
  }
  for (int i = 0; places != nullptr && i < partitions->cnt; ++i) {
    const rd_kafka_topic_partition_t& at = partitions->elems[i];
    const auto* text = static_cast<const char*>(at.metadata);
    places->push_back({at.topic, at.partition, at.offset, {text == nullptr ? "" : text, at.metadata_size}});
  }
  return std::nullopt;
}

}  // namespace

Answer<std::vector<GroupSummary>> Admin::groups() {
  const auto event = ask_cluster(
      library(),
      RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
      [&](const auto* options, auto* queue) {
        rd_kafka_ListConsumerGroups(library().handle(), options, queue);
      }
  );
  if (!event) return event.error();
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event->get());
  std::size_t count = 0;
  const rd_kafka_error_t** errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) return *said(errors[0]);
  const rd_kafka_ConsumerGroupListing_t** listed =
      rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<GroupSummary> groups;
  for (std::size_t i = 0; i < count; ++i) {
    groups.push_back(
        {text(rd_kafka_ConsumerGroupListing_group_id(listed[i])),
         rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(listed[i]))}
    );
  }
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
    return a.name < b.name;
  });
  return groups;
}

Answer<GroupDescription> Admin::group(const std::string& name) {
  const auto event = ask_cluster(
      library(),
      RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
      [&](const auto* options, auto* queue) {
        const char* one = name.c_str();
        rd_kafka_DescribeConsumerGroups(library().handle(), &one, 1, options, queue);
      }
  );
  if (!event) return event.error();
  std::size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** described =
      rd_kafka_DescribeConsumerGroups_result_groups(
          rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count
      );
  if (count == 0) return Failure{Failure::Kind::unknown_group, "the answer is empty"};
  const auto* from = described[0];
  if (auto failure = said(rd_kafka_ConsumerGroupDescription_error(from))) return *failure;
  GroupDescription group;
  group.name = name;
  group.state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(from));
  group.assignor = text(rd_kafka_ConsumerGroupDescription_partition_assignor(from));
  if (const auto* node = rd_kafka_ConsumerGroupDescription_coordinator(from)) {
    group.coordinator =
        text(rd_kafka_Node_host(node)) + ":" + std::to_string(rd_kafka_Node_port(node));
  }
  for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(from); ++i) {
    group.members.push_back(member_of(rd_kafka_ConsumerGroupDescription_member(from, i)));
  }
  return group;
}

Answer<std::vector<At>> Admin::committed(const std::string& group) {
  const auto committed = committed_by(library(), group);
  if (!committed) return committed.error();
  std::vector<At> places;
  for (const CommittedAt& at : *committed) places.push_back({at.topic, at.partition, at.offset});
  return places;
}

Answer<std::vector<CommittedAt>> committed_by(Library& library, const std::string& group) {
  const OwnedListOffsets wanted(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), nullptr));
  const auto event = ask_cluster(
      library,
      RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
      [&](auto* options, auto* queue) {
        OwnedError refused(rd_kafka_AdminOptions_set_require_stable_offsets(options, 1));
        rd_kafka_ListConsumerGroupOffsets_t* one = wanted.get();
        rd_kafka_ListConsumerGroupOffsets(library.handle(), &one, 1, options, queue);
      }
  );
  if (!event) return event.error();
  std::size_t count = 0;
  const rd_kafka_group_result_t** groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event->get()), &count
  );
  std::vector<CommittedAt> places;
  if (auto failure = outcome(groups, count, &places)) return *failure;
  std::sort(places.begin(), places.end(), [](const CommittedAt& a, const CommittedAt& b) {
    return std::tie(a.topic, a.partition) < std::tie(b.topic, b.partition);
  });
  return places;
}

std::optional<Failure> Admin::commit(const std::string& group, const std::vector<At>& offsets) {
  const OwnedAlterOffsets wanted(
      rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), places_of(offsets).get())
  );
  const auto event = ask_cluster(
      library(),
      RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
      [&](const auto* options, auto* queue) {
        rd_kafka_AlterConsumerGroupOffsets_t* one = wanted.get();
        rd_kafka_AlterConsumerGroupOffsets(library().handle(), &one, 1, options, queue);
      }
  );
  if (!event) return event.error();
  std::size_t count = 0;
  const rd_kafka_group_result_t** groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event->get()), &count
  );
  return outcome(groups, count);
}

std::optional<Failure> Admin::delete_group(const std::string& name) {
  const OwnedDeleteGroup wanted(rd_kafka_DeleteGroup_new(name.c_str()));
  const auto event =
      ask_cluster(library(), RD_KAFKA_ADMIN_OP_DELETEGROUPS, [&](const auto* options, auto* queue) {
        rd_kafka_DeleteGroup_t* one = wanted.get();
        rd_kafka_DeleteGroups(library().handle(), &one, 1, options, queue);
      });
  if (!event) return event.error();
  std::size_t count = 0;
  const rd_kafka_group_result_t** groups =
      rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event->get()), &count);
  return outcome(groups, count);
}

}  // namespace runnel::kafka_client
