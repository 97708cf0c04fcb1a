// Tells systemd how the hub is (sd_notify(3)), without libsystemd: one datagram to $NOTIFY_SOCKET.
// Does nothing outside systemd. Threads: one.
#pragma once

#include <string_view>

namespace runnel::app {

// "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…", or several with newlines between.
void notify_systemd(std::string_view state);

}  // namespace runnel::app
