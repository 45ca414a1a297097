#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sources themselves: layers, licences, messages."""
import pathlib
import re

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SUFFIXES = {".c", ".h", ".py", ".S", ".syms", ".x", ".sh"}


def files(*folders, suffixes=None):
    for folder in folders:
        for path in sorted((SOURCE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and \
                    (suffixes is None or path.suffix in suffixes):
                yield path


def own_headers(folder):
    return {path.name for path in (SOURCE / folder).glob("*.h")}


# What a folder may include of the tree's own headers, beside its own.
LAYERS = {
    "src/util": [],
    "src/conf": ["src/util", "datatypes.h"],
    "src/qemu": ["src/util", "src/conf", "src"],
    "src/rpc": ["src/util", "virnetprotocol.h", "virkeepaliveprotocol.h"],
    "src/access": ["src/util"],
    "src/remote": ["src/util", "src/conf", "src/rpc", "src/access", "src", "remote_protocol.h",
                   "qemu_protocol.h", "admin_protocol.h", "virtmon_admin_protocol.h",
                   "virnetprotocol.h"],
    "tools": [],
    "examples": [],
}
# The one program that speaks to a daemon by itself.
ADMIN_SHELL = {"remote_admin_client.h", "admin_protocol.h", "remote_protocol.h",
               "virtmon_admin_protocol.h"}


@pytest.mark.parametrize("folder", LAYERS)
def test_includes_point_downwards(folder):
    allowed = own_headers(folder) | {"config.h"}
    for other in LAYERS[folder]:
        allowed |= {other} if other.endswith(".h") else own_headers(other)
    for path in files(folder, suffixes={".c", ".h"}):
        more = ADMIN_SHELL if path.match("tools/virtmon_admin*") else set()
        for name in re.findall(r'#include "([^"]+)"', path.read_text()):
            assert name in allowed | more, f"{path.relative_to(SOURCE)} includes {name}"


def test_the_shell_uses_public_headers_only():
    for path in files("tools", "examples", "bench", suffixes={".c", ".h"}):
        for name in re.findall(r"#include <(libvirt/[^>]+)>", path.read_text()):
            assert (SOURCE / "include" / name).exists(), f"{path}: {name}"


def test_every_source_names_its_licence():
    for path in files("src", "include", "tools", "tests", "bench", "examples", "scripts"):
        if path.suffix in SUFFIXES or path.name == "meson.build" or path.parent.name == "scripts":
            head = path.read_text(errors="replace")[:1500]
            assert "SPDX-License-Identifier: LGPL-2.1-or-later" in head, path


def test_nothing_is_left_unfinished():
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|not imple" r"mented|st" r"ub)\b")
    for path in files("src", "include", "tools", "bench", "examples", suffixes=SUFFIXES):
        assert not words.search(path.read_text()), path


def test_messages_number_their_arguments():
    """Languages order words differently."""
    for path in files("src", "tools", suffixes={".c"}):
        for match in re.finditer(r'\b_\(((?:\s*"(?:[^"\\]|\\.)*"\s*(?:PRI\w+)?)+)\)',
                                 path.read_text()):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(1)))
            conversions = re.findall(r"%(?!%)(\d+\$)?", text.replace("%%", ""))
            assert len(conversions) < 2 or all(conversions), f"{path}: {text}"


def test_headers_are_installed_and_listed():
    listed = (SOURCE / "include" / "meson.build").read_text()
    for path in files("include/libvirt", suffixes={".h"}):
        assert path.name in listed
