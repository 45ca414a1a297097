#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest of guest/boot.S: assembled, and told over its serial port what to do."""
import pathlib
import socket
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent / "guest" / "boot.S"


def assemble(folder):
    """The image of its disk."""
    obj, image = folder / "boot.o", folder / "boot.img"
    subprocess.run(["as", "--32", "-o", obj, SOURCE], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", image,
                    obj], check=True)
    return image


def arguments(folder):
    """What QEMU is started with; it waits for "cont"."""
    return ["-S", "-m", "32", "-device", "pvpanic", "-action", "panic=none",
            "-drive", f"if=none,id=boot,format=raw,snapshot=on,file={assemble(folder)}",
            "-device", "ide-hd,drive=boot,bootindex=1",
            "-chardev", f"socket,id=serial0,path={folder / 'serial'},server=on,wait=off",
            "-serial", "chardev:serial0"]


class Serial:
    """Letters go in, and come back when they were heard, within so many seconds."""

    def __init__(self, folder, patience):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(patience)
        self.sock.connect(str(folder / "serial"))

    def expect(self, letter):
        while (got := self.sock.recv(1)) != letter:
            assert got, "the guest's serial port was closed"

    def tell(self, letter):
        self.sock.sendall(letter)
        self.expect(letter)

    def close(self):
        self.sock.close()
