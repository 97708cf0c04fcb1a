"""What the kernel says of a process, of a block device and of this machine. Linux only."""

import dataclasses
import os
import pathlib
import platform

SECTOR_BYTES = 512  # in every block statistic, whatever the device's own sector is


@dataclasses.dataclass(frozen=True)
class ProcessIo:
    """Of all threads of a process, since it began."""

    write_bytes: int  # pages it made dirty, on their way to a block device
    cancelled_write_bytes: int  # of these, dropped before they were written


@dataclasses.dataclass(frozen=True)
class Mount:
    point: str
    fs_type: str
    source: str
    options: str


def parse_colon_lines(text: str) -> dict[str, str]:
    """"Key:  value" lines, as in /proc/<pid>/io and status."""
    out = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            out[key.strip()] = value.strip()
    return out


def process_io(pid: int) -> ProcessIo:
    fields = parse_colon_lines(_read(f"/proc/{pid}/io"))
    return ProcessIo(int(fields["write_bytes"]), int(fields["cancelled_write_bytes"]))


def parse_kib(value: str) -> int:
    number, _, unit = value.partition(" ")
    if unit != "kB":
        raise ValueError(f"not in kB: {value}")
    return int(number) * 1024


def anonymous_bytes(pid: int) -> int:
    """Memory that no file backs and that is resident now."""
    return parse_kib(parse_colon_lines(_read(f"/proc/{pid}/status"))["RssAnon"])


def parse_cpu_ticks(stat: str) -> int:
    """User and system time of /proc/<pid>/stat; the name in it may hold spaces and brackets."""
    fields = stat[stat.rindex(")") + 1 :].split()
    return int(fields[11]) + int(fields[12])


def cpu_seconds(pid: int) -> float:
    return parse_cpu_ticks(_read(f"/proc/{pid}/stat")) / os.sysconf("SC_CLK_TCK")


def parse_sectors_written(stat: str) -> int:
    """Of /sys/dev/block/<number>/stat."""
    return int(stat.split()[6])


def unescape_mount(field: str) -> str:
    """Blanks and backslashes are octal in mountinfo."""
    out = field
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        out = out.replace(code, char)
    return out


def parse_mounts(text: str) -> list[Mount]:
    """/proc/self/mountinfo, in its order."""
    mounts = []
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        if not dash:
            continue
        before, after = left.split(), right.split()
        point, source = unescape_mount(before[4]), unescape_mount(after[1])
        mounts.append(Mount(point, after[0], source, before[5]))
    return mounts


def mount_of(path: pathlib.Path, mounts: list[Mount]) -> Mount:
    """The mount that holds `path`: the deepest mount point above it, the last one of equals."""
    real = path.resolve()
    best = None
    for mount in mounts:
        above = real.is_relative_to(mount.point)
        if above and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    if best is None:
        raise LookupError(f"no mount holds {path}")
    return best


def mounts() -> list[Mount]:
    return parse_mounts(_read("/proc/self/mountinfo"))


def block_stat_path(path: pathlib.Path) -> pathlib.Path | None:
    """The statistics of the block device under `path`; None where there is no single one (tmpfs,
    overlay, network)."""
    number = os.stat(path).st_dev
    stat = _stat_of_device(number)
    if stat is None:
        source = mount_of(path, mounts()).source
        if source.startswith("/dev/") and os.path.exists(source):
            stat = _stat_of_device(os.stat(source).st_rdev)
    return stat


def device_written_bytes(stat_path: pathlib.Path) -> int:
    return parse_sectors_written(_read(stat_path)) * SECTOR_BYTES


def cpu_model() -> str:
    fields = parse_colon_lines(_read("/proc/cpuinfo"))
    return fields.get("model name") or fields.get("Model") or platform.machine()


def memory_total_bytes() -> int:
    return parse_kib(parse_colon_lines(_read("/proc/meminfo"))["MemTotal"])


def tcp_congestion_control() -> str:
    return _read("/proc/sys/net/ipv4/tcp_congestion_control").strip()


def machine(data: pathlib.Path) -> dict[str, str]:
    """For the head of a report: name and value."""
    mount = mount_of(data, mounts())
    return {
        "processors": f"{len(os.sched_getaffinity(0))} x {cpu_model()}",
        "memory": f"{memory_total_bytes() / 2**30:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "file system": f"{mount.fs_type} ({mount.options}) on {os.path.basename(mount.source)}",
        "TCP": f"loopback, {tcp_congestion_control()}",
        "load average at the start": " ".join(f"{x:.2f}" for x in os.getloadavg()),
    }


def _stat_of_device(number: int) -> pathlib.Path | None:
    path = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return path if os.major(number) != 0 and path.exists() else None


def _read(path: str | pathlib.Path) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
