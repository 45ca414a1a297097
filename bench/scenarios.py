# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: the list of scenarios. README.md says what each shows.

Those with `full` are measured by a full run, or when they are asked for by name; those without
`libvirtd` are not put to libvirtd, which does not get through them, or lacks what they need.
"""
from dataclasses import asdict, dataclass

SMALL, LARGE = 290, 4050        # bytes of an event
MILLION = 1_000_000
WARM_UP = 200                   # events before what is measured


@dataclass(frozen=True)
class Local:
    """Client and driver in one process; beside it, where `limits`, what the machine allows."""

    name: str
    text: str
    count: int = MILLION        # events of each guest that is busy
    size: int = SMALL
    guests: int = 1
    busy: int = 1
    args: tuple = ()            # of the client
    limits: bool = False
    full: bool = False

    @property
    def warm_up(self):
        """Events of each guest that is busy."""
        return -(-WARM_UP // self.busy)

    def described(self):
        return asdict(self)


@dataclass(frozen=True)
class Remote:
    """Clients of a daemon."""

    name: str
    text: str
    count: int = 20_000         # events of each guest that is busy
    size: int = SMALL
    rate: int = 0               # a second, for each of them; 0: as fast as the daemon reads
    guests: int = 1
    busy: int = 1
    clients: int = 1            # processes
    connections: int = 1        # of each
    copies: int = 1             # registrations of each connection that get all
    patterns: bool = False      # they are not equal, but another regular expression each
    others: int = 0             # and those that match nothing
    kind: str = "literal"
    stalled: int = 0            # seconds for which one more client does nothing
    stock: bool = False         # clients use Debian's own libvirt.so
    beside: str = None          # another, run by virtmond in alternation: what it is compared with
    libvirtd: bool = True
    full: bool = False

    @property
    def warm_up(self):
        """Events of each guest that is busy."""
        return -(-WARM_UP // self.busy)

    def deliveries(self, count):
        """To each client, of so many events of each guest that is busy."""
        return self.busy * count * self.connections * self.copies

    def burst(self, count):
        """The order for it."""
        return f"flood 0 {self.busy - 1} {count} {self.size}"

    def order(self):
        if not self.rate:
            return self.burst(self.count)
        return f"pace 0 {self.busy - 1} {self.count} {self.size} {self.rate}"

    def described(self):
        return asdict(self)


@dataclass(frozen=True)
class Idle:
    """Guests and clients, and nothing happens."""

    name: str
    text: str
    guests: int
    clients: int
    seconds: int = 10
    libvirtd: bool = True
    full: bool = False

    def described(self):
        return asdict(self)


@dataclass(frozen=True)
class Mixed:
    """A storm in one guest, and what becomes of everybody else meanwhile."""

    name: str
    text: str
    storm: str                  # "flood": as fast as it is read; "paced"; "tcg", "kvm": a real one
    reader: str                 # of the storm: "client", "virsh", "stalled", "slow"; "same": the
                                # client that reads the quiet guests too
    storm_rate: int = 20_000    # if it is paced
    quiet: int = 2              # other guests, and
    quiet_rate: int = 250       # how many events a second each of them has
    calls: bool = False         # whether another client asks for lists of domains meanwhile
    seconds: int = 5
    libvirtd: bool = True
    full: bool = False

    @property
    def real(self):
        return self.storm in ("tcg", "kvm")

    def described(self):
        return asdict(self)


def local():
    yield Local("P1", "1 registration, burst of 1,000,000", limits=True)
    for kind in ("literal", "regex", "glob"):
        yield Local(f"P2-{kind}", f"P1, and 1,000 {kind} registrations that don't match",
                    args=("--others", 1000, "--kind", kind), full=True)
    yield Local("P3", "1,000 guests, one busy", guests=1000, full=True)
    yield Local("P4", "1,000 guests, all busy, 1,000 events each", count=1000, guests=1000,
                busy=1000, full=True)
    yield Local("P5", "large events, burst of 200,000", count=200_000, size=LARGE, limits=True)
    yield Local("P6", "event loop stalled for 3 s, burst of 1,000,000: what is lost is told",
                args=("--stall", 3, "--all"), full=True)


def bursts():
    yield Remote("S1", "burst of 20,000", beside="S1-100k")
    yield Remote("S1-100k", "burst of 100,000", count=100_000)
    yield Remote("S1-1M", "burst of 1,000,000", count=MILLION, beside="S1-100k", libvirtd=False)
    yield Remote("S1-stock", "burst of 20,000, stock client library", stock=True)
    for count in (2_000, 5_000, 10_000, 40_000, 80_000):
        yield Remote(f"S8-{count // 1000}k", f"burst of {count:,}", count=count, beside="S1-100k",
                     full=count > 10_000)
    for count in (200_000, 500_000):
        yield Remote(f"S8-{count // 1000}k", f"burst of {count:,}", count=count, beside="S1-100k",
                     libvirtd=False, full=True)


def paced():
    for rate in (1000, 5000, 10_000, 20_000, 40_000, 60_000, 100_000, 200_000):
        # Those that no goal is for are short; a libvirtd keeps up with them.
        seconds = 2 if 1000 < rate < 60_000 else 5
        yield Remote(f"S2-{rate // 1000}k", f"paced, {rate:,}/s for {seconds} s",
                     count=rate * seconds, rate=rate, libvirtd=rate < 100_000,
                     full=rate == 100_000)


def registrations():
    for kind in ("literal", "regex"):
        yield Remote(f"S3-{kind}", f"burst of 5,000, and 1,000 {kind} registrations that don't "
                     "match", count=5000, others=1000, kind=kind)
    for number, short in ((1000, "1k"), (10_000, "10k")):
        for kind in ("literal", "regex", "glob"):
            yield Remote(f"S3-{short}-{kind}", f"S1-100k, and {number:,} {kind} registrations "
                         "that don't match", count=100_000, others=number, kind=kind,
                         beside="S1-100k", libvirtd=False)


def fan_out():
    for clients in (1, 10, 50):
        yield Remote(f"S4-{clients}", f"burst of 2,000 to {clients} clients", count=2000,
                     clients=clients, full=clients != 50)
    yield Remote("S4-1000", "burst of 1,000 to 1,000 clients, 100 in each of 10 processes",
                 count=1000, clients=10, connections=100, libvirtd=False)
    # To equal ones our library delivers what the daemon has sent once.
    yield Remote("S5", "burst of 5,000 to 10 equal registrations of one client", count=5000,
                 copies=10)
    yield Remote("S5-100k", "burst of 100,000 to 10 equal registrations of one client",
                 count=100_000, copies=10, libvirtd=False)
    yield Remote("S5-patterns", "burst of 2,000 to 10 registrations of one client, each with "
                 "another pattern", count=2000, copies=10, patterns=True)
    yield Remote("S5-patterns-100k", "burst of 100,000 to 10 registrations of one client, each "
                 "with another pattern", count=100_000, copies=10, patterns=True, libvirtd=False)


def stalls():
    slow, fast = (20_000, 2000), (MILLION, 100_000)
    for name, (count, rate), libvirtd in (("S6", slow, True), ("S6-1M", fast, False)):
        text = f"{count:,} at {rate:,}/s"
        yield Remote(f"{name}-alone", text, count=count, rate=rate, libvirtd=libvirtd,
                     full=libvirtd)
        yield Remote(name, f"{text}, while a second client stalls for 12 s", count=count,
                     rate=rate, stalled=12, libvirtd=libvirtd, full=libvirtd)


def sizes_and_guests():
    yield Remote("S7", "large, burst of 5,000", count=5000, size=LARGE)
    yield Remote("S7-100k", "large, burst of 100,000", count=100_000, size=LARGE, libvirtd=False)
    yield Remote("S9", "10 guests, one busy, burst of 5,000", guests=10, count=5000)
    yield Remote("S9-1000", "1,000 guests, one busy, burst of 100,000", guests=1000,
                 count=100_000, beside="S1-100k", libvirtd=False)
    yield Remote("S9-busy", "1,000 guests at 500/s each for 5 s", guests=1000, busy=1000,
                 count=2500, rate=500, libvirtd=False)


def idle():
    yield Idle("I10", "10 guests, 10 clients", guests=10, clients=10, full=True)
    yield Idle("I1000", "1,000 guests, 100 clients", guests=1000, clients=100, libvirtd=False)


def fairness():
    yield Mixed("F1", "a storm as fast as it is read, its reader; quiet guests, a reader of their "
                "own", "flood", "client")
    yield Mixed("F1-same", "the same with one reader for all", "flood", "same", full=True)
    yield Mixed("F2", "20,000/s to a slow reader (1 ms an event); quiet guests, a quick one",
                "paced", "slow")
    yield Mixed("F2-stalled", "20,000/s to a stalled reader; quiet guests, a quick one", "paced",
                "stalled", full=True)
    yield Mixed("F3", "a storm as fast as it is read, its reader; lists of domains every 20 ms",
                "flood", "client", quiet=0, calls=True)


def storms():
    for accel in ("tcg", "kvm"):
        yield Mixed(f"R1-{accel}", f"{accel.upper()} guest storms, our client reads", accel,
                    "client", calls=True, seconds=10)
        yield Mixed(f"R2-{accel}", f"{accel.upper()} guest storms, stock virsh reads", accel,
                    "virsh", calls=True, seconds=10, full=accel == "kvm")
    yield Mixed("R3-tcg", "TCG guest storms, a client reads only afterwards", "tcg", "stalled",
                calls=True, seconds=10)


def every():
    for group in (local, bursts, paced, registrations, fan_out, stalls, sizes_and_guests, idle,
                  fairness, storms):
        yield from group()
