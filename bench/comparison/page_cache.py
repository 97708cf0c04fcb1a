"""What of a file is in the page cache, and taking it out. Linux only."""

import ctypes
import mmap
import os
import pathlib

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                       ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
_MAP_FAILED = ctypes.c_void_p(-1).value


def files_of(path: pathlib.Path) -> list[pathlib.Path]:
    """A file itself; all that a directory holds."""
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def drop(path: pathlib.Path) -> None:
    """Asks the kernel to forget what it holds of a file or of all files of a directory. It keeps
    what a process has mapped and what is not on disk yet; the latter is flushed here."""
    for file in files_of(path):
        fd = os.open(file, os.O_RDONLY)
        try:
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def resident_bytes(path: pathlib.Path) -> int:
    return sum(_resident_bytes_of_file(file) for file in files_of(path))


def _resident_bytes_of_file(file: pathlib.Path) -> int:
    size = file.stat().st_size
    if size == 0:
        return 0
    fd = os.open(file, os.O_RDONLY)
    try:
        address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    finally:
        os.close(fd)
    if address in (None, _MAP_FAILED):
        raise OSError(ctypes.get_errno(), f"cannot map {file.name}")
    try:
        pages = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
        seen = ctypes.create_string_buffer(pages)
        if _libc.mincore(address, size, seen) != 0:
            raise OSError(ctypes.get_errno(), f"cannot ask for the pages of {file.name}")
        return sum(byte & 1 for byte in seen.raw) * mmap.PAGESIZE
    finally:
        _libc.munmap(address, size)
