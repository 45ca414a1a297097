# SPDX-License-Identifier: LGPL-2.1-or-later
"""A socket in front of another, which records what passes as a capture of TCP packets.

Whoever reads the file sees connections to libvirt's port; nothing of the network is touched,
so that no privilege is needed. Descriptors do not get through.
"""
import selectors
import socket
import struct
import threading

PORT = 16509
# Of what is passed on; well below what one IP packet holds.
CHUNK = 32768
ETHERNET = bytes(12) + b"\x08\x00"
SYN, PUSH, ACK = 0x02, 0x08, 0x10


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Flow:
    """One connection: both directions with their place in the stream."""

    def __init__(self, client, server, port):
        self.sockets = client, server
        self.ports = port, PORT
        self.sent = [0, 0]              # sequence numbers to come, of client and server

    def segment(self, sender, flags, data=b""):
        """A packet of the client's (0) or the server's (1)."""
        receiver = 1 - sender
        tcp = struct.pack(">HHIIBBHHH", self.ports[sender], self.ports[receiver],
                          self.sent[sender], self.sent[receiver], 5 << 4, flags, 65535, 0, 0)
        self.sent[sender] = (self.sent[sender] + len(data) + bool(flags & SYN)) & 0xffffffff
        address = [b"\x7f\x00\x00\x01", b"\x7f\x00\x00\x02"]
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(data), 0, 0, 64, 6, 0)
        head += address[sender] + address[receiver]
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        return ETHERNET + head + tcp + data


class Recorder:
    """Listens at @path in front of @target; the capture goes to @file."""

    def __init__(self, path, target, file):
        self.path, self.target = path, target
        self.file = open(file, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, 1))
        self.count = 0                  # of packets, each a millisecond after the one before
        self.bytes = {}                 # flow and direction: all that passed
        self.flows = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.waker, self.woken = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.open = set()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def record(self, packet):
        self.count += 1
        self.file.write(struct.pack("<IIII", self.count // 1000, self.count % 1000 * 1000,
                                    len(packet), len(packet)) + packet)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.woken:
                    return
                key.data()

    def accept(self):
        client = self.listener.accept()[0]
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.target))
        flow = Flow(client, server, 40000 + self.flows)
        self.flows += 1
        self.open.add(flow)
        self.record(flow.segment(0, SYN))
        self.record(flow.segment(1, SYN | ACK))
        self.record(flow.segment(0, ACK))
        for sender, sock in enumerate(flow.sockets):
            self.selector.register(sock, selectors.EVENT_READ,
                                   lambda sender=sender: self.move(flow, sender))

    def move(self, flow, sender):
        try:
            data = flow.sockets[sender].recv(CHUNK)
            if data:
                self.bytes[flow.ports[0], sender] = \
                    self.bytes.get((flow.ports[0], sender), b"") + data
                self.record(flow.segment(sender, PUSH | ACK, data))
                flow.sockets[1 - sender].sendall(data)
                return
        except OSError:
            pass
        self.end(flow)

    def end(self, flow):
        self.open.discard(flow)
        for sock in flow.sockets:
            if sock.fileno() >= 0:
                self.selector.unregister(sock)
                sock.close()

    def frames(self):
        """All packets of libvirt's that passed, each as its bytes."""
        found = []
        for data in self.bytes.values():
            while data:
                size = struct.unpack(">I", data[:4])[0]
                assert 28 <= size <= len(data)
                found.append(data[:size])
                data = data[size:]
        return found

    def close(self):
        """After this the file is complete."""
        self.waker.send(b"x")
        self.thread.join()
        for flow in list(self.open):
            self.end(flow)
        for one in (self.selector, self.listener, self.waker, self.woken, self.file):
            one.close()
