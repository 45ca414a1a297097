#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An emulator for libvirtd that is QEMU, and may say more on its monitor than QEMU does.

Whoever connects to the socket beside the guest's other monitor, PATH.say, has lines that he sends
told to libvirtd. Without libvirtd's monitor among the arguments it is QEMU itself: libvirtd asks
for what it can do.
"""
import os
import re
import select
import socket
import subprocess
import sys
import time

QEMU = "/usr/bin/qemu-system-x86_64"
# Longer than QEMU takes to open its monitor.
DEADLINE = 60


def listen(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen(1)
    return sock


def connect(path):
    deadline = time.monotonic() + DEADLINE
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except OSError:
            sock.close()
            if time.monotonic() > deadline:
                raise
            select.select([], [], [], 0.01)


def take(sock, pending):
    """What came; None at the end. Descriptors go with @pending."""
    data, fds, _, _ = socket.recv_fds(sock, 65536, 16)
    pending += fds
    return data or None


def relay(libvirt, qemu, door):
    """Until one of the two ends. What is said is whole lines, as QEMU's are when nothing else
    happens: whoever says something waits until libvirtd has understood it."""
    guests = []
    while True:
        for sock in select.select([libvirt, qemu, door, *guests], [], [])[0]:
            fds = []
            if sock is door:
                guests.append(door.accept()[0])
                continue
            data = take(sock, fds)
            if data is None and sock in guests:
                guests.remove(sock)
                sock.close()
            elif data is None:
                return
            elif sock is libvirt:
                socket.send_fds(qemu, [data], fds)
            else:
                libvirt.sendall(data)
            for fd in fds:
                os.close(fd)


def main():
    args = sys.argv[1:]
    mine = [i for i, word in enumerate(args) if re.match(r"socket,id=charmonitor,fd=\d+", word)]
    if not mine:
        os.execv(QEMU, [QEMU, *args])
    upper = socket.socket(fileno=int(re.search(r"fd=(\d+)", args[mine[0]]).group(1)))
    other = next(re.match(r"unix:([^,]+)", word).group(1) for word in args
                 if word.startswith("unix:"))
    args[mine[0]] = f"socket,id=charmonitor,path={other}.own,server=on,wait=off"
    door = listen(f"{other}.say")
    os.set_inheritable(upper.fileno(), False)
    # It ends with this process, however that ends.
    qemu = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", QEMU, *args], close_fds=False)
    relay(upper.accept()[0], connect(f"{other}.own"), door)
    qemu.kill()
    qemu.wait()


if __name__ == "__main__":
    main()
