#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Translations: all messages are there, all are translated, and their formats match."""
import pathlib
import re
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
LANGUAGES = (SOURCE / "po" / "LINGUAS").read_text().split()
# The least that is offered.
EXPECTED = {"de", "fr", "zh_CN"}


def unquote(lines):
    return "".join(re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), line)
                   for line in re.findall(r'"((?:[^"\\]|\\.)*)"', lines))


def messages(path):
    """Message and translation of each entry, but for the head."""
    found = {}
    for entry in path.read_text(encoding="utf-8").split("\n\n"):
        match = re.search(r"^msgid (.*?)^msgstr (.*)", entry + "\n", re.MULTILINE | re.DOTALL)
        if match and unquote(match[1]):
            found[unquote(match[1])] = (unquote(match[2]), "#, fuzzy" in entry)
    return found


def formats(text):
    """What is put into a message, by number where it has numbers."""
    found = re.findall(r"%(?:(\d+)\$)?([-+ #0]*[\d*.]*(?:\d+\$)?(?:hh|h|ll|l|z|j|t)?[a-zA-Z])",
                       text.replace("%%", ""))
    return sorted((number or str(at), kind) for at, (number, kind) in enumerate(found, 1))


def test_there_are_enough_languages():
    assert EXPECTED <= set(LANGUAGES)


def test_the_template_has_all_messages(tmp_path):
    """scripts/update-po, in a copy, changes nothing."""
    for folder in ("src", "tools", "po", "scripts"):
        shutil.copytree(SOURCE / folder, tmp_path / folder)
    subprocess.run([tmp_path / "scripts" / "update-po"], check=True)
    for name in ["virtmon.pot"] + [f"{language}.po" for language in LANGUAGES]:
        assert (tmp_path / "po" / name).read_text() == (SOURCE / "po" / name).read_text(), \
            f"po/{name} is out of date: run scripts/update-po, and translate what is new"


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_is_translated(language):
    path = SOURCE / "po" / f"{language}.po"
    subprocess.run(["msgfmt", "--check", "-o", "/dev/null", path], check=True)
    found = messages(path)
    assert set(found) == set(messages(SOURCE / "po" / "virtmon.pot"))
    for message, (translation, fuzzy) in found.items():
        assert translation and not fuzzy, f"{language}: {message!r} is not translated"
        assert formats(translation) == formats(message), f"{language}: {message!r}"
        assert message.endswith("\n") == translation.endswith("\n"), f"{language}: {message!r}"
        assert message.startswith("\n") == translation.startswith("\n"), f"{language}: {message!r}"
