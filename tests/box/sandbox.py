"""Runs a command under the system call rules of a systemd unit, as systemd would set them, with the same libseccomp.

    python -m tests.box.sandbox firmware-config/systemd/vigie.service python -c pass

Carries out SystemCallFilter, SystemCallErrorNumber, MemoryDenyWriteExecute, RestrictAddressFamilies, LimitCORE and
NoNewPrivileges (systemd.exec(5)). The groups (@system-service) are asked of `systemd-analyze`, so they are this
systemd's own. It is for machines where systemd is not the first process; needs no root.
"""

import ctypes
import ctypes.util
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ALLOW = 0x7FFF0000  # SCMP_ACT_ALLOW
EQ, GE, MASKED_EQ = 4, 5, 7  # enum scmp_compare
PROT_WRITE, PROT_EXEC, SHM_EXEC = 2, 4, 0o100000
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
BEYOND_ALL_FAMILIES = 64


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


def settings(unit: Path, name: str) -> list[str]:
    """The values of `name=` in a unit file, in order."""
    lines = (line.strip() for line in unit.read_text(encoding="utf-8").splitlines())
    return [line.split("=", 1)[1] for line in lines if line.startswith(f"{name}=")]


def calls_of(group: str) -> Iterator[str]:
    """The names in a group of system calls, groups inside it opened; a plain name is itself."""
    if not group.startswith("@"):
        yield group
        return
    words = ["systemd-analyze", "syscall-filter", group]
    listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines()[1:]:
        name = line.strip()
        if name and not name.startswith("#"):
            yield from calls_of(name)


def allowed_calls(unit: Path) -> set[str]:
    """What the unit's SystemCallFilter lines leave, added and taken away in their order; @default is always in."""
    allowed = set(calls_of("@default"))
    for line in settings(unit, "SystemCallFilter"):
        named = {call for word in line.lstrip("~").split() for call in calls_of(word)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


class Filter:
    """One seccomp filter: a default action and exceptions from it."""

    def __init__(self, default: int) -> None:
        self._lib = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2")
        self._lib.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._lib.seccomp_init(default))

    def rule(self, action: int, call: str, *conditions: Comparison) -> None:
        """`action` for `call` when all conditions hold; a call that this processor has not is no matter."""
        number = self._lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (Comparison * len(conditions))(*conditions)
        if result := self._lib.seccomp_rule_add_array(self._context, action, number, len(conditions), array):
            raise OSError(-result, f"seccomp rule for {call}")

    def load(self) -> None:
        """In force from now on, for this process and what it starts."""
        if result := self._lib.seccomp_load(self._context):
            raise OSError(-result, "seccomp_load")


def enter(unit: Path) -> None:
    """Puts this process under the unit's rules, for good."""
    calls = allowed_calls(unit)
    refuse = 0x00050000 | getattr(errno, settings(unit, "SystemCallErrorNumber")[0])  # SCMP_ACT_ERRNO
    if settings(unit, "LimitCORE") == ["0"]:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    details = Filter(ALLOW)
    if settings(unit, "MemoryDenyWriteExecute") == ["yes"]:
        both = PROT_WRITE | PROT_EXEC
        details.rule(refuse, "mmap", Comparison(2, MASKED_EQ, both, both))
        details.rule(refuse, "mprotect", Comparison(2, MASKED_EQ, PROT_EXEC, PROT_EXEC))
        details.rule(refuse, "pkey_mprotect", Comparison(2, MASKED_EQ, PROT_EXEC, PROT_EXEC))
        details.rule(refuse, "shmat", Comparison(2, MASKED_EQ, SHM_EXEC, SHM_EXEC))
    families = {FAMILIES[name] for line in settings(unit, "RestrictAddressFamilies") for name in line.split()}
    no_family = 0x00050000 | errno.EAFNOSUPPORT
    for family in set(range(BEYOND_ALL_FAMILIES)) - families:
        details.rule(no_family, "socket", Comparison(0, EQ, family, 0))
    details.rule(no_family, "socket", Comparison(0, GE, BEYOND_ALL_FAMILIES, 0))
    # First the filter with the details: the other one takes away the means to set a filter.
    details.load()
    listed = Filter(refuse)
    for call in sorted(calls):
        listed.rule(ALLOW, call)
    listed.load()


if __name__ == "__main__":
    enter(Path(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
