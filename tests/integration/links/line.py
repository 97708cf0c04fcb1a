"""Carries packets between two TUN interfaces, late, not all of them, and none while it is cut.

    line.py NETNS NETNS NAME DELAY_MS JITTER_MS LOSS BYTES_PER_S QUEUE_BYTES SEED

Commands come on standard input, a line each, and each is answered by a line: cut, mend, carried
(bytes that went in at either end). Ends with its input. See netns.py.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
PACKET_MAX = 65536
PACKETS_AT_ONCE = 64


def tun(namespace, name):
    with open(namespace) as there:
        if ctypes.CDLL(None).setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError("setns")
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


class Way:
    """From one end to the other."""

    def __init__(self, source, target):
        self.source, self.target = source, target
        self.carried = 0
        self.queued = 0
        self.free_at = 0.0  # when the last packet will be on the wire, at this rate


class Line:
    def __init__(self, ends, delay_ms, jitter_ms, loss, rate, queue_bytes, seed):
        self.ways = {ends[0]: Way(ends[0], ends[1]), ends[1]: Way(ends[1], ends[0])}
        self.delay_s, self.jitter_s = delay_ms / 1000, jitter_ms / 1000
        self.loss, self.rate, self.queue_bytes = loss, rate, queue_bytes
        self.random = random.Random(seed)
        self.is_cut = False
        self.under_way = []  # heap of (due, number, way, packet)
        self.number = 0

    def take(self, way):
        for _ in range(PACKETS_AT_ONCE):
            try:
                packet = os.read(way.source, PACKET_MAX)
            except BlockingIOError:
                return
            way.carried += len(packet)
            if self.is_cut or self.random.random() < self.loss:
                continue
            now = time.monotonic()
            due = now
            if self.rate:
                if way.queued + len(packet) > self.queue_bytes:
                    continue
                way.free_at = max(way.free_at, now) + len(packet) / self.rate
                due = way.free_at
            way.queued += len(packet)
            due += self.delay_s + self.random.random() * self.jitter_s
            self.number += 1
            heapq.heappush(self.under_way, (due, self.number, way, packet))

    def deliver(self):
        now = time.monotonic()
        while self.under_way and self.under_way[0][0] <= now:
            _, _, way, packet = heapq.heappop(self.under_way)
            way.queued -= len(packet)
            if self.is_cut:
                continue
            try:
                os.write(way.target, packet)
            except OSError:
                pass  # that end is down
        return self.under_way[0][0] - now if self.under_way else None


def main():
    namespaces, name = sys.argv[1:3], sys.argv[3]
    delay, jitter, loss, rate, queue = map(float, sys.argv[4:9])
    ends = [tun(namespace, name) for namespace in namespaces]
    line = Line(ends, delay, jitter, loss, rate, queue, int(sys.argv[9]))
    poll = select.epoll()
    for fd in (*ends, 0):
        poll.register(fd, select.EPOLLIN)
    print("ready", flush=True)
    words = b""
    while True:
        wait = line.deliver()
        for fd, _ in poll.poll(-1 if wait is None else max(wait, 0)):
            if fd != 0:
                line.take(line.ways[fd])
                continue
            more = os.read(0, 4096)
            if not more:
                return
            words += more
            while b"\n" in words:
                word, words = words.split(b"\n", 1)
                if word == b"carried":
                    print(*(line.ways[end].carried for end in ends), flush=True)
                else:
                    line.is_cut = word == b"cut"
                    print("done", flush=True)


if __name__ == "__main__":
    main()
