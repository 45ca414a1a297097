# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run of a scenario: in process, of a daemon with clients, of a daemon that is idle."""
import json
import os
import select
import signal
import statistics
import subprocess
import threading

from subjects import WITH_US, Flood, Process

STOCK = "/usr/lib/x86_64-linux-gnu"     # Debian's own libvirt.so, for clients that use it
GRACE = 15              # seconds beyond its limit in which a client must have ended


class Client:
    """A program that measures: says that it is ready by a line, then what it has measured."""

    def __init__(self, command, limit, stock=False):
        env = {**os.environ, "LD_LIBRARY_PATH": STOCK} if stock else None
        self.process = subprocess.Popen([*WITH_US, *map(str, command)], text=True, env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # It ends itself, unless a call that it has made does not.
        self.timer = threading.Timer(limit + GRACE, self.process.kill)
        self.timer.start()
        self.waking = None

    def ready(self):
        return self.process.stdout.readline() in ("registered\n", "connected\n")

    def warm(self):
        """Once what is to warm it up has come."""
        return self.process.stdout.readline() == "warm\n"

    def expect(self, count):
        """Tells it, once that is known, how many events are to come."""
        try:
            os.write(self.process.stdin.fileno(), f"{count}\n".encode())
        except BrokenPipeError:
            pass                # it has ended at its limit

    def stall(self, seconds):
        """Stops all of its threads for so long: a library that reads in a thread of its own would
        take what comes though its application does nothing."""
        self.process.send_signal(signal.SIGSTOP)
        self.waking = threading.Timer(seconds, self.process.send_signal, (signal.SIGCONT,))
        self.waking.start()

    def result(self):
        """None if it has said nothing."""
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def close(self):
        self.timer.cancel()
        if self.waking:
            self.waking.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def events_client(build, uri, expect, limit, *args, stock=False):
    return Client([build / "bench" / "client", "--uri", uri, "--expect", expect, "--limit", limit,
                   *args], limit, stock)


def run_local(build, scenario, subject, limit):
    """With the driver in the client's process, or with one of the limits in place of it."""
    flood = Flood(build, scenario.guests)
    total = scenario.busy * scenario.count
    if subject == "virtmon":
        client = events_client(build, f"qemu:///embed?monitor={flood.folder}/*.qmp", total, limit,
                               "--guests", scenario.guests, "--warm-up",
                               scenario.busy * scenario.warm_up, *scenario.args)
    else:
        client = Client([build / "bench" / "limits", subject, flood.folder / "0000.qmp", total],
                        limit)
    try:
        if not client.ready():
            return None
        if subject == "virtmon":
            flood.order(f"flood 0 {scenario.busy - 1} {scenario.warm_up} {scenario.size}")
            if not client.warm():
                return None
            Process(client.process.pid).wait_until_calm()
        flood.order(f"flood 0 {scenario.busy - 1} {scenario.count} {scenario.size}")
        return client.result()
    finally:
        client.close()
        flood.close()


def start_clients(build, daemon, scenario, limit, clients):
    """Appends them to the list, so that they are ended whatever happens."""
    args = ["--guests", scenario.guests, "--copies", scenario.copies, "--connections",
            scenario.connections, "--others", scenario.others, "--kind", scenario.kind,
            "--every", 1 if scenario.rate else 64, "--warm-up",
            scenario.deliveries(scenario.warm_up)]
    if scenario.patterns:
        args.append("--patterns")
    for _ in range(scenario.clients + (scenario.stalled > 0)):
        clients.append(events_client(build, daemon.uri, scenario.deliveries(scenario.count), limit,
                                     *args, stock=scenario.stock))


def warm_up(daemon, scenario, clients):
    """Has daemon and clients do what they only do for the first events; whether all came."""
    daemon.order(scenario.burst(scenario.warm_up))
    if not all([client.warm() for client in clients]):
        return False
    daemon.process.wait_until_calm()
    return True


def run_remote(build, scenario, kind, limit):
    """With a fresh daemon: what its clients measured together, and what it cost."""
    daemon = kind(build, scenario.guests)
    clients = []
    try:
        before = daemon.process.kib("VmRSS")
        start_clients(build, daemon, scenario, limit, clients)
        if not all([client.ready() for client in clients]):
            return None
        if not warm_up(daemon, scenario, clients):
            return None
        daemon.process.reset_peak()
        cpu = daemon.process.cpu()
        if scenario.stalled:
            clients[-1].stall(scenario.stalled)
        daemon.order(scenario.order())
        healthy = [client.result() for client in clients[:scenario.clients]]
        cpu = daemon.process.cpu() - cpu
        stalled = clients[-1].result() if scenario.stalled and all(healthy) else None
        if not all(healthy):
            return None
        return {
            "complete": all(one["complete"] for one in healthy),
            "delivered": sum(one["delivered"] for one in healthy),
            "lost": sum(one["lost"] for one in healthy),
            "disordered": sum(one["disordered"] for one in healthy),
            "seconds": max(one["seconds"] for one in healthy),
            "cpu": cpu,
            "client_cpu": sum(one["cpu"] for one in healthy),
            "p50_us": statistics.median(one["p50_us"] for one in healthy),
            "p99_us": max(one["p99_us"] for one in healthy),
            "rss_before_kib": before,
            "rss_peak_kib": daemon.process.kib("VmHWM"),
            "stalled": stalled,
        }
    finally:
        for client in clients:
            client.close()
        daemon.close()


def run_idle(build, scenario, kind, limit):
    """What a daemon does while nothing happens, and what its guests take of memory."""
    empty = kind(build, 0)
    try:
        empty.process.wait_until_calm()
        without = empty.process.kib("VmRSS")
    finally:
        empty.close()
    daemon = kind(build, scenario.guests)
    client = None
    try:
        daemon.process.wait_until_calm()
        guests = daemon.process.kib("VmRSS")
        client = events_client(build, daemon.uri, 1, limit + scenario.seconds, "--guests",
                               scenario.guests, "--connections", scenario.clients)
        if not client.ready():
            return None
        daemon.process.wait_until_calm()
        clients = daemon.process.kib("VmRSS")
        switches, cpu = daemon.process.switches(), daemon.process.cpu()
        select.select([], [], [], scenario.seconds)
        return {
            "complete": True,
            "switches": daemon.process.switches() - switches,
            "cpu": daemon.process.cpu() - cpu,
            "rss_empty_kib": without,
            "rss_guests_kib": guests,
            "rss_clients_kib": clients,
        }
    finally:
        if client:
            client.close()
        daemon.close()
