#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` puts where, and a program that is built against it.

A suite of its own: a library with a sanitizer wants programs that have it too.
"""
import os
import pathlib
import re
import subprocess
import time

import pytest
from conftest import BUILD, DEADLINE, Output, uri_of

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
# All that there may be below the prefix.
EXPECTED = re.compile("|".join([
    r"bin/virtmon(-admin)?",
    r"etc/sasl2/virtmon\.conf",
    r"etc/virtmon/virtmond(-acl)?\.conf",
    r"lib/virtmon/libvirt(-qemu)?\.so(\.0(\.9000\.0)?)?",
    r"lib/virtmon/include/libvirt/(libvirt|virterror)[a-z-]*\.h",
    r"lib/pkgconfig/virtmon\.pc",
    r"lib/systemd/system/virtmond(\.service|(-(admin|ro|tcp|tls))?\.socket)",
    r"lib/(sysusers|tmpfiles)\.d/virtmon\.conf",
    r"sbin/virtmond",
    r"share/bash-completion/completions/virtmon(-admin)?",
    r"share/doc/virtmon/.*",
    r"share/locale/[A-Za-z_]+/LC_MESSAGES/virtmon\.mo",
    r"share/polkit-1/actions/org\.virtmon\.policy",
    r"share/polkit-1/actions/org\.virtmon\.api\.policy",
    r"share/virtmon/virtmond-unprivileged\.conf",
    r"share/man/man(1/virtmon(-admin)?\.1|5/virtmond(-acl|\.conf)\.5|8/virtmond\.8)",
]))
# Without the libraries that Meson lets its tests find.
ENVIRONMENT = {key: value for key, value in os.environ.items()
               if key not in ("LD_LIBRARY_PATH", "PKG_CONFIG_PATH")}


def run(*command, **kwargs):
    kwargs.setdefault("env", ENVIRONMENT)
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE,
                          text=True, timeout=DEADLINE, **kwargs).stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where it was installed to: all in a folder, whatever the prefix is."""
    root = tmp_path_factory.mktemp("install")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", root)
    return next(root.rglob("virtmon.pc")).parent.parent.parent


@pytest.fixture(scope="module")
def pkg_config(prefix):
    """Asks pkg-config, told that the folder is the prefix."""
    def ask(*words, define=(f"--define-variable=prefix={prefix}",)):
        return run("pkg-config", *define, *words, "virtmon",
                   env={**ENVIRONMENT, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
                   ).split()

    return ask


def real_prefix(pkg_config):
    return pkg_config("--variable=prefix", define=())[0]


def test_what_is_installed(prefix):
    paths = [str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()]
    for path in paths:
        assert EXPECTED.fullmatch(path), path
    for needed in ("bin/virtmon", "bin/virtmon-admin", "lib/virtmon/libvirt.so.0",
                   "lib/virtmon/libvirt-qemu.so.0", "lib/virtmon/include/libvirt/libvirt-qemu.h",
                   "lib/systemd/system/virtmond-admin.socket", "share/man/man1/virtmon-admin.1"):
        assert needed in paths
    headers = {path.name for path in (SOURCE / "include" / "libvirt").glob("*.h")}
    assert {pathlib.Path(path).name for path in paths if "/include/" in path} == headers


def test_nothing_stands_in_the_way_of_a_system_libvirt(prefix):
    """Neither the linker, the loader, the compiler nor pkg-config finds it by itself."""
    assert not list((prefix / "lib").glob("libvirt*"))
    assert not (prefix / "include").exists()
    assert [path.name for path in (prefix / "lib" / "pkgconfig").iterdir()] == ["virtmon.pc"]
    assert not list(prefix.parent.rglob("ld.so.conf*"))


def test_the_shell_finds_its_libraries(prefix, pkg_config):
    where = f"{real_prefix(pkg_config)}/lib/virtmon"
    for path in (prefix / "bin" / "virtmon", prefix / "lib" / "virtmon" / "libvirt-qemu.so.0"):
        assert re.search(rf"R(UN)?PATH\).*\[{where}\]", run("readelf", "-d", path)), path
        assert str(BUILD.resolve()) not in run("readelf", "-d", path)
    output = run(prefix / "bin" / "virtmon", "--version",
                 env={**ENVIRONMENT, "LD_LIBRARY_PATH": str(prefix / "lib" / "virtmon")})
    assert output.strip()


def test_what_pkg_config_says(pkg_config, prefix):
    where = prefix / "lib" / "virtmon"
    assert pkg_config("--cflags") == [f"-I{where}/include"]
    flags = pkg_config("--libs")
    for needed in (f"-L{where}", f"-Wl,-rpath,{where}", "-lvirt", "-lvirt-qemu"):
        assert needed in flags


def test_a_program_is_built_against_it_and_runs(qemu, pkg_config, prefix, tmp_path):
    program = tmp_path / "watch"
    run("gcc", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE / "examples" / "watch.c",
        *pkg_config("--cflags", "--libs"))
    with subprocess.Popen([program, uri_of(qemu.watch)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        try:
            output = Output(process)
            deadline = time.monotonic() + DEADLINE
            while not output.out:       # it doesn't say when it has registered
                qemu.command("system_reset")
                output.read(min(deadline, time.monotonic() + 0.1))
                assert time.monotonic() < deadline and output.open, output.err
            assert re.fullmatch(r"\d+\.\d{6} guest RESET {.*}", output.out[0])
            maps = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
            libraries = set(re.findall(r"\S+/libvirt\S+", maps))
            assert libraries == {f"{prefix}/lib/virtmon/libvirt.so.0.9000.0",
                                 f"{prefix}/lib/virtmon/libvirt-qemu.so.0.9000.0"}
            assert output.interrupt() == 0
            assert output.err == [f"{len(output.out)} events"]
        finally:
            process.kill()


def test_a_cxx_program_is_built_against_it(pkg_config, tmp_path):
    source = tmp_path / "version.cc"
    source.write_text("#include <libvirt/libvirt-qemu.h>\n#include <iostream>\n"
                      "int main() { unsigned long version = 0;\n"
                      "return virGetVersion(&version, nullptr, nullptr) == 0 &&\n"
                      "       version == LIBVIR_VERSION_NUMBER ? 0 : 1; }\n")
    run("g++", "-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o",
        tmp_path / "version", source, *pkg_config("--cflags", "--libs"))
    run(tmp_path / "version")
