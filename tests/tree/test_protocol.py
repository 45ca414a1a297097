#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The wire protocol: what was agreed on, the .x files and what was built of them are the same."""
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("VIRTMON_BUILD", SOURCE / "build"))

# Each with those whose types it uses, in front of it.
PROTOCOLS = {
    "rpc/virnetprotocol": ["rpc/virnetprotocol"],
    "rpc/virkeepaliveprotocol": ["rpc/virkeepaliveprotocol"],
    "remote/remote_protocol": ["remote/remote_protocol"],
    "remote/qemu_protocol": ["remote/remote_protocol", "remote/qemu_protocol"],
    "remote/admin_protocol": ["remote/remote_protocol", "remote/admin_protocol"],
    "remote/virtmon_admin_protocol": ["remote/remote_protocol", "remote/virtmon_admin_protocol"],
}


def structs(*arguments, **options):
    done = subprocess.run([SOURCE / "scripts" / "protocol-structs", *map(str, arguments)],
                          text=True, capture_output=True, check=False, timeout=60, **options)
    return done.returncode, done.stdout, done.stderr


def committed(protocol):
    return (SOURCE / "src" / f"{protocol}-structs").read_text()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_changes_unseen(protocol):
    """A change here breaks those who are out there: it is made in both files, or in none."""
    files = [SOURCE / "src" / f"{name}.x" for name in PROTOCOLS[protocol]]
    code, out, err = structs(*files)
    assert code == 0, err
    assert out == committed(protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_build_has_the_same(protocol):
    header = (BUILD / "src" / f"{protocol}.h").read_text()
    values = {name: int(value, 0) for name, value in
              re.findall(r"^(?:#define|\t)\s*(\w+)(?:\s|\s=\s)(-?\w+),?$", header, re.M)
              if re.fullmatch(r"-?(0x)?[0-9a-f]+", value)}
    members = {name: re.findall(r"(\w+)(?:_len)?(?:\[\d+\])?;", body) for name, body in
               re.findall(r"^struct (\w+) \{\n(.*?)\n\};", header, re.M | re.S)}
    for name, value in re.findall(r"^(?:const |    )(\w+) = (-?\d+)$", committed(protocol), re.M):
        assert values[name] == int(value)
    for name, body in re.findall(r"^struct (\w+) \{\n(.*?)\n\}", committed(protocol), re.M | re.S):
        wanted = [line.split()[-1] for line in body.splitlines()]
        assert [member for member in members[name] if member in wanted] == wanted


def test_every_structure_belongs_to_a_procedure():
    """Named after it, so that the tables of both sides can't mix them up."""
    protocols = [name for name in PROTOCOLS if name.startswith("remote/")]
    files = [SOURCE / "src" / f"{name}.x" for name in protocols]
    code, table, err = structs("--table", *files)
    assert code == 0, err
    used = set(re.findall(r'"(\w+)"', table))
    defined = set()
    for protocol in protocols:
        defined |= set(re.findall(r"^struct (\w+_(?:args|ret|msg)) ", committed(protocol), re.M))
    assert used == defined
    assert len(used) == table.count("\n")


@pytest.mark.parametrize("text, complaint", [
    ("struct a { string s<>; };", "no bound"),
    ("struct a { int list<>; };", "no bound"),
    ("typedef string s;", "no bound"),
    ("struct a { nothing n; };", "unknown type"),
    ("enum e { A = 1, A = 2 };", "defined twice"),
    ("struct a { int i };", "is expected"),
    ("struct a { int i; } ?", "not understood"),
])
def test_what_may_not_be(tmp_path, text, complaint):
    (tmp_path / "bad.x").write_text(text)
    code, _, err = structs(tmp_path / "bad.x")
    assert code != 0
    assert complaint in err
