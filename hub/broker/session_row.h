// The bytes of a session's state rows (session.h).
//
//   s/{client}   u8 1, client id counted, u32 expiry s, i64 hub ms of disconnection (-1: connected),
//                varint n of subscriptions: filter counted, u8 options as on the wire plus bit 6
//                (retained due), u8 has id, u32 id, u64 since;
//                u8 has will, u32 delay s, will row counted (stored_message.h);
//                varint n of subscriptions with a replay: varint which of them (from 0), u64 its
//                beginning. Left out when there is none
//   q/{client}   u8 1, client id counted, u64 cursor, u8 tailing, u16 last packet id,
//                varint n in flight: u16 id, u8 qos plus bit 2 (replayed), u8 state, u64 position,
//                retained topic counted, group key counted; varint n held: u16 id;
//                while a replay is under way: u8 1, u64 its cursor
//   P            u64: sessions that were tailing had been offered everything below
#pragma once

#include <functional>

#include "hub/broker/session.h"

namespace runnel::broker {

constexpr ByteView kSessionKind = "s/";
constexpr ByteView kFlowKind = "q/";
constexpr ByteView kTailRow = "P";

class SessionRow {
 public:
  static Bytes encode_static(const Session& session);
  static Bytes encode_flow(const Session& session, Position head);

  // The client id that both kinds of row begin with; empty when the row is not one.
  static ByteView client_id(ByteView row);

  // Fill a new session. False: the row is damaged; the session keeps what was read before.
  static bool decode_static(ByteView row, Session& session);
  struct Flow {
    Position cursor{};
    bool tailing = false;
    Position replay{};  // when the session is replaying()
  };
  static bool decode_flow(ByteView row, Session& session, const std::function<StoredPtr(ByteView topic)>& retained, Flow& flow);
};

}  // namespace runnel::broker
