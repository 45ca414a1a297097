#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The headers and libraries are libvirt's, as far as an application can see.

Compared with Debian's libvirt-dev and libvirt0, which the tests install.
"""
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ["VIRTMON_BUILD"])
HEADERS = SOURCE / "include"
LIBS = BUILD / "src"
SYSTEM = pathlib.Path("/usr/lib") / (os.uname().machine + "-linux-gnu")
OWN_NODES = ("VIRTMON_",)


def run(*command, **kwargs):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True,
                          text=True, timeout=120, **kwargs).stdout


def exported(library):
    """Symbol -> the version nodes it is in."""
    found = {}
    for line in run("objdump", "-T", library).splitlines():
        words = line.split()
        if "*UND*" in words or "*ABS*" in words or len(words) < 6 or not re.match(r"\(?(LIBVIRT|VIRTMON)_", words[-2]):
            continue
        found.setdefault(words[-1], set()).add(words[-2].strip("()"))
    return found


@pytest.mark.parametrize("name", ["libvirt.so.0", "libvirt-qemu.so.0"])
def test_every_symbol_is_in_the_node_that_libvirt_has_it_in(name):
    ours, theirs = exported(LIBS / name), exported(SYSTEM / name)
    assert ours
    for symbol, nodes in ours.items():
        if any(node.startswith(OWN_NODES) for node in nodes):
            continue
        assert symbol in theirs, f"{symbol} is no symbol of libvirt's"
        assert theirs[symbol] <= nodes, symbol


@pytest.mark.parametrize("name", ["libvirt.so.0", "libvirt-qemu.so.0"])
def test_every_node_of_libvirt_is_there(name):
    def nodes(library):
        text = run("objdump", "-p", library).split("Version definitions:")[1]
        return {word for word in text.split("Version References")[0].split()
                if word.startswith("LIBVIRT_") and "PRIVATE" not in word}

    assert nodes(SYSTEM / name) <= nodes(LIBS / name)


def test_the_register_call_is_also_where_it_was_proposed():
    ours = exported(LIBS / "libvirt-qemu.so.0")
    for symbol in ("virConnectDomainQemuMonitorEventRegister",
                   "virConnectDomainQemuMonitorEventDeregister"):
        assert ours[symbol] == {"LIBVIRT_QEMU_1.2.1", "LIBVIRT_QEMU_1.2.3"}
    table = run("readelf", "--dyn-syms", "-W", LIBS / "libvirt-qemu.so.0")
    assert "virConnectDomainQemuMonitorEventRegister@@LIBVIRT_QEMU_1.2.3" in table


def declared():
    """Names of functions, constants and structs in our headers."""
    text = "".join(path.read_text() for path in sorted((HEADERS / "libvirt").glob("*.h")))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    constants = set(re.findall(r"\b(VIR_[A-Z0-9_]+)\b\s*(?:=|,|\n})", text))
    constants |= set(re.findall(r"#define\s+(VIR_\w+)\s+[\"(0-9]", text))
    constants = {name for name in constants
                 if "_LAST" not in name and not name.endswith("_GLOB")}
    structs = set(re.findall(r"^struct (_vir[A-Z]\w+) \{", text, re.MULTILINE))
    members = {}
    for name, body in re.findall(r"^struct (_vir[A-Z]\w+) \{(.*?)^\};", text,
                                 re.MULTILINE | re.DOTALL):
        body = re.sub(r"union \{.*?\} (\w+);", r"int \1;", body, flags=re.DOTALL)
        members[name] = re.findall(r"(\w+)(?:\[\w+\])?;", body)
    functions = set(re.findall(r"\b(vir[A-Z]\w+)\(", text))
    return constants, structs, members, functions


def facts(tmp_path, include, name):
    constants, structs, members, functions = declared()
    lines = ["#include <stddef.h>", "#include <stdio.h>", "#include <libvirt/libvirt.h>",
             "#include <libvirt/libvirt-qemu.h>", "#include <libvirt/virterror.h>",
             "int main(void) {"]
    for constant in sorted(constants):
        lines.append(f'printf("%s %lld\\n", "{constant}", (long long)({constant}));')
    for struct in sorted(structs):
        lines.append(f'printf("%s %zu\\n", "{struct}", sizeof(struct {struct}));')
        for member in members[struct]:
            lines.append(f'printf("%s.%s %zu\\n", "{struct}", "{member}", '
                         f'offsetof(struct {struct}, {member}));')
    lines.append("return 0; }")
    path = tmp_path / f"{name}.c"
    path.write_text("\n".join(lines))
    run("gcc", "-w", "-o", tmp_path / name, path, *include)
    return run(tmp_path / name)


def test_constants_and_layouts_are_equal(tmp_path):
    ours = facts(tmp_path, [f"-I{HEADERS}"], "ours")
    theirs = facts(tmp_path, [], "theirs")
    assert ours.count("\n") > 300
    assert ours == theirs


def test_prototypes_are_equal(tmp_path):
    """Declaring each function a second time, from the other headers, is no conflict."""
    def prototypes(include):
        text = run("gcc", "-E", "-P", *include, "-include", "libvirt/libvirt-qemu.h",
                   "-include", "libvirt/virterror.h", "-xc", "/dev/null")
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", text)
        found = {}
        for match in re.finditer(r"([\w\s\*]+?)\b(vir[A-Z]\w+)\s*\(([^;{}]*)\)\s*;", text):
            result, name, arguments = match.groups()
            if "typedef" in result:
                continue
            arguments = [re.sub(r"\s*\b\w+$", "", argument.strip())
                         if not argument.strip().endswith("*") else argument.strip()
                         for argument in arguments.split(",")]
            found[name] = re.sub(r"\s+", "", result + "(" + ",".join(arguments) + ")")
        return found

    ours, theirs = prototypes([f"-I{HEADERS}"]), prototypes([])
    assert len(ours) > 60
    for name, prototype in ours.items():
        assert prototype == theirs[name], name


@pytest.mark.parametrize("compiler, language, standard", [
    ("gcc", "c", "c99"), ("gcc", "c++", "c++11"), ("clang", "c", "c99"), ("clang", "c++", "c++17")])
@pytest.mark.parametrize("header", ["libvirt.h", "libvirt-qemu.h", "virterror.h"])
def test_headers_stand_alone(tmp_path, compiler, language, standard, header):
    path = tmp_path / "alone.c"
    path.write_text(f"#include <libvirt/{header}>\n#include <libvirt/{header}>\n")
    run(compiler, f"-x{language}", f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic",
        "-fsyntax-only", f"-I{HEADERS}", path)


def build_consumer(tmp_path, ours):
    path = tmp_path / ("ours" if ours else "theirs")
    flags = ([f"-I{HEADERS}", f"-L{LIBS}", f"-Wl,-rpath-link,{LIBS}"] if ours else [])
    run("gcc", "-Wall", "-Wextra", "-Werror", *flags, "-o", path,
        pathlib.Path(__file__).parent / "consumer.c", "-lvirt", "-lvirt-qemu")
    return path


@pytest.mark.skipif(os.environ.get("VIRTMON_SANITIZED") == "1",
                    reason="a library with sanitizers needs a program with them")
def test_a_program_made_for_libvirt_runs_on_ours(tmp_path, qemu):
    consumer = build_consumer(tmp_path, ours=False)
    process = subprocess.Popen([consumer, f"qemu:///embed?monitor={qemu.watch}", "4"],
                               stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "LD_LIBRARY_PATH": str(LIBS)})
    try:
        assert process.stdout.readline() == "type QEMU\n"
        assert process.stdout.readline() == "registered 0 1\n"
        qemu.command("stop")
        qemu.command("cont")
        qemu.command("stop")
        qemu.command("cont")
        assert process.stdout.read().splitlines() == [
            "guest STOP 1 -", "guest lifecycle 3 0", "guest RESUME 1 -", "guest lifecycle 4 0",
            "guest STOP 1 -", "guest lifecycle 3 0", "guest RESUME 1 -", "guest lifecycle 4 0",
            "freed 2", "close 0"]
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(os.environ.get("VIRTMON_SANITIZED") == "1",
                    reason="a library with sanitizers needs a program with them")
def test_a_program_made_for_ours_runs_on_libvirt(tmp_path):
    consumer = build_consumer(tmp_path, ours=True)
    output = run(consumer, "test:///default", "0",
                 env={**os.environ, "LD_LIBRARY_PATH": str(SYSTEM)})
    assert output == "type TEST\nfreed 0\nclose 0\n"


def test_an_install_shadows_no_system_libvirt(tmp_path):
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", tmp_path)
    libraries = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.so*"))
    assert libraries
    assert all(path.parent.name == "virtmon" for path in libraries)
    prefix = next(tmp_path.rglob("virtmon.pc")).parent.parent.parent
    flags = run("pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs",
                "virtmon", env={**os.environ,
                                "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}).split()
    example = SOURCE / "examples" / "watch.c"
    run("gcc", "-Wall", "-Werror", "-o", tmp_path / "watch", example, *flags)
    needed = run("readelf", "-d", tmp_path / "watch")
    assert str(prefix / "lib" / "virtmon") in needed
