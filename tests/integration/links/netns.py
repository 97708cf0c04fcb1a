"""Network namespaces, and lines between them that are slow, lose packets, or are cut.

A line is a pair of TUN interfaces and a process that carries packets from one to the other
(line.py), because not every kernel has netem. Nothing outside of the namespaces is touched. Needs
root.
"""

import contextlib
import ctypes
import os
import pathlib
import subprocess
import sys

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def possible():
    return os.geteuid() == 0 and pathlib.Path("/dev/net/tun").exists()


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=20)


@contextlib.contextmanager
def inside(name):
    """What this thread does: sockets, processes and threads that it makes are of that namespace."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{name}") as there:
        _enter(there)
        try:
            yield
        finally:
            _enter(home)


def _enter(file):
    if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Net:
    """Namespaces that go with it."""

    def __init__(self, prefix=None):
        self.prefix = prefix or f"rl{os.getpid()}"
        self.names = []
        self.lines = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for line in self.lines:
            line.close()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def add(self, name):
        full = f"{self.prefix}-{name}"
        run("ip", "netns", "add", full)
        self.names.append(full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def line(self, one, one_address, other, other_address, **kind):
        """Addresses as "10.231.0.1"; they are each other's neighbours."""
        made = Line(one, one_address, other, other_address, len(self.lines), **kind)
        self.lines.append(made)
        return made


class Line:
    """`delay_ms` one way, with `jitter_ms` more by chance; `loss` of each packet, 0 to 1;
    `bytes_per_s` each way, with a queue of `queue_bytes` before it."""

    def __init__(self, one, one_address, other, other_address, number, delay_ms=0, jitter_ms=0,
                 loss=0.0, bytes_per_s=0, queue_bytes=256 * 1024, seed=1):
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(pathlib.Path(__file__).with_name("line.py")),
             f"/run/netns/{one}", f"/run/netns/{other}", f"tun{number}", str(delay_ms),
             str(jitter_ms), str(loss), str(bytes_per_s), str(queue_bytes), str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # both ends are there
        for name, mine, theirs in ((one, one_address, other_address),
                                   (other, other_address, one_address)):
            run("ip", "-n", name, "addr", "add", mine, "peer", theirs, "dev", f"tun{number}")
            run("ip", "-n", name, "link", "set", f"tun{number}", "up")

    def _say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()

    def cut(self):
        self._say("cut")

    def mend(self):
        self._say("mend")

    def carried(self):
        """Bytes of packets that went into it, from the one end and from the other."""
        return tuple(map(int, self._say("carried")))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
