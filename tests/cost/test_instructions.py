#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instructions for each event of a burst, compared with those that are on record.

callgrind runs one thread at a time, so that a burst comes in much the same portions each time. What
start and end take is the same for a small burst and a large one: the difference is the events'.
"""
import pathlib
import platform
import re

import pytest
from burst import PROCESSES, Burst

RECORD = pathlib.Path(__file__).with_name("instructions.txt")
MOST = 1.3                  # times what is on record
FEW, MANY = 2000, 12_000


def recorded(whose):
    return int(re.search(rf"^{whose} (\d+)$", RECORD.read_text(), re.MULTILINE)[1])


def run(folder, whose, events):
    """All instructions of a process that sees so many events."""
    log = folder / f"log-{events}"
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                 f"--log-file={log}"]
    place = folder / str(events)
    place.mkdir()
    with Burst(place, [events]) as burst:
        burst.start(whose, wrapper=callgrind)
        burst.next()
        for client in burst.clients:
            client.end()
    return int(re.search(r"Collected : (\d+)$", log.read_text(), re.MULTILINE)[1])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="what is on record is x86_64's")
@pytest.mark.parametrize("whose", PROCESSES)
def test_instructions(folder, whose):
    count = round((run(folder, whose, MANY) - run(folder, whose, FEW)) / (MANY - FEW))
    print(whose, count)
    assert count <= MOST * recorded(whose), \
        f"{whose}: {count} instructions an event, {recorded(whose)} on record. Find out where " \
        f"they go (valgrind --tool=callgrind, callgrind_annotate); if they are worth it, say why " \
        f"in the commit and change {RECORD.name}"
