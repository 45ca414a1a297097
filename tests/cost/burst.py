# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bursts of events on their way through what is measured.

All who take part say when they are ready and when they have got all, and then do nothing: what is
counted between those moments is the burst's, and nothing has to be subtracted from it.
"""
import os
import subprocess

from conftest import BUILD, DEADLINE, WITH_US, Output, uri_of
from daemons import Virtmond
from flood import Flood

EVENTS = 10_000
# Bursts before the one that counts. An allocator's heaps grow page by page, with a syscall for
# each, until they have had what is on its way at a time.
WARM_UPS = 3
# That count: the best of them does, as a busy machine can only add to what a burst takes.
BURSTS = 3
EVENT_BYTES = 290           # a small one, as the bench has it

# What is measured: virtmond with one client; that client; a client with the driver inside it.
PROCESSES = ("virtmond", "client", "in process")

# Meson's, which has memory filled that is allocated and freed: that is no part of the price.
os.environ.pop("MALLOC_PERTURB_", None)

# What a silent client is asked would be counted, and a stalled one is not to be dropped.
QUIET = "keepalive_interval = -1\n"


class Client:
    """client.c, which waits for so many events, and then for so many more, and so on."""

    def __init__(self, uri, counts, matching=1, others=0, options=(), env=None, wrapper=()):
        command = [*WITH_US, *wrapper, BUILD / "tests" / "cost" / "client", *options, uri, matching,
                   others, *(matching * count for count in counts)]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})
        self.output = Output(self.process)
        self.said = 0

    @property
    def pid(self):
        return self.process.pid

    def wait(self):
        """Until it says more; that line."""
        self.said += 1
        return self.output.take(self.said)[-1]

    def wait_for_all(self):
        """Of the next count; how many of them are lost."""
        return int(self.wait().split(" lost ")[1])

    def run_loop(self):
        """Ends the stall that it has begun with."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def end(self):
        """By itself, so that what it runs under has its last words."""
        self.process.stdin.close()
        assert self.output.finish() == 0, self.output.err

    def close(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


class Burst:
    """Guests that flood, and who gets that: clients with the driver inside them, or, once it was
    started, of a virtmond. All of them end with it."""

    def __init__(self, folder, counts=(EVENTS,) * (WARM_UPS + BURSTS), guests=1):
        self.folder = folder
        self.counts = list(counts)
        self.guests = guests
        self.flood = Flood(folder, guests)
        self.daemon = None
        self.clients = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()
        try:
            if self.daemon:
                self.daemon.close()
        finally:
            self.flood.close()

    def start_virtmond(self, config="", **kwargs):
        self.daemon = Virtmond(self.folder, config=QUIET + config, **kwargs)
        self.daemon.wait_until_known(f"guest{self.guests - 1}")
        return self.daemon

    def start_client(self, **kwargs):
        uri = self.daemon.uri() if self.daemon else uri_of(self.folder / "*.qmp")
        client = Client(uri, self.counts, **kwargs)
        self.clients.append(client)
        assert client.wait() == "registered"
        return client

    def start(self, whose, **kwargs):
        """What one of PROCESSES needs, and it itself with these arguments; it is returned."""
        daemon = client = None
        if whose != "in process":
            daemon = self.start_virtmond(**(kwargs if whose == "virtmond" else {}))
        client = self.start_client(**({} if whose == "virtmond" else kwargs))
        return daemon if whose == "virtmond" else client

    def order_next(self):
        count = self.counts.pop(0)
        assert count % self.guests == 0
        self.flood.order(f"flood 0 {self.guests - 1} {count // self.guests} {EVENT_BYTES}")

    def next(self):
        """The next one of the counts, all of which all clients get."""
        self.order_next()
        assert [client.wait_for_all() for client in self.clients] == [0] * len(self.clients)

    def warm_up(self):
        """All but those that count."""
        while len(self.counts) > BURSTS:
            self.next()
