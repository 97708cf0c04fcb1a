#include "hub/kafka_client/library.h"

#include <utility>

#include "hub/kafka_client/sockets.h"

namespace runnel::kafka_client {

namespace {

// "GroupCoordinator: h:1: Connect to ipv4#h:1 failed: Connection refused (after 0ms in state …)" is
// more than anybody wants to know.
std::string shortened(std::string_view text) {
  text = text.substr(0, text.find(" (after "));
  for (const std::string_view who : {"GroupCoordinator: ", "/bootstrap: "}) {
    const std::size_t at = text.find(who);
    if (at != std::string_view::npos) text.remove_prefix(at + who.size());
  }
  const std::size_t connect = text.find("Connect to ");
  if (connect != std::string_view::npos) text.remove_prefix(connect);
  return plain(text);
}

}  // namespace

std::string Library::make(
    rd_kafka_type_t type,
    const std::vector<std::pair<const char*, std::string>>& settings,
    Sockets* sockets
) {
  if (std::string missing = load_library(); !missing.empty()) return missing;
  Owned<rd_kafka_conf_t, rd_kafka_conf_destroy> conf(rd_kafka_conf_new());
  ErrorText why{};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), name, value.c_str(), why.data(), why.size()) !=
        RD_KAFKA_CONF_OK) {
      return why.data();
    }
  }
  sockets_ = sockets;
  if (sockets != nullptr) {
    rd_kafka_conf_set_socket_cb(conf.get(), [](int domain, int kind, int protocol, void* self) {
      return static_cast<Library*>(self)->sockets_->open(domain, kind, protocol);
    });
    if (sockets->races()) {
      rd_kafka_conf_set_connect_cb(conf.get(), [](int socket, const sockaddr* address, int size, const char*, void* self) {
        return static_cast<Library*>(self)->sockets_->connect(socket, address, size);
      });
    }
    rd_kafka_conf_set_closesocket_cb(conf.get(), [](int socket, void* self) {
      return static_cast<Library*>(self)->sockets_->close(socket);
    });
  }
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_error_cb(conf.get(), &Library::heard);
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf.get(), &Library::report);
  handle_.reset(rd_kafka_new(type, conf.get(), why.data(), why.size()));
  if (!handle_) return why.data();
  static_cast<void>(conf.release());  // the handle owns it now
  return {};
}

void Library::heard(rd_kafka_t* handle, int error, const char* reason, void* self) {
  auto& library = *static_cast<Library*>(self);
  Trouble trouble{shortened(reason)};
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    ErrorText text{};
    error = rd_kafka_fatal_error(handle, text.data(), text.size());
    trouble.text = plain(text.data());
  }
  trouble.not_permitted = error == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                          error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
                          error == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM;
  // That all are down comes after what was said of each, and tells less.
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
  if (library.trouble_ && library.trouble_->not_permitted) return;
  library.trouble_ = std::move(trouble);
}

void Library::report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  const auto& library = *static_cast<Library*>(self);
  if (library.on_delivery) library.on_delivery(*message);
}

std::string plain(std::string_view text) {
  for (const std::string_view who : {"Broker: ", "Local: "}) {
    if (text.starts_with(who)) text.remove_prefix(who.size());
  }
  while (text.ends_with('.') || text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text);
}

Failure failure_of(rd_kafka_resp_err_t error, const char* text) {
  Failure failure;
  failure.text = plain(text != nullptr && *text != '\0' ? text : rd_kafka_err2str(error));
  switch (error) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
      failure.kind = Failure::Kind::unreachable;
      break;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      failure.kind = Failure::Kind::unknown_topic;
      break;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      failure.kind = Failure::Kind::unsupported;
      break;
    case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:  // what a group says to a commit from outside
      failure.kind = Failure::Kind::not_empty;
      break;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      failure.kind = Failure::Kind::already_there;
      break;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      failure.kind = Failure::Kind::fenced;
      break;
    case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
      failure.kind = Failure::Kind::unknown_group;
      break;
    default:
      break;
  }
  return failure;
}

OwnedPlaces places_of(const std::vector<At>& places) {
  OwnedPlaces list(rd_kafka_topic_partition_list_new(static_cast<int>(places.size())));
  for (const At& at : places) {
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset =
        at.offset;
  }
  return list;
}

std::vector<At> places_of(const rd_kafka_topic_partition_list_t& places) {
  std::vector<At> out;
  for (int i = 0; i < places.cnt; ++i) {
    out.push_back({places.elems[i].topic, places.elems[i].partition, places.elems[i].offset});
  }
  return out;
}

std::optional<std::string> bytes_of(const void* bytes, std::size_t size) {
  if (bytes == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(bytes), size);
}

}  // namespace runnel::kafka_client
