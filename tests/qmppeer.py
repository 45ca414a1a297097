#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QMP server that does as it is told: what a QEMU would say, and what none would."""
import json
import socket
import threading

from conftest import DEADLINE

GREETING = (b'{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, '
            b'"capabilities": ["oob"]}}\r\n')


def event(name, seconds=1700000000, micros=1, **data):
    """The line of an event."""
    line = {"timestamp": {"seconds": seconds, "microseconds": micros}, "event": name}
    if data:
        line["data"] = data
    return json.dumps(line).encode() + b"\r\n"


class Peer:
    """Listens on a socket and serves one client after the other, in a thread of its own.

    Answers what a driver asks of a new QEMU. Any other command goes to on_command(peer, command,
    fds), which may send() and reply(), or not; by default it is answered with {}. So are those
    that a test puts into answers: a name, and what is returned.
    """

    def __init__(self, path, guest=None, uuid=None, greeting=GREETING, on_command=None,
                 listen=True):
        self.path = path
        self.greeting = greeting
        self.on_command = on_command
        self.answers = {
            "query-name": {} if guest is None else {"name": guest},
            "query-uuid": {"UUID": uuid or "00000000-0000-0000-0000-000000000000"},
            "query-version": {"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""},
            "query-target": {"arch": "x86_64"},
            "query-kvm": {"enabled": False, "present": True},
            "query-status": {"status": "running", "running": True},
        }
        self.commands = []              # all that came, over all connections
        self.client = None
        self.clients = 0
        self.changed = threading.Condition()
        self.sending = threading.Lock()     # nothing comes between the parts of what is sent
        self.ended = False
        self.thread = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        if listen:
            self.listen()

    def listen(self):
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while not self.ended:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return                  # close() was called
            with self.changed:
                self.client = client
                self.clients += 1
                self.changed.notify_all()
            try:
                client.settimeout(DEADLINE)
                self._talk(client)
            except OSError:
                pass                    # the client has gone, or close() was called
            finally:
                client.close()

    def _talk(self, client):
        if self.greeting:
            client.sendall(self.greeting)
        pending = b""
        while True:
            try:
                data, fds, _flags, _addr = socket.recv_fds(client, 65536, 16)
            except TimeoutError:
                continue                # only what is sent must be taken in time
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._command(json.loads(line), fds)
                fds = []

    def _command(self, command, fds):
        name = command.get("execute")
        with self.changed:
            self.commands.append(command)
            self.changed.notify_all()
        if name in self.answers:
            self.reply(command, self.answers[name])
        elif self.on_command and name != "qmp_capabilities":
            self.on_command(self, command, fds)
        else:
            self.reply(command, {})

    def reply(self, command, value, fds=()):
        line = json.dumps({"return": value, "id": command["id"]}).encode() + b"\r\n"
        with self.sending:
            if fds:
                socket.send_fds(self.client, [line], fds)
            else:
                self.client.sendall(line)

    def send(self, data):
        """Blocks as long as the client doesn't read."""
        with self.sending:
            self.client.sendall(data)

    def hang_up(self):
        """Ends the connection; the next client is welcome."""
        self.client.shutdown(socket.SHUT_RDWR)

    def babble(self):
        """Says what is no QMP, until the client has had enough of it."""
        try:
            while True:
                self.send(b"x\n" * 1000)
        except OSError:
            pass                        # it has hung up

    def wait_command(self, name):
        """Until it has come; the command."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: any(one.get("execute") == name for one in self.commands), DEADLINE), \
                f"no {name} among {self.commands}"
        return next(one for one in self.commands if one.get("execute") == name)

    def close(self):
        self.ended = True
        for sock in (self.listener, self.client):
            try:
                if sock:
                    sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass                    # it is closed already
        if self.thread:
            self.thread.join(DEADLINE)
            assert not self.thread.is_alive()
        self.listener.close()
