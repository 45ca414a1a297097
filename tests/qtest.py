# SPDX-License-Identifier: LGPL-2.1-or-later
"""What drivers in a guest do, done from outside: through QEMU's qtest, by which ports and memory
are read and written as by the guest's processor."""
import socket
import struct


class Qtest:
    """Of a QEMU with "-qtest unix:PATH,server=on,wait=off", within so many seconds."""

    def __init__(self, path, patience):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(patience)
        self.sock.connect(str(path))
        self.lines = self.sock.makefile("r", encoding="ascii")

    def ask(self, *words):
        """The number in the answer, if there is one."""
        self.sock.sendall(" ".join(word if isinstance(word, str) else hex(word)
                                   for word in words).encode() + b"\n")
        line = self.lines.readline().split()
        assert line and line[0] == "OK", f"qtest: {line} to {words}"
        return int(line[1], 16) if len(line) > 1 else None

    def write(self, address, data):
        self.ask("write", address, len(data), "0x" + data.hex())

    def pci(self, slot, register, value=None):
        """Of function 0 on the first bus: reads 32 bits, or writes them."""
        self.ask("outl", 0xcf8, 1 << 31 | slot << 11 | register)
        return self.ask("inl", 0xcfc) if value is None else self.ask("outl", 0xcfc, value)

    def close(self):
        self.lines.close()
        self.sock.close()


class Virtio:
    """The driver of a virtio-pci device, of virtio 1.0, that the BIOS has given a place. Offsets
    are those at which QEMU has the structures that a driver would look for."""

    FEATURES_OF, FEATURES, STATUS, SELECT, ENABLE, PLACES, QUEUE = 8, 12, 20, 22, 28, 24, 32
    CONFIG, NOTIFY = 0x2000, 0x3000
    VERSION_1 = 1 << 32

    def __init__(self, qtest, slot, features=0):
        self.qtest = qtest
        self.base = (qtest.pci(slot, 0x20) & ~15) | qtest.pci(slot, 0x24) << 32
        qtest.pci(slot, 4, qtest.pci(slot, 4) | 6)      # answers, and reads memory by itself
        for status in (0, 1, 3):
            self.set("b", self.STATUS, status)
        for half in (0, 1):
            self.set("l", self.FEATURES_OF, half)
            self.set("l", self.FEATURES, (features | self.VERSION_1) >> 32 * half & 0xffffffff)
        self.set("b", self.STATUS, 11)

    def set(self, size, offset, value):
        self.qtest.ask("write" + size, self.base + offset, value)

    def get(self, size, offset):
        return self.qtest.ask("read" + size, self.base + offset)

    def begin(self):
        self.set("b", self.STATUS, 15)


class VirtioQueue:
    """One of a device's, in pages of memory that nobody uses; before the device begins."""

    PAGE = 4096

    def __init__(self, device, index, address):
        self.device, self.index, self.address = device, index, address
        self.offered = 0
        device.set("w", Virtio.SELECT, index)
        self.places = device.get("w", Virtio.PLACES)
        # Descriptors, what is offered, what was used; each a page, behind which are the messages.
        for part in range(3):
            device.set("l", Virtio.QUEUE + 8 * part, address + part * self.PAGE)
            device.set("l", Virtio.QUEUE + 8 * part + 4, 0)
        device.set("w", Virtio.ENABLE, 1)

    def send(self, data, answer=0):
        """One message, and room for so many bytes of an answer."""
        place = 2 * self.offered % self.places
        message = self.address + 3 * self.PAGE + 64 * place
        write = self.device.qtest.write
        write(message, data)
        write(self.address + 16 * place,
              struct.pack("<QIHH", message, len(data), 1 if answer else 0, place + 1) +
              struct.pack("<QIHH", message + 64, answer, 2, 0))
        write(self.address + self.PAGE + 4 + 2 * (self.offered % self.places),
              struct.pack("<H", place))
        self.offered += 1
        write(self.address + self.PAGE + 2, struct.pack("<H", self.offered))
        self.device.set("w", Virtio.NOTIFY + 4 * self.index, self.index)
