#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documentation against the code: numbers, names, messages, links, examples."""
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


def tracked():
    """The files of this tree: those that git knows; without git, all that are there."""
    if (SOURCE / ".git").exists():
        git = subprocess.run(["git", "-c", f"safe.directory={SOURCE}", "-C", str(SOURCE),
                              "ls-files", "-z"], capture_output=True, text=True, check=False)
        if git.returncode == 0:
            found = [SOURCE / name for name in git.stdout.split("\0")[:-1]]
            return [path for path in found if path.is_file()]
    return [path for path in SOURCE.rglob("*")
            if path.is_file() and not path.relative_to(SOURCE).parts[0].startswith("build")]


def name_of(path):
    return str(path.relative_to(SOURCE))


FILES = {name_of(path): path for path in tracked()}
PAGES = {name: path.read_text(encoding="utf-8") for name, path in FILES.items()
         if name.endswith(".md")}
CODE = {name: path.read_text(encoding="utf-8") for name, path in FILES.items()
        if name.split("/")[0] in {"src", "include", "tools"} and name.endswith((".c", ".h"))}
WIRE = {name: path.read_text(encoding="utf-8") for name, path in FILES.items()
        if name.endswith(".x")}


def prose(page):
    """The page without its blocks of code."""
    text = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def spans(page):
    return re.findall(r"`([^`\n]+)`", prose(page))


# --- limits ---

def read_constants():
    """Every constant that is a number: its name and value."""
    raw = {}
    for text in CODE.values():
        for name, value in re.findall(r"^#define (\w+) ([^\n/]+?) *(?:/\*.*)?$", text,
                                      re.MULTILINE):
            raw[name] = value
    for text in WIRE.values():
        raw |= dict(re.findall(r"^const (\w+) = (\w+);", text, re.MULTILINE))
    values = {}

    def value_of(name, seen=()):
        if name in values:
            return values[name]
        if name not in raw or name in seen:
            return None
        parts = [str(value_of(word, (*seen, name))) if word[0].isalpha() else word
                 for word in re.findall(r"\w+|[-+*()]|<<|\S", raw[name])]
        expression = " ".join(parts)
        if not re.fullmatch(r"[0-9xXa-fA-F+*() <-]+", expression) or "None" in expression:
            return None
        values[name] = eval(expression, {"__builtins__": {}})  # digits and operators only
        return values[name]

    for name in raw:
        value_of(name)
    return {name: value for name, value in values.items() if isinstance(value, int)}


CONSTANTS = read_constants()
LIMITS = {name: value for name, value in CONSTANTS.items()
          if re.fullmatch(r"(VIR|QEMU|REMOTE)_\w+_(MAX|MS|RESERVE_BYTES)", name)}
UNITS = {"KiB": 1024, "MiB": 1024 ** 2, "s": 1000}
QUOTE = r"([\d,]*\d) (\w+)(?: \w+)?"


def quoted(number, unit):
    return int(number.replace(",", "")) * UNITS.get(unit, 1)


def quotes():
    """Every place where a limit is quoted: page, name and the number there, or None."""
    names = "|".join(sorted(LIMITS, key=len, reverse=True))
    for page in PAGES:
        text = re.sub(r"\s*\n\s*(?!\|)", " ", prose(page))
        for match in re.finditer(rf"`({names})`", text):
            row = re.match(rf" \| {QUOTE} \|", text[match.end():])
            before = re.search(rf"{QUOTE},? \(?$", text[:match.start()])
            found = row or before
            yield page, match.group(1), quoted(*found.group(1, 2)) if found else None


def test_limits_are_quoted_as_they_are():
    seen = list(quotes())
    assert seen
    for page, name, number in seen:
        assert number is not None, f"{page} names {name} without its number"
        value = LIMITS[name] * (1024 if "_KIB_" in name else 1)
        assert number == value, f"{page}: {name} is {value}, not {number}"


def test_every_limit_is_documented():
    """But for those of the protocol's single messages, which are beside them."""
    tables = PAGES["docs/api.md"] + PAGES["docs/driver.md"] + PAGES["docs/daemon.md"]
    for source, text in CODE.items():
        if not source.startswith("src/"):
            continue
        for name in set(re.findall(r"^#define (\w+) ", text, re.MULTILINE)) & set(LIMITS):
            assert f"| `{name}` |" in tables, \
                f"{name} of {source} is in no table of docs/api.md, driver.md or daemon.md"


# --- names ---

# What pages say of libvirt's own tree isn't looked for in this one.
FOREIGN_PAGES = {"docs/libvirt-map.md"}


def test_names_exist():
    everything = "".join(CODE.values())
    words = set(re.findall(r"\w+", everything))
    for page in PAGES:
        if page in FOREIGN_PAGES:
            continue
        for span in spans(page):
            for name in re.findall(r"\b(?:vir|qemu|vsh|virtmon)[A-Z]\w+|\b(?:VIR|QEMU|VIRTMON)_\w+",
                                   span):
                assert name in words, f"{page}: `{name}`"


def test_functions_are_those_exported():
    symbols = set()
    for name in ("src/libvirt.syms", "src/libvirt_qemu.syms"):
        public = re.sub(r"VIRTMON_PRIVATE_.*?\}", "", FILES[name].read_text(), flags=re.DOTALL)
        symbols |= set(re.findall(r"^\s+(vir\w+);", public, re.MULTILINE))
    section = PAGES["docs/api.md"].split("\n## Functions\n")[1]
    listed = re.findall(r"`(\w+)`", section[section.index("|---"):])
    assert sorted(listed) == sorted(symbols)


def procedures(text, program):
    """The names of a program's procedures that a source file has, and their numbers."""
    numbers = dict(re.findall(rf"\b{program}_PROC_(\w+) = (\d+)", "".join(WIRE.values())))
    return sorted((name, numbers[name]) for name in
                  set(re.findall(rf"\b{program}_PROC_(\w+)", text)))


def test_procedures_are_those_served():
    dispatch = CODE["src/remote/remote_daemon_dispatch.c"]
    served = "\n".join(re.findall(r"^    PROC\((\w+),", dispatch, re.MULTILINE))
    typed = CODE["src/remote/remote_daemon_typed.c"]
    relay = CODE["src/remote/remote_daemon_relay.c"]
    for kind in re.findall(r"^    REMOTE_TYPED_SEND\(\w+, (\w+),", typed, re.MULTILINE):
        relay += f" REMOTE_PROC_DOMAIN_EVENT_{kind} REMOTE_PROC_DOMAIN_EVENT_CALLBACK_{kind}"
    for kind in re.findall(r"^    REMOTE_TYPED_SEND_NEW\(\w+, (\w+),", typed, re.MULTILINE):
        relay += f" REMOTE_PROC_DOMAIN_EVENT_{kind}"
    page = PAGES["docs/daemon.md"]
    for file in ("admin", "inspect"):
        served += "\n" + "\n".join(re.findall(
            r"^    PROC\((\w+),", CODE[f"src/remote/remote_daemon_{file}.c"], re.MULTILINE))
    for program, heading in (("REMOTE", "The remote program"), ("QEMU", "The QEMU program"),
                             ("ADMIN", "The admin program"),
                             ("VIRTMON_ADMIN", "virtmon's admin program")):
        section = re.split(r"^#+ ", page.split(f"### {heading}\n")[1], flags=re.MULTILINE)[0]
        rows = section[section.index("|---"):]
        called = re.findall(r"`([A-Z_0-9]+)` \((\d+)\)", re.sub(r"^\| messages .*$", "", rows,
                                                              flags=re.MULTILINE))
        sent = re.findall(r"`([A-Z_0-9]+)` \((\d+)\)", "".join(
            re.findall(r"^\| messages .*$", rows, re.MULTILINE)))
        assert sorted(called) == procedures(served, program)
        assert sorted(sent) == procedures(relay, program)


def test_every_source_file_has_its_counterpart():
    """Files are named without their endings; what only tests need goes with its module."""
    mapped = set()
    for section in re.split(r"^## ", PAGES["docs/libvirt-map.md"], flags=re.MULTILINE)[1:]:
        folder, rows = section.split("\n", 1)
        for first in re.findall(r"^\| (`[^|]+) \|", rows, re.MULTILINE):
            mapped |= {f"{folder}/{name}" for name in re.findall(r"`([^`]+)`", first)}
    there = {re.sub(r"(_priv)?\.\w+$", "", name) for name in FILES
             if name.split("/")[0] in {"src", "include", "tools"} and
             name.endswith((".c", ".h", ".x", ".syms"))}
    assert sorted(there - mapped) == [], "not in docs/libvirt-map.md"
    assert sorted(mapped - there) == [], "in docs/libvirt-map.md, but not in the tree"


# --- messages ---

def messages():
    """The texts in the sources, each as the pieces between what is filled in."""
    literal = r'"(?:[^"\\\n]|\\.)*"'
    whole = re.compile(rf"{literal}(?:\s*(?:{literal}|G_\w+|PRI\w+))*")
    for text in CODE.values():
        for found in whole.findall(text):
            pieces = re.findall(rf"{literal}|\w+", found)
            message = "".join(piece[1:-1] if piece[0] == '"' else "u" for piece in pieces)
            yield re.split(r"%(?:\d+\$)?[-.0-9]*(?:z|ll|l)?[a-zA-Z]", message)


def is_message(text):
    """Whether it is one of them, filled in; or the beginning of one, up to "..."."""
    beginning = text.endswith("...")
    for parts in messages():
        for count in range(1, len(parts) + 1) if beginning else [len(parts)]:
            # fewer letters than these would fit anything
            if len(re.findall("[a-z]", "".join(parts[:count]))) >= 10 and \
                    re.fullmatch(".+".join(map(re.escape, parts[:count])) +
                                 (".*" if beginning else ""), text.removesuffix("...")):
                return True
    return False


def test_messages_are_quoted_as_they_are():
    headings = re.findall(r"^### `(.+)`$", PAGES["docs/troubleshooting.md"], re.MULTILINE)
    assert headings
    assert [heading for heading in headings if not is_message(heading)] == []


# --- pages ---

# What is installed links to nothing that isn't.
INSTALLED = ("docs/", "examples/")


def anchors(page):
    """As web sites that show Markdown make them from headings."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", PAGES[page], re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (SOURCE / page).parent / path if path else SOURCE / page
        assert there.exists(), target
        if page.startswith(INSTALLED):
            assert name_of(there.resolve()).startswith(INSTALLED), f"{target} isn't installed"
        if anchor:
            other = name_of(there.resolve())
            assert anchor in anchors(other), target


def test_every_page_is_reached_and_installed():
    installed = FILES["docs/meson.build"].read_text()
    linked = {name_of((SOURCE / page).parent.joinpath(target).resolve())
              for page in PAGES
              for target in re.findall(r"\]\(([^)\s#:]+)(?:#[^)\s]*)?\)", prose(page))}
    for page in PAGES:
        assert page == "README.md" or page in linked, f"nothing links to {page}"
        if page.startswith("docs/"):
            assert f"'{page.removeprefix('docs/')}'" in installed, page


@pytest.mark.parametrize("page", sorted(PAGES))
def test_lines_fit(page):
    assert PAGES[page].endswith("\n") and not PAGES[page].endswith("\n\n")
    for number, line in enumerate(PAGES[page].splitlines(), 1):
        assert line == line.rstrip(), f"{page}:{number}"
        assert len(line) <= 100 or line.startswith(("|", "#", "    ")), f"{page}:{number}"


def test_no_page_is_unfinished():
    words = re.compile(r"@[A-Z]+@|\b(TO" r"DO|FIX" r"ME|XX" r"X|TB" r"D)\b")
    for page in PAGES:
        assert not words.search(PAGES[page]), page


def test_targets_of_make_exist():
    makefile = FILES["Makefile"].read_text()
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE).group(1).split())
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\bmake ([a-z]+)\b", "\n".join(
                re.findall(r"`[^`\n]+`|^    .*$", PAGES[page], re.MULTILINE))):
            assert target in targets, f"{page}: make {target}"


def test_examples_compile(tmp_path):
    """Whole programs as they are, other pieces inside a function."""
    for page in PAGES:
        for number, text in enumerate(re.findall(r"^```c\n(.*?)^```$", PAGES[page],
                                                 re.MULTILINE | re.DOTALL)):
            if "main(" not in text:
                text = ("#include <libvirt/libvirt-qemu.h>\n#include <stdio.h>\n"
                        f"void piece(virConnectPtr conn);\nvoid piece(virConnectPtr conn)\n"
                        f"{{\n{text}}}\n")
            source = tmp_path / f"{number}.c"
            source.write_text(text)
            done = subprocess.run(["gcc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                                   f"-I{SOURCE / 'include'}", str(source)],
                                  capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{page}: {done.stderr}"


def test_news_begins_with_this_version():
    version = re.search(r"^  version: '([^']+)'", FILES["meson.build"].read_text(),
                        re.MULTILINE).group(1)
    news = FILES["NEWS.rst"].read_text()
    first = re.search(r"^(\d\S*)(?: .*)?\n[=-]+$", news, re.MULTILINE)
    assert first and first.group(1) == version
