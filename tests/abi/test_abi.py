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
from conftest import DEADLINE, PRELOAD, WITH_US

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ["VIRTMON_BUILD"])
HEADERS = SOURCE / "include"
LIBS = BUILD / "src"
SYSTEM = pathlib.Path("/usr/lib") / (os.uname().machine + "-linux-gnu")
OWN_NODES = ("VIRTMON_",)
HERE = pathlib.Path(__file__).parent
UUID = "5d8f5f4e-6c1d-4a4b-9d39-6a3f0d6f3a10"


def run(*command, **kwargs):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE,
                          text=True, timeout=120, **kwargs).stdout


def environment(libraries):
    """For a program that is to use these. A library with a sanitizer wants its runtime first."""
    own = {"LD_PRELOAD": PRELOAD, "ASAN_OPTIONS": "detect_leaks=0"} if libraries == LIBS else {}
    return {**os.environ, "LC_ALL": "C", "LD_LIBRARY_PATH": str(libraries), **own}


def exported(library):
    """Symbol -> the version nodes it is in."""
    found = {}
    for line in run("objdump", "-T", library).splitlines():
        words = line.split()
        if "*UND*" in words or "*ABS*" in words or len(words) < 6 or \
                not re.match(r"\(?(LIBVIRT|VIRTMON)_", words[-2]):
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
    constants |= set(re.findall(r"#define\s+(VIR_\w+)\s+[(0-9]", text))
    constants = {name for name in constants
                 if "_LAST" not in name and not name.endswith("_GLOB")}
    texts = set(re.findall(r"#define\s+(VIR_\w+)\s+\"", text))
    structs = set(re.findall(r"^struct (_vir[A-Z]\w+) \{", text, re.MULTILINE))
    members = {}
    for name, body in re.findall(r"^struct (_vir[A-Z]\w+) \{(.*?)^\};", text,
                                 re.MULTILINE | re.DOTALL):
        body = re.sub(r"union \{.*?\} (\w+);", r"int \1;", body, flags=re.DOTALL)
        members[name] = re.findall(r"(\w+)(?:\[\w+\])?;", body)
    functions = set(re.findall(r"\b(vir[A-Z]\w+)\(", text))
    return constants, texts, structs, members, functions


def facts(tmp_path, include, name):
    constants, texts, structs, members, functions = declared()
    lines = ["#include <stddef.h>", "#include <stdio.h>", "#include <libvirt/libvirt.h>",
             "#include <libvirt/libvirt-qemu.h>", "#include <libvirt/virterror.h>",
             "int main(void) {"]
    for constant in sorted(constants):
        lines.append(f'printf("%s %lld\\n", "{constant}", (long long)({constant}));')
    for text in sorted(texts):
        lines.append(f'puts("{text} " {text});')
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
        for result, name, arguments in re.findall(
                r"typedef ([\w\s\*]+?)\(\*(vir\w+)\)\s*\(([^;{}]*)\)\s*;", text):
            arguments = [re.sub(r"(?<=[\s\*])\w+$", "", argument.strip())
                         for argument in arguments.split(",")]
            found[name] = re.sub(r"\s+", "", result + "(" + ",".join(arguments) + ")")
        return found

    ours, theirs = prototypes([f"-I{HEADERS}"]), prototypes([])
    assert len(ours) > 100
    for name, prototype in ours.items():
        assert prototype == theirs[name], name


@pytest.mark.parametrize("compiler, language, standard", [
    ("gcc", "c", "c99"), ("gcc", "c", "c2x"), ("gcc", "c++", "c++11"), ("gcc", "c++", "c++20"),
    ("clang", "c", "c99"), ("clang", "c++", "c++17")])
@pytest.mark.parametrize("header", ["libvirt.h", "libvirt-qemu.h", "virterror.h"])
def test_headers_stand_alone(tmp_path, compiler, language, standard, header):
    path = tmp_path / "alone.c"
    path.write_text(f"#include <libvirt/{header}>\n#include <libvirt/{header}>\n")
    run(compiler, f"-x{language}", f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic",
        "-fsyntax-only", f"-I{HEADERS}", path)


@pytest.mark.parametrize("language, standard", [("c", "c89"), ("c", "gnu89"), ("c++", "c++98")])
def test_headers_are_for_old_standards_too(tmp_path, language, standard):
    """Not -pedantic: libvirt's have long long and commas at the end of enums as well."""
    path = tmp_path / "old.c"
    path.write_text("#include <libvirt/libvirt-qemu.h>\n#include <libvirt/virterror.h>\n")
    run("gcc", f"-x{language}", f"-std={standard}", "-Wall", "-Wextra", "-Werror",
        "-fsyntax-only", f"-I{HEADERS}", path)


# What an application that watches domains calls: all of it is offered.
OFFERED = """
    virInitialize virGetVersion
    virConnectOpen virConnectOpenReadOnly virConnectOpenAuth virConnectAuthPtrDefault
    virConnectClose virConnectRef virConnectGetURI virConnectGetType virConnectGetVersion
    virConnectGetLibVersion virConnectGetHostname virConnectGetCapabilities virConnectIsAlive
    virConnectIsEncrypted virConnectIsSecure virConnectSetKeepAlive
    virConnectRegisterCloseCallback virConnectUnregisterCloseCallback
    virConnectListAllDomains virConnectListDomains virConnectNumOfDomains
    virConnectListDefinedDomains virConnectNumOfDefinedDomains
    virDomainLookupByID virDomainLookupByName virDomainLookupByUUID virDomainLookupByUUIDString
    virDomainRef virDomainFree virDomainGetConnect virDomainGetName virDomainGetUUID
    virDomainGetUUIDString virDomainGetID virDomainGetOSType virDomainGetInfo virDomainGetState
    virDomainGetXMLDesc virDomainGetMetadata virDomainSetMetadata
    virDomainIsActive virDomainIsPersistent virDomainIsUpdated
    virDomainSuspend virDomainResume virDomainShutdown virDomainShutdownFlags virDomainReboot
    virDomainReset virDomainDestroy virDomainDestroyFlags
    virConnectDomainEventRegister virConnectDomainEventDeregister
    virConnectDomainEventRegisterAny virConnectDomainEventDeregisterAny
    virEventRegisterImpl virEventRegisterDefaultImpl virEventRunDefaultImpl virEventAddHandle
    virEventUpdateHandle virEventRemoveHandle virEventAddTimeout virEventUpdateTimeout
    virEventRemoveTimeout
    virGetLastError virGetLastErrorCode virGetLastErrorDomain virGetLastErrorMessage
    virSaveLastError virCopyLastError virResetLastError virResetError virFreeError
    virConnGetLastError virConnCopyLastError virConnResetLastError virSetErrorFunc
    virConnSetErrorFunc virDefaultErrorFunc
""".split()
OFFERED_QEMU = """
    virConnectDomainQemuMonitorEventRegister virConnectDomainQemuMonitorEventDeregister
    virDomainQemuMonitorCommand virDomainQemuMonitorCommandWithFiles virDomainQemuAttach
    virDomainQemuAgentCommand
""".split()


def test_what_is_offered():
    functions = declared()[-1] | {"virConnectAuthPtrDefault"}
    for library, names in (("libvirt.so.0", OFFERED), ("libvirt-qemu.so.0", OFFERED_QEMU)):
        ours = exported(LIBS / library)
        assert not [name for name in names if name not in ours]
        assert not [name for name in names if name not in functions]


def test_a_variable_has_the_size_that_programs_copy():
    def size(library):
        table = run("readelf", "--dyn-syms", "-W", library)
        return re.search(r"(\d+) OBJECT \s*GLOBAL .* virConnectAuthPtrDefault@", table).group(1)

    assert size(LIBS / "libvirt.so.0") == size(SYSTEM / "libvirt.so.0")


@pytest.fixture
def built(tmp_path):
    """Compiles one of the programs beside this file, for either; the program's path."""
    def build(name, ours):
        path = tmp_path / f"{name}-{'ours' if ours else 'theirs'}"
        flags = [f"-I{HEADERS}", f"-L{LIBS}", f"-Wl,-rpath-link,{LIBS}"] if ours else []
        run("gcc", "-Wall", "-Wextra", "-Werror", *flags, "-o", path, HERE / f"{name}.c",
            "-lvirt", "-lvirt-qemu",
            env={**os.environ, "LD_LIBRARY_PATH": "", "LIBRARY_PATH": ""})
        return path

    return build


def test_every_function_is_called():
    """By one of the programs that follow."""
    text = "".join((HERE / f"{name}.c").read_text() for name in ("calls", "misuse", "ownloop"))
    for name in declared()[-1]:
        if not name.startswith("virtmon"):
            assert re.search(rf"\b{name}\(", text), name


def test_a_program_made_for_libvirt_runs_on_ours(built, qemu):
    process = subprocess.Popen([*WITH_US, built("consumer", ours=False),
                                f"qemu:///embed?monitor={qemu.watch}", "4"],
                               stdout=subprocess.PIPE, text=True, env=environment(LIBS))
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
        assert process.wait(timeout=DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_program_made_for_ours_runs_on_libvirt(built):
    output = run(built("consumer", ours=True), "test:///default", "0", env=environment(SYSTEM))
    assert output == "type TEST\nfreed 0\nclose 0\n"


def without_what_changes(text):
    """The same for each QEMU and run."""
    text = re.sub(r"/tmp/vm-\w+", "FOLDER", text)
    return re.sub(r"(pid|<virtmon:stream id)='[^']*'", r"\1=''", text)


def test_a_program_does_the_same_whatever_its_headers_on_ours(built, start_qemu):
    """It calls everything that the headers have."""
    outputs = []
    for ours in (True, False):
        qemu = start_qemu(args=["-uuid", UUID])
        outputs.append(without_what_changes(
            run(built("calls", ours), f"qemu:///embed?monitor={qemu.watch}",
                env=environment(LIBS))))
        qemu.process.wait(timeout=DEADLINE)
    assert outputs[0] == outputs[1]
    for line in ("virDomainDestroyFlags(dom, VIR_DOMAIN_DESTROY_GRACEFUL) = 0",
                 "  1 guest STOP 1 1 - monitor", "  1 guest lifecycle 3 0 old",
                 "  1 guest lifecycle 3 0 any", "virConnectClose(conn) = 0"):
        assert line in outputs[0].splitlines()


def test_a_program_does_the_same_whatever_its_headers_on_libvirt(built):
    outputs = [run(built("calls", ours), "test:///default", env=environment(SYSTEM))
               for ours in (True, False)]
    assert outputs[0] == outputs[1]
    assert "virConnectClose(conn) = 0" in outputs[0].splitlines()


# Where another text is meant: what libvirt says and what it leaves out.
BETTER = {"no uuid": "libvirt doesn't show the text that is no UUID", '""': "the same"}


def test_misuse_is_refused_as_libvirt_does(built, start_qemu):
    """Same results, codes, texts and details of errors, of every function."""
    program = built("misuse", ours=False)
    qemu = start_qemu(name="test")      # as libvirt's test driver calls its domain
    ours = run(program, f"qemu:///embed?monitor={qemu.watch}", env=environment(LIBS)).splitlines()
    theirs = run(program, "test:///default", env=environment(SYSTEM)).splitlines()
    assert len(ours) == len(theirs) > 150
    for mine, other in zip(ours, theirs):
        if "LookupByUUIDString" in mine and any(text in mine for text in BETTER):
            assert mine.split("'")[0] == other.split("'")[0]
        elif " [3 0 2] " in other:
            # The test driver has none of these: libvirt says so before it looks closer.
            assert re.search(r" = (-1|0) \[8 \d+ 2\] ", mine)
        else:
            assert mine == other


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_an_event_loop_of_the_applications_own(built, qemu, ours):
    uri = f"qemu:///embed?monitor={qemu.watch}" if ours else "test:///default"
    output = run(built("ownloop", ours=False), uri, env=environment(LIBS if ours else SYSTEM))
    name = "guest" if ours else "test"
    assert output.splitlines() == [f"{name} 3 0", f"{name} 4 0"] * 3 + ["freed 1, close 0",
                                                                         "left 0"]


# A module for Python that is linked to all of libvirt, which must be there when it is loaded:
# what isn't offered is a function that ends the program, in a library of the test's own.
SHIM = """
#include <stdio.h>
#include <stdlib.h>
#define MISSING(name) void name(void) {{ fprintf(stderr, "%s is not there\\n", #name); abort(); }}
{}
"""

PYTHON = """
import libvirt, libvirt_qemu, sys
libvirt.virEventRegisterDefaultImpl()
conn = libvirt.open(sys.argv[1])
seen = []
def on_event(conn, dom, event, seconds, micros, details, opaque):
    seen.append((dom.name(), event, seconds > 0, micros < 1000000, details, opaque))
def on_lifecycle(conn, dom, event, detail, opaque):
    seen.append((dom.name(), event, detail, opaque))
ids = [libvirt_qemu.qemuMonitorEventRegister(conn, None, "^(STOP|RTC.*)$", on_event, "raw", 1),
       conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, on_lifecycle,
                                   "typed")]
dom = conn.listAllDomains()[0]
print(conn.getType(), dom.name(), dom.UUIDString(), dom.state(), dom.isActive(), ids)
print(libvirt_qemu.qemuMonitorCommand(dom, "info name", 1).strip())
dom.suspend()
tick = libvirt.virEventAddTimeout(100, lambda *_: None, None)
while len(seen) < 2:
    libvirt.virEventRunDefaultImpl()
print(seen)
libvirt_qemu.qemuMonitorEventDeregister(conn, ids[0])
conn.domainEventDeregisterAny(ids[1])
try:
    conn.lookupByName("nobody")
except libvirt.libvirtError as error:
    print(error.get_error_code(), error)
del dom
print(conn.close())
"""


def test_libvirts_module_for_python_works_on_ours(tmp_path, qemu):
    modules = list(pathlib.Path("/usr/lib/python3/dist-packages").glob("libvirtmod*.so"))
    wanted = set()
    for module in modules:
        table = run("nm", "-D", "--undefined-only", module)
        wanted |= set(re.findall(r" U (vir\w+)", table))
    offered = set(exported(LIBS / "libvirt.so.0")) | set(exported(LIBS / "libvirt-qemu.so.0"))
    assert len(wanted & offered) > 70
    shim = tmp_path / "shim.c"
    shim.write_text(SHIM.format("\n".join(f"MISSING({name})" for name in sorted(
        wanted - offered))))
    run("gcc", "-shared", "-fPIC", "-o", tmp_path / "shim.so", shim)

    env = environment(LIBS)
    env["LD_PRELOAD"] = " ".join([env["LD_PRELOAD"], str(tmp_path / "shim.so")]).strip()
    output = run("/usr/bin/python3", "-c", PYTHON, f"qemu:///embed?monitor={qemu.watch}", env=env)
    lines = output.splitlines()
    assert re.fullmatch(r"QEMU guest [0-9a-f-]{36} \[1, 0\] 1 \[0, 1\]", lines[0])
    assert lines[1:] == [
        "guest", "[('guest', 'STOP', True, True, None, 'raw'), ('guest', 3, 0, 'typed')]",
        "42 Domain not found: no domain with matching name 'nobody'", "0"]
