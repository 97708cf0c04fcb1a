#!/usr/bin/env python3
"""Cuts the power below a real ext4 with its journal, instead of a model of a file system.

    ext4_cut.py --writer EXE --powercut EXE --blkfuse EXE [--cuts N] [--images N] [--seed S]
                [--ignore-flushes]

A run of powercut_writer is made on an ext4 that lies on a loop device on a disk of blkfuse, which
records every write and flush of the block layer. Then the power is cut at random moments: what was
flushed is on the disk, of the rest any sectors in any version. Each image is mounted (ext4 replays
its journal), and powercut --check opens the log in it. With --ignore-flushes, a negative control,
the disk forgets what a flush is, and that must be noticed.

Needs root, /dev/fuse, loop devices and mkfs.ext4; exits with 77 and says so where they are missing.
"""
import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
ENTRY = struct.Struct("<BBHIIIQ")  # entry.h
DISK, LEDGER = 1, 2
SECTOR = 512
IMAGE_MIB = 48
KEPT = (0, 1, 0.5, 0.1, 0.9)  # parts of the sectors that were not flushed


def missing(options):
    if os.geteuid() != 0:
        return "root"
    for path in ("/dev/fuse", "/dev/loop-control", options.blkfuse):
        if not os.path.exists(path):
            return path
    for tool in ("losetup", "mkfs.ext4", "mount", "umount", "fusermount3"):
        if shutil.which(tool) is None:
            return tool
    return None


def run(*command, **more):
    done = subprocess.run(command, check=True, capture_output=True, text=True, **more)
    return done.stdout.strip()


@contextlib.contextmanager
def fuse_disk(options, directory, image, recording):
    """The mountpoint of a blkfuse."""
    mountpoint = directory / "fuse"
    mountpoint.mkdir()
    with subprocess.Popen([options.blkfuse, mountpoint, image, recording]) as process:
        try:
            while not (mountpoint / "disk").exists():
                if process.poll() is not None:
                    raise RuntimeError(f"blkfuse ended with {process.returncode}")
                time.sleep(0.01)
            yield mountpoint
        finally:
            subprocess.run(["fusermount3", "-u", mountpoint], check=False)
            process.wait(30)


@contextlib.contextmanager
def mounted(image, directory):
    """The file system in an image file, on a loop device of its own."""
    mountpoint = directory / "mounted"
    mountpoint.mkdir(exist_ok=True)
    device = run("losetup", "--find", "--show", image)
    try:
        run("mount", "-t", "ext4", "-o", "noatime", device, mountpoint)
        try:
            yield mountpoint
        finally:
            run("umount", mountpoint)
    finally:
        run("losetup", "--detach", device)


def record(options, directory):
    """Runs the writer; returns (image before, entries)."""
    image = directory / "base"
    with open(image, "wb") as file:
        file.truncate(IMAGE_MIB << 20)
    run("mkfs.ext4", "-q", "-F", "-b", "4096", image)
    recording = directory / "recording"
    with fuse_disk(options, directory, image, recording) as fuse:
        with mounted(fuse / "disk", directory) as root:
            run(options.writer, "--root", root, "--ledger", fuse / "ledger",
                "--groups", str(options.groups), "--seed", str(options.seed))
    entries = []
    data = recording.read_bytes()
    at = 0
    while at < len(data):
        op, _, _, disk_or_ledger, length, _, offset = ENTRY.unpack_from(data, at)
        at += ENTRY.size
        entries.append((chr(op), disk_or_ledger, offset, data[at:at + length]))
        at += length
    return image.read_bytes(), entries


class Disk:
    """What lies on the medium, and what was written since the last flush."""

    def __init__(self, base):
        self.cache = bytearray(base)
        self.medium = bytearray(base)
        self.pending = {}  # sector -> its versions since the flush

    def write(self, offset, data):
        self.cache[offset:offset + len(data)] = data
        for sector in range(offset // SECTOR, (offset + len(data) - 1) // SECTOR + 1):
            version = bytes(self.cache[sector * SECTOR:(sector + 1) * SECTOR])
            self.pending.setdefault(sector, []).append(version)

    def flush(self):
        for sector, versions in self.pending.items():
            self.medium[sector * SECTOR:(sector + 1) * SECTOR] = versions[-1]
        self.pending.clear()

    def cut(self, kept, chance):
        if kept == 1:
            return self.cache
        image = bytearray(self.medium)
        for sector, versions in self.pending.items():
            if chance.random() < kept:
                image[sector * SECTOR:(sector + 1) * SECTOR] = chance.choice(versions)
        return image


def check(options, directory, image, ledger):
    """What is wrong with an image, "" for nothing."""
    (directory / "ledger").write_bytes(ledger)
    (directory / "image").write_bytes(image)
    try:
        with mounted(directory / "image", directory) as root:
            done = subprocess.run(
                [options.powercut, "--check", root, "--ledger", directory / "ledger",
                 "--groups", str(options.groups), "--seed", str(options.seed)],
                capture_output=True, text=True, timeout=60, check=False)
    except subprocess.CalledProcessError as failed:
        return f"{failed.cmd[0]}: {failed.stderr.strip()[-100:]}"
    if done.returncode == 0:
        return ""
    return (done.stdout + done.stderr).strip() or f"powercut ended with {done.returncode}"


def replay(options, directory, base, entries):
    """Returns (images, bad ones by kind)."""
    chance = random.Random(options.seed)
    first = next(i for i, entry in enumerate(entries) if entry[1] == LEDGER)
    begin = max(0, first - 200)  # the making of the directory and of the first generation, too
    cuts = set(chance.sample(range(begin, len(entries)), min(options.cuts, len(entries) - begin)))
    disk = Disk(base)
    ledger = b""
    images = 0
    bad = {}
    for number, (op, what, offset, data) in enumerate(entries):
        if what == LEDGER:
            ledger += data
        elif op == "W":
            disk.write(offset, data)
        elif not options.ignore_flushes:
            disk.flush()
        for turn in range(options.images if number in cuts else 0):
            why = check(options, directory, disk.cut(KEPT[turn % len(KEPT)], chance), ledger)
            images += 1
            if why:
                kind = re.sub(r"\d+", "#", why)
                bad[kind] = bad.get(kind, 0) + 1
                if not options.ignore_flushes:
                    print(f"cut after {number} of {len(entries)}, {KEPT[turn % len(KEPT)]}: {why}",
                          flush=True)
    return images, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writer", required=True)
    parser.add_argument("--powercut", required=True)
    parser.add_argument("--blkfuse", required=True)
    parser.add_argument("--groups", type=int, default=150)
    parser.add_argument("--cuts", type=int, default=60)
    parser.add_argument("--images", type=int, default=5, help="per cut")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ignore-flushes", action="store_true")
    options = parser.parse_args()
    lacking = missing(options)
    if lacking:
        print(f"skipped: this needs {lacking}")
        return SKIPPED
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="runnel-ext4-", dir=memory) as scratch:
        directory = pathlib.Path(scratch)
        base, entries = record(options, directory)
        images, bad = replay(options, directory, base, entries)
    flushes = sum(1 for entry in entries if entry[0] == "S")
    print(f"{len(entries)} block operations, {flushes} flushes; {images} images, "
          f"{sum(bad.values())} bad")
    for kind, count in sorted(bad.items(), key=lambda item: -item[1])[:10]:
        print(f"{count:6}  {kind}")
    return 0 if bool(bad) == options.ignore_flushes else 1


if __name__ == "__main__":
    sys.exit(main())
