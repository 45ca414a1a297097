# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a program as a systemd unit would have it, without systemd: sandbox.py WRITABLE USER:GROUP
UNIT... -- COMMAND...

Done is what can keep a program from what it needs: file system, network, capabilities, user, umask,
and the unit's own seccomp filter. What the filter forbids ends the program at once, also where the
unit would only have it refused (SOFT lists what is tried and may fail). USER:GROUP, numbers, stand for the names in the unit, if it has
any. All of the file system is read-only but the folder WRITABLE, which stands for those that the
unit is given to write to. Needs root.
"""
import ctypes
import os
import re
import signal
import struct
import subprocess
import sys

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
CLONE_NEW = 0x7e020080          # all namespaces
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_PDEATHSIG = 24, 38, 22, 1
CAPABILITIES = {"CAP_DAC_OVERRIDE": 1, "CAP_SYS_PTRACE": 19}
CAPABILITY_LAST = 63

AUDIT_ARCH_X86_64 = 0xc000003e
LOAD, JUMP_EQUAL, JUMP_SET, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
KILL, ALLOW, ERRNO = 0x80000000, 0x7fff0000, 0x00050000
DATA_NR, DATA_ARCH, DATA_ARGS = 0, 4, 16
PROT_WRITE, PROT_EXEC = 2, 4
ENOSYS, EAFNOSUPPORT, EPERM = 38, 97, 1
AF_UNIX = 1
# GLib asks whether a thread could be given another's priority, and does without.
SOFT = ["sched_setattr"]


# --- the unit ---

def read_units(paths):
    """What [Service] says, a list of values for each word; an empty value forgets those before."""
    values = {}
    for path in paths:
        with open(path, encoding="utf-8") as unit:
            section = ""
            for line in unit:
                line = line.strip()
                if line.startswith("["):
                    section = line
                elif section == "[Service]" and "=" in line and not line.startswith("#"):
                    word, _, value = line.partition("=")
                    if value:
                        values.setdefault(word, []).append(value)
                    else:
                        values[word] = []
    return values


def groups():
    """systemd's groups of syscalls."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], check=True,
                          capture_output=True, text=True)
    found, name = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = set()
        elif line.startswith("    ") and not line.strip().startswith("#"):
            found[name].add(line.strip())
    return found


def members(known, name):
    """The syscalls of a group, or the one."""
    if not name.startswith("@"):
        return {name}
    return set().union(*(members(known, one) for one in known[name]))


def allowed(filters):
    """The syscalls that lines of SystemCallFilter= leave, the first of which allows."""
    known = groups()
    left = members(known, "@default")
    for value in filters:
        without = value.startswith("~")
        for name in value.lstrip("~").split():
            left = left - members(known, name) if without else left | members(known, name)
    return left


def numbers():
    done = subprocess.run(["cc", "-E", "-dM", "-include", "asm/unistd.h", "-x", "c", "/dev/null"],
                          check=True, capture_output=True, text=True)
    return {name: int(number)
            for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", done.stdout, re.MULTILINE)}


# --- its filter ---

def code(what, value, yes=0, no=0):
    return struct.pack("HBBI", what, yes, no, value)


def argument(number):
    """The lower half of one: all that flags and families have."""
    return code(LOAD, DATA_ARGS + 8 * number)


def rule(number, *steps):
    """@steps, which end it, for one syscall."""
    return code(JUMP_EQUAL, number, 0, len(steps)) + b"".join(steps)


def seccomp(values):
    """The program for the kernel."""
    number = numbers()
    program = [code(LOAD, DATA_ARCH), code(JUMP_EQUAL, AUDIT_ARCH_X86_64, 1, 0), code(RETURN, KILL),
               code(LOAD, DATA_NR)]
    allow, kill = code(RETURN, ALLOW), code(RETURN, KILL)
    if values.get("MemoryDenyWriteExecute") == ["yes"]:
        program += [
            rule(number["mmap"], argument(2), code(AND, PROT_WRITE | PROT_EXEC),
                 code(JUMP_EQUAL, PROT_WRITE | PROT_EXEC, 0, 1), kill, allow),
            rule(number["mprotect"], argument(2), code(JUMP_SET, PROT_EXEC, 0, 1), kill, allow)]
    if values.get("RestrictAddressFamilies") == ["AF_UNIX"]:
        program.append(rule(number["socket"], argument(0), code(JUMP_EQUAL, AF_UNIX, 0, 1), allow,
                            code(RETURN, ERRNO | EAFNOSUPPORT)))
    if values.get("RestrictNamespaces") == ["yes"]:
        program += [
            rule(number["clone"], argument(0), code(JUMP_SET, CLONE_NEW, 0, 1), kill, allow),
            # Its flags lie in memory, where no filter can look; the C library takes clone().
            rule(number["clone3"], code(RETURN, ERRNO | ENOSYS))]
    for name in sorted(allowed(values["SystemCallFilter"])):
        if name in number:
            program.append(rule(number[name], allow))
    for name in SOFT:
        program.append(rule(number[name], code(RETURN, ERRNO | EPERM)))
    return b"".join([*program, kill])


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


# --- what it does ---

LIBC = ctypes.CDLL(None, use_errno=True)


def check(rc, what):
    if rc < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def enter(values, writable):
    """Namespaces, and what is seen in them."""
    network = CLONE_NEWNET if values.get("PrivateNetwork") == ["yes"] else 0
    check(LIBC.unshare(CLONE_NEWNS | network), "unshare")
    mount("--make-rprivate", "/")
    if values.get("ProtectSystem") == ["strict"]:
        mount("--bind", writable, writable)
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            places = [line.split()[4] for line in mounts]
        for place in places:
            if not place.startswith(("/dev", "/proc", "/sys")) and place != writable:
                # Not all may be changed in a container, and then those of /etc are no matter.
                subprocess.run(["mount", "-o", "remount,bind,ro", place], check=place == "/",
                               stderr=subprocess.DEVNULL)


def become(values, user, group):
    kept = {CAPABILITIES[name] for line in values.get("CapabilityBoundingSet", [])
            for name in line.split()}
    program = seccomp(values)
    os.umask(int(values.get("UMask", ["0022"])[-1], 8))
    for capability in set(range(CAPABILITY_LAST + 1)) - kept:
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 and capability < 38:
            check(-1, f"capability {capability}")
    if values.get("User"):
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
    check(LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")
    check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    check(LIBC.prctl(PR_SET_SECCOMP, 2, ctypes.byref(Program(len(program) // 8, program)), 0, 0),
          "PR_SET_SECCOMP")


def main():
    end = sys.argv.index("--")
    writable, who = sys.argv[1:3]
    values = read_units(sys.argv[3:end])
    for assignment in " ".join(values.get("Environment", [])).split():
        name, _, value = assignment.partition("=")
        os.environ.setdefault(name, value)
    enter(values, writable)
    become(values, *map(int, who.split(":")))
    command = sys.argv[end + 1:]
    if "LISTEN_FDS" in os.environ:
        os.environ["LISTEN_PID"] = str(os.getpid())
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
