# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the figures depend on: the machine and the versions of what is measured on it."""
import datetime
import json
import os
import pathlib
import platform
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def output(*command):
    """What it prints, without the last newline; None if it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True,
                              cwd=SOURCE).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def word(text, number):
    words = (text or "").split()
    return words[number] if -len(words) <= number < len(words) else "unknown"


def commit():
    name = output("git", "rev-parse", "--short", "HEAD")
    if name is None:
        return "unknown"
    return name + (", changed" if output("git", "status", "--porcelain", "-uno") else "")


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def hypervisor():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        return "virtual machine" if " hypervisor" in info.read() else "bare metal"


def memory():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 1024 ** 3:.0f} GiB"


def option(build, name):
    """A Meson option of the build that is measured."""
    text = output("meson", "introspect", "--buildoptions", str(build)) or "[]"
    return next((str(one["value"]) for one in json.loads(text) if one["name"] == name), "unknown")


def facts(build):
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory": memory(),
        "host": hypervisor(),
        "kernel": platform.release(),
        "load": f"{os.getloadavg()[0]:.1f}",
        "virtmon": commit(),
        "buildtype": option(build, "buildtype"),
        "gcc": output("gcc", "-dumpfullversion") or "unknown",
        "glib": output("pkg-config", "--modversion", "glib-2.0") or "unknown",
        "yajl": output("pkg-config", "--modversion", "yajl") or "unknown",
        "libvirt": word(output("libvirtd", "--version"), -1),
        "qemu": word(output("qemu-system-x86_64", "--version"), 3),
    }
