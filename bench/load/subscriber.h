// One subscriber that checks everything it receives: of this run? on the MQTT topic its stamp says?
// owed to this subscriber? complete, once, in order (Verifier)? Acknowledges all that one read
// brought in one write.
//
// A live subscriber stays. An offline session subscribes, goes away before the load (prepared()
// says when), comes back at come_back(), and erases itself at the broker at forget().
//
// Threads: that of its Loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/client.h"
#include "bench/load/verifier.h"

namespace runnel::bench {

class Subscriber : public Client {
 public:
  enum class Kind : std::uint8_t { live, offline };

  Subscriber(
      Loop& loop,
      const Address& address,
      ConnectFields fields,
      Kind kind,
      std::string filter,
      Verifier verifier
  );

  [[nodiscard]] bool prepared() const override { return prepared_; }

  [[nodiscard]] Kind kind() const { return kind_; }

  [[nodiscard]] const Verifier& verifier() const { return verifier_; }

  // For offline sessions, once prepared.
  void come_back();
  // For offline sessions, at the end: connects once more with a clean start, then leaves.
  void forget();

  [[nodiscard]] bool forgotten() const { return stage_ == Stage::gone; }

  // Takes one PUBLISH, received at `now_ns`, as if it came from the socket. False: no broker may
  // send it. Answers are left in the Loop's outbox.
  bool take_publish(const Frame& frame, std::uint64_t now_ns);

 protected:
  void on_open(const Connack& connack) override;
  bool on_packet(const Frame& frame) override;
  void on_read_end(std::uint64_t now_ns) override;
  void on_lost() override;

 private:
  // A live subscriber begins at subscribing and remains at listening.
  enum class Stage : std::uint8_t { wiping, subscribing, away, listening, forgetting, gone };

  bool take_suback(const Frame& frame);
  bool take_pubrel(const Frame& frame);
  void check(const Publish& publish, std::uint64_t now_ns);
  [[nodiscard]] bool is_topic_of(std::string_view topic, std::uint32_t stream) const;
  void count(const Stamp& stamp, std::uint64_t now_ns);

  Kind kind_;
  Stage stage_;
  std::string filter_;
  Verifier verifier_;
  bool prepared_ = false;
  std::vector<bool> unreleased_;  // QoS 2: packet ids between PUBLISH and PUBREL; by id
};

}  // namespace runnel::bench
