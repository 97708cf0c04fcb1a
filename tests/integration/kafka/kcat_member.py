"""kcat as a member of a group: kcat_member.py BOOTSTRAP TOPIC GROUP [PROPERTY=VALUE]…

Prints the lines of the other members. kcat commits every 100 ms what it has written, and says on
standard error what it was given.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def assignments(stream):
    for line in stream:
        if b" assigned: " in line or b": incremental assignment of " in line:
            say("A", len(re.findall(rb"\[\d+\]", line)))


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def die_with_the_parent():
    """Whoever kills this process means kcat."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main():
    bootstrap, topic, group, *properties = sys.argv[1:]
    kcat = subprocess.Popen(
        ["kcat", "-b", bootstrap, "-G", group, "-E", "-u", "-f", "%p %o %s\\n", "-X",
         "auto.offset.reset=earliest", "-X", "auto.commit.interval.ms=100", "-X",
         "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=500", "-X",
         "reconnect.backoff.max.ms=500",
         *(word for p in properties for word in ("-X", p)), topic],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=die_with_the_parent)
    signal.signal(signal.SIGTERM, lambda *_: kcat.terminate())
    threading.Thread(target=assignments, args=(kcat.stderr,), daemon=True).start()
    for line in kcat.stdout:
        partition, offset, value = line.rstrip(b"\n").split(b" ", 2)
        say("R", partition.decode(), offset.decode(), value.hex())
    sys.exit(kcat.wait())


if __name__ == "__main__":
    main()
