#!/usr/bin/env python3
"""Lets every system call of a run of the log fail once, and checks what is left.

    fault_sweep.py --writer EXE --powercut EXE --faults LIB [--groups N] [--seed S] [--budget RUNS]

First a run without faults lists the calls on files of the log (faults.c says which count). Then the
run is repeated with one of them failing: with EIO or ENOSPC, once or from then on, or a write that
writes half. Each run must

  - end by itself: not by a signal, and not later than a time limit;
  - say on standard error why, when it ended early;
  - acknowledge nothing after a failed flush (fdatasync, or a write of LMDB's meta page) of a file
    of the log; one that is still being made (*.new) is thrown away when its flush fails;
  - acknowledge nothing that is not there when the log is opened again without faults
    (powercut --check).

With a budget, calls that are rare (all but page writes and flushes) are all taken, the others are
sampled evenly. Exit code 0: nothing was found.
"""
import argparse
import collections
import errno
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

COMMON = {"pwrite", "writev", "fdatasync", "meta"}
FLUSHES = {"fdatasync", "meta"}
SECONDS_MAX = 30

# name: (errno, from then on, half written)
MODES = {
    "EIO once": (errno.EIO, False, False),
    "EIO from then on": (errno.EIO, True, False),
    "ENOSPC once": (errno.ENOSPC, False, False),
    "ENOSPC from then on": (errno.ENOSPC, True, False),
    "short write": (errno.ENOSPC, False, True),
}


class Sweep:
    def __init__(self, options, scratch):
        self.options = options
        self.root = pathlib.Path(scratch) / "root"
        self.findings = []
        self.tally = collections.Counter()

    def write(self, first=0, mode=None):
        """One run of the writer; returns (exit code, standard error, ledger and remarks)."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        ledger = self.root / "ledger"
        env = dict(
            os.environ,
            LD_PRELOAD=self.options.faults,
            FAULT_DIR=str(self.root / "data"),
            FAULT_FIRST=str(first),
            FAULT_REPORT=str(ledger),
        )
        if mode:
            code, on, short = MODES[mode]
            env["FAULT_ERROR"] = str(code)
            env["FAULT_LAST"] = str(2**62 if on else first)
            if short:
                env["FAULT_SHORT"] = "1"
        done = subprocess.run(
            [self.options.writer, "--root", str(self.root), *self.workload()],
            env=env,
            stderr=subprocess.PIPE,
            timeout=SECONDS_MAX,
            check=False,
        )
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        return done.returncode, done.stderr.decode(errors="replace"), lines

    def workload(self):
        return [
            "--groups", str(self.options.groups),
            "--seed", str(self.options.seed),
            "--reopen-every", str(self.options.reopen_every),
        ]

    def calls(self):
        code, text, lines = self.write()
        if code != 0:
            sys.exit(f"the run without faults fails: {text}")
        return [line.split()[2:] for line in lines if line.startswith("call ")]

    def find(self, number, call, mode, what):
        self.findings.append(f"call {number} ({' '.join(call)}), {mode}: {what}")

    def run(self, number, call, mode):
        try:
            code, text, lines = self.write(number, mode)
        except subprocess.TimeoutExpired:
            return self.find(number, call, mode, f"not ended after {SECONDS_MAX} s")
        self.tally[(call[0], mode, "stopped" if code else "carried on")] += 1
        if code < 0 or code > 1:
            return self.find(number, call, mode, f"ended with {code}: {text.strip()[-300:]}")
        if code == 1 and "error" not in text:
            self.find(number, call, mode, f"stopped without saying why: {text!r}")
        if not any(line.startswith("fault ") for line in lines):
            self.find(number, call, mode, "the fault did not happen")
        flush_failed = False
        for line in lines:
            if line.startswith("fault "):
                _, _, failed, file = line.split()
                flush_failed |= failed in FLUSHES and not file.endswith(".new")
            elif flush_failed and line.startswith("group 1"):
                self.find(number, call, mode, "acknowledged after a failed flush")
                break
        check = subprocess.run(
            [
                self.options.powercut, "--check", str(self.root),
                "--groups", str(self.options.groups), "--seed", str(self.options.seed),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS_MAX,
            check=False,
        )
        if check.returncode != 0:
            self.find(number, call, mode, check.stdout.decode(errors="replace").strip()[-300:])
        return None


def choose(calls, budget, seed):
    """(number, call, mode) of the runs to make."""
    writes = {"pwrite", "writev", "write", "meta"}
    cases = [
        (number, call, mode)
        for number, call in enumerate(calls, 1)
        for mode in MODES
        if mode != "short write" or call[0] in writes
    ]
    if not budget or budget >= len(cases):
        return cases
    rare = [case for case in cases if case[1][0] not in COMMON]
    common = [case for case in cases if case[1][0] in COMMON]
    chosen = random.Random(seed)
    rare = chosen.sample(rare, min(len(rare), budget // 2))
    return sorted(rare + chosen.sample(common, min(len(common), budget - len(rare))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writer", required=True)
    parser.add_argument("--powercut", required=True)
    parser.add_argument("--faults", required=True)
    parser.add_argument("--groups", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reopen-every", type=int, default=50)
    parser.add_argument("--budget", type=int, default=0, help="runs; 0 for all")
    options = parser.parse_args()
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="runnel-faults-", dir=memory) as scratch:
        sweep = Sweep(options, scratch)
        calls = sweep.calls()
        cases = choose(calls, options.budget, options.seed)
        print(f"{len(calls)} calls in {options.groups} groups, {len(cases)} runs", flush=True)
        for number, call, mode in cases:
            sweep.run(number, call, mode)
    for (call, mode, what), count in sorted(sweep.tally.items()):
        print(f"{call:16} {mode:20} {what:12} {count}")
    for finding in sweep.findings[:40]:
        print(finding)
    print(f"{len(sweep.findings)} findings")
    return 1 if sweep.findings else 0


if __name__ == "__main__":
    sys.exit(main())
