// Requests of members of consumer groups, and of those who look after groups.
#include <algorithm>
#include <set>

#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {
namespace {

constexpr Version kJoinAsksForId = 4;
constexpr Version kJoinSkipsAssignment = 9;
constexpr Version kLeaveBySeveral = 3;

std::string_view host_of(const core::Endpoints& endpoints) {
  return std::string_view(endpoints.peer).substr(0, endpoints.peer.rfind(':'));
}

}  // namespace

void handle(const Context& c, const JoinGroupRequest& request) {
  core::JoinRequest join;
  join.group_id = request.group_id;
  join.member_id = request.member_id;
  join.instance_id = request.group_instance_id;
  join.client_id = c.client_id.value_or(Text{});
  const std::string host = "/" + std::string(host_of(c.connection.endpoints()));
  join.client_host = host;
  join.session_timeout = std::chrono::milliseconds(request.session_timeout_ms);
  join.rebalance_timeout = std::chrono::milliseconds(request.rebalance_timeout_ms);
  join.protocol_type = request.protocol_type;
  for (const auto& p : request.protocols) join.protocols.push_back({p.name, p.metadata.bytes});
  join.member_id_required = c.call.version >= kJoinAsksForId;
  join.can_skip_assignment = c.call.version >= kJoinSkipsAssignment;
  Groups& groups = c.broker.groups();
  core::GroupTurn turn = Groups::turn_of(c.turn);
  groups.coordinator().join(groups.wait(c.call), join, turn);
}

void handle(const Context& c, const SyncGroupRequest& request) {
  core::SyncRequest sync;
  sync.member = {
      request.group_id, request.member_id, request.group_instance_id, request.generation_id};
  sync.protocol_type = request.protocol_type;
  sync.protocol = request.protocol_name;
  for (const auto& a : request.assignments) {
    sync.assignments.push_back({a.member_id, a.assignment.bytes});
  }
  Groups& groups = c.broker.groups();
  core::GroupTurn turn = Groups::turn_of(c.turn);
  groups.coordinator().sync(groups.wait(c.call), sync, turn);
}

void handle(const Context& c, const HeartbeatRequest& request) {
  HeartbeatResponse response;
  const core::MemberClaim member{
      request.group_id, request.member_id, request.group_instance_id, request.generation_id};
  response.error_code = error_of(c.broker.groups().coordinator().heartbeat(member, c.turn.now));
  c.broker.answer(c.call, response);
}

void handle(const Context& c, const LeaveGroupRequest& request) {
  LeaveGroupResponse response;
  std::vector<core::Leaving> leaving;
  const bool several = c.call.version >= kLeaveBySeveral;
  if (several) {
    for (const auto& m : request.members) leaving.push_back({m.member_id, m.group_instance_id});
  } else {
    leaving.push_back({request.member_id, std::nullopt});
  }
  std::vector<core::GroupError> errors;
  core::GroupTurn turn = Groups::turn_of(c.turn);
  auto& coordinator = c.broker.groups().coordinator();
  response.error_code = error_of(coordinator.leave(request.group_id, leaving, errors, turn));
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (several) {
      response.members.push_back(
          {leaving[i].member_id, leaving[i].instance_id, error_of(errors[i])}
      );
    } else if (response.error_code == ErrorCode::none) {
      response.error_code = error_of(errors[i]);
    }
  }
  c.broker.answer(c.call, response);
}

void handle(const Context& c, const DescribeGroupsRequest& request) {
  DescribeGroupsResponse response;
  std::set<Text> told;  // one answer, however often it is asked for
  for (const Text id : request.groups) {
    if (!told.insert(id).second) continue;
    const core::GroupDescription d = c.broker.groups().coordinator().describe(id);
    DescribeGroupsResponse::Group out;
    out.group_id = id;
    out.group_state = core::name_of(d.state);
    out.protocol_type = d.protocol_type;
    out.protocol_data = d.protocol;
    for (const auto& m : d.members) {
      out.members.push_back(
          {m.member_id, m.instance_id, m.client_id, m.client_host, {m.metadata}, {m.assignment}}
      );
    }
    response.groups.push_back(std::move(out));
  }
  c.broker.answer(c.call, response);
}

void handle(const Context& c, const ListGroupsRequest& request) {
  constexpr Text kType = "classic";
  ListGroupsResponse response;
  const auto wanted = [](const Vector<Text>& filter, Text value) {
    return filter.empty() || std::find(filter.begin(), filter.end(), value) != filter.end();
  };
  for (const core::GroupListing& g : c.broker.groups().coordinator().list()) {
    const Text state = core::name_of(g.state);
    if (!wanted(request.states_filter, state) || !wanted(request.types_filter, kType)) continue;
    response.groups.push_back({g.group_id, g.protocol_type, state, kType});
  }
  c.broker.answer(c.call, response);
}

void handle(const Context& c, const DeleteGroupsRequest& request) {
  DeleteGroupsResponse response;
  core::GroupTurn turn = Groups::turn_of(c.turn);
  for (const Text id : request.group_ids) {
    response.results.push_back({id, error_of(c.broker.groups().coordinator().remove(id, turn))});
  }
  DeleteGroupsResponse failed = response;
  for (auto& result : failed.results) result.error_code = ErrorCode::coordinator_not_available;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

void handle(const Context& c, const OffsetDeleteRequest& request) {
  OffsetDeleteResponse response;
  Groups& groups = c.broker.groups();
  core::GroupTurn turn = Groups::turn_of(c.turn);
  for (const auto& topic : request.topics) {
    const core::GroupError error =
        groups.coordinator().check_offset_delete(request.group_id, topic.name);
    if (error == core::GroupError::non_empty_group ||
        error == core::GroupError::group_id_not_found) {
      response = {};
      response.error_code = error_of(error);
      return c.broker.answer(c.call, response);
    }
    ByTopic<OffsetDeleteResponse::Partition> out{topic.name, {}};
    for (const std::int32_t index : topic.partitions) {
      if (error == core::GroupError::none) {
        groups.offsets().erase(request.group_id, topic.name, index, turn);
      }
      out.partitions.push_back({index, error_of(error)});
    }
    response.topics.push_back(std::move(out));
  }
  OffsetDeleteResponse failed;
  failed.error_code = ErrorCode::coordinator_not_available;
  c.broker.answer_after_commit(c.call, response, failed, c.turn);
}

}  // namespace runnel::kafka
