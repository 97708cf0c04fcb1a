// A sensor for Linux: reads its own machine and publishes what it read, losing nothing that it was
// able to keep. Five rules make it so; each is marked where it is obeyed.
//
//   1. A reading is done when its PUBACK is here, not when it was sent.
//   2. What is not done waits in a queue of our own, with a bound, and a full queue says so.
//   3. After a cut, start afresh: a new connection, and everything unacknowledged once more.
//   4. Every reading has a number, so that the other side can tell a repeat from a new one.
//   5. Measuring goes on time, whatever the network does.
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>

#include <MQTTAsync.h>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;  // does not jump when the wall clock is set
using std::chrono::milliseconds;

struct Options {
  std::string broker = "tcp://127.0.0.1:1883";
  std::string client_id = "linux-sensor";
  std::string topic = "sensors/linux";
  milliseconds interval = 10s;
  std::size_t queue_max = 1000;
  long long count = 0;  // 0: until told to stop
};

constexpr std::size_t kWindow = 16;  // readings on their way at a time; brokers take at least 20
constexpr milliseconds kRetryMin = 500ms;
constexpr milliseconds kRetryMax = 30s;
constexpr milliseconds kFlushMax = 10s;  // how long long to wait for the last acknowledgements

long long wall_clock_ms() {
  return std::chrono::system_clock::now().time_since_epoch() / 1ms;
}

// The number that a file of the kernel begins with, or null.
std::string number_in(const char* file) {
  double number = 0;
  return std::ifstream(file) >> number ? std::to_string(number) : "null";
}

// Rule 4: `run` and `seq` together never occur twice. The time is the wall clock's, which may be
// wrong on a machine that has just booted; `uptime_s` is right in any case.
std::string measure(long long run, long long seq) {
  return "{\"run\":" + std::to_string(run) + ",\"seq\":" + std::to_string(seq) +
         ",\"time_ms\":" + std::to_string(wall_clock_ms()) +
         ",\"uptime_s\":" + number_in("/proc/uptime") +
         ",\"load_1m\":" + number_in("/proc/loadavg") +
         ",\"temperature_mc\":" + number_in("/sys/class/thermal/thermal_zone0/temp") + "}";
}

// ---- What Paho has to say
//
// Paho calls back from threads of its own while it holds its own lock. So a callback only leaves a
// note and wakes the main thread, and the main thread never calls Paho while it holds this lock.

struct News {
  bool connected = false;
  std::set<MQTTAsync_token> acknowledged;
  std::string lost;  // why the connection is of no more use; empty while it is
};

std::mutex news_mutex;
News news_pending;
const int news_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

template <class Change>
void note(Change change) {
  const std::lock_guard lock(news_mutex);
  change(news_pending);
  (void)eventfd_write(news_event, 1);
}

News take_news() {
  const std::lock_guard lock(news_mutex);
  eventfd_t ignored = 0;
  (void)eventfd_read(news_event, &ignored);
  return std::exchange(news_pending, {});
}

void lost(const std::string& why) {
  note([&](News& news) { news.lost = why; });
}

void on_connection_lost(void*, char*) {
  lost("connection lost");
}

void on_connected(void*, MQTTAsync_successData5*) {
  note([](News& news) { news.connected = true; });
}

void on_acknowledged(void*, MQTTAsync_successData5* data) {
  note([&](News& news) { news.acknowledged.insert(data->token); });
}

// Also for a PUBACK with a reason of 0x80 or more: the hub has not stored that reading (0x97: it is
// full). MQTT 3.1.1 has no such answer, which is why this sensor speaks 5.0.
void on_failure(void*, MQTTAsync_failureData5* data) {
  const bool refused = data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR;
  const char* text = refused ? MQTTReasonCode_toString(data->reasonCode) : data->message;
  lost(text != nullptr ? text : "error " + std::to_string(data->code));
}

// Rule 3: one attempt and one connection. What Paho still held for it goes away with it, for the
// queue is ours; Paho buffers nothing and reconnects nothing.
class Connection {
 public:
  explicit Connection(const Options& options) {
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_createWithOptions(
        &client_,
        options.broker.c_str(),
        options.client_id.c_str(),
        MQTTCLIENT_PERSISTENCE_NONE,
        nullptr,
        &create
    );
    MQTTAsync_setConnectionLostCallback(client_, nullptr, on_connection_lost);
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    connect.cleanstart = 1;
    connect.keepAliveInterval = 30;
    connect.connectTimeout = 5;
    connect.onSuccess5 = on_connected;
    connect.onFailure5 = on_failure;
    const int begun = MQTTAsync_connect(client_, &connect);
    if (begun != MQTTASYNC_SUCCESS) lost("cannot connect, error " + std::to_string(begun));
  }

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  ~Connection() { MQTTAsync_destroy(&client_); }  // with a DISCONNECT, if there is a connection

  // The token that the acknowledgement will carry, or 0: then lost() has been told.
  MQTTAsync_token publish(const std::string& topic, const std::string& payload) {
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.onSuccess5 = on_acknowledged;
    response.onFailure5 = on_failure;
    const int size = static_cast<int>(payload.size());
    const int sent = MQTTAsync_send(client_, topic.c_str(), size, payload.data(), 1, 0, &response);
    if (sent == MQTTASYNC_SUCCESS) return response.token;
    lost("cannot send, error " + std::to_string(sent));
    return 0;
  }

 private:
  MQTTAsync client_ = nullptr;
};

volatile sig_atomic_t stop_asked = 0;

class Sensor {
 public:
  explicit Sensor(const Options& options) : options_(options) {}

  // Until the count is reached or a signal comes, and then until all is acknowledged or the
  // patience is at an end. Returns whether all was acknowledged.
  bool run() {
    while (!stopping() || (!queue_.empty() && Clock::now() < flush_until_)) {
      if (!stopping() && Clock::now() >= next_reading_) read();
      hear(take_news());
      if (!connection_ && Clock::now() >= next_try_) {
        connection_ = std::make_unique<Connection>(options_);
      }
      if (up_) send();
      sleep();
    }
    connection_.reset();
    std::printf("%lld readings, %lld acknowledged, %lld dropped\n", seq_, acknowledged_, dropped_);
    return acknowledged_ == seq_;
  }

 private:
  struct Reading {
    long long seq = 0;
    std::string payload;
    MQTTAsync_token token = 0;  // 0: not on its way
  };

  bool stopping() {
    const bool stop = stop_asked != 0 || (options_.count != 0 && seq_ == options_.count);
    if (stop && flush_until_ == Clock::time_point::max()) flush_until_ = Clock::now() + kFlushMax;
    return stop;
  }

  // Rule 2: the queue is bounded, and what falls out of it is said and counted.
  void read() {
    next_reading_ += options_.interval;
    if (queue_.size() == options_.queue_max) {
      std::printf("queue full: dropping reading %lld, the oldest\n", queue_.front().seq);
      queue_.pop_front();
      ++dropped_;
    }
    ++seq_;
    queue_.push_back({seq_, measure(run_, seq_)});
  }

  void hear(const News& news) {
    if (news.connected) {
      std::printf("connected, %zu to send\n", queue_.size());
      up_ = true;
    }
    // Rule 1: only now may a reading leave the queue.
    const auto done = [&](const Reading& r) { return news.acknowledged.contains(r.token); };
    acknowledged_ += static_cast<long long>(std::erase_if(queue_, done));
    if (!news.acknowledged.empty()) retry_ = kRetryMin;
    if (!news.lost.empty()) start_over(news.lost);
  }

  // Waits longer each time, and not just as long long as every other sensor that lost this hub.
  void start_over(const std::string& why) {
    const milliseconds wait = retry_ / 2 + retry_ * (std::random_device{}() % 1000) / 2000;
    std::printf(
        "%s; %zu kept, next try in %lld ms\n",
        why.c_str(),
        queue_.size(),
        static_cast<long long>(wait / 1ms)
    );
    connection_.reset();
    take_news();  // whatever the old connection still had to say
    for (Reading& reading : queue_) reading.token = 0;
    up_ = false;
    next_try_ = Clock::now() + wait;
    retry_ = std::min(retry_ * 2, kRetryMax);
  }

  // A window of our own: were more handed over than the hub lets through at a time, the Paho of
  // Debian 12 would move on only once a second.
  void send() {
    for (std::size_t i = 0; i < std::min(queue_.size(), kWindow); ++i) {
      Reading& reading = queue_[i];
      if (reading.token == 0) reading.token = connection_->publish(options_.topic, reading.payload);
      if (reading.token == 0) return;
    }
  }

  // Rule 5: until there is news, a signal, or something to do by the clock.
  void sleep() {
    auto until = stopping() ? flush_until_ : next_reading_;
    if (!connection_) until = std::min(until, next_try_);
    const milliseconds left =
        std::max(milliseconds(0), std::chrono::ceil<milliseconds>(until - Clock::now()));
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(left / 1s);
    timeout.tv_nsec = static_cast<long>(left % 1s / 1ns);
    pollfd news{news_event, POLLIN, 0};
    sigset_t none;
    sigemptyset(&none);
    (void)ppoll(&news, 1, &timeout, &none);  // the only place where a signal gets through
  }

  const Options options_;
  const long long run_ = wall_clock_ms();
  long long seq_ = 0;
  long long acknowledged_ = 0;
  long long dropped_ = 0;
  std::deque<Reading> queue_;
  std::unique_ptr<Connection> connection_;
  bool up_ = false;
  Clock::time_point next_reading_ = Clock::now();
  Clock::time_point next_try_ = Clock::now();
  Clock::time_point flush_until_ = Clock::time_point::max();
  milliseconds retry_ = kRetryMin;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "--broker")
      options.broker = value;
    else if (name == "--topic")
      options.topic = value;
    else if (name == "--client-id")
      options.client_id = value;
    else if (name == "--interval")
      options.interval = milliseconds(static_cast<long long>(1000 * std::atof(value.c_str())));
    else if (name == "--queue")
      options.queue_max = std::strtoul(value.c_str(), nullptr, 10);
    else if (name == "--count")
      options.count = std::atoll(value.c_str());
    else
      return false;
  }
  return options.interval >= 1ms && options.queue_max > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(
        stderr,
        "usage: %s [--broker tcp://HOST:PORT] [--topic MQTT_TOPIC] [--client-id ID]\n"
        "       [--interval SECONDS] [--queue READINGS] [--count READINGS]\n",
        argv[0]
    );
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a line at a time, also into a journal

  // Blocked before Paho makes its threads, so that a signal interrupts ppoll() and nothing else.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  for (const int signal : {SIGTERM, SIGINT}) {
    sigaddset(&stop_signals, signal);

    struct sigaction action {};

    action.sa_handler = [](int) { stop_asked = 1; };
    sigaction(signal, &action, nullptr);
  }
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  return Sensor(options).run() ? 0 : 1;
}
