#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that uses libvirt's own Python module: test_python_libvirt.py says on what.

    python_client.py SCENARIO URI [DOMAIN]

It prints a line of JSON for each thing that it has seen. An event loop can be had only once in
a process, and a process only one libvirt: hence a program of its own.
"""
import asyncio
import json
import sys

import libvirt
import libvirt_qemu
import libvirtaio

REGEX = libvirt_qemu.VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX
NOCASE = libvirt_qemu.VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE
HMP = libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
# Filters of monitor events: pattern and flags.
FILTERS = [(None, 0), ("STOP", 0), ("stop", 0), ("stop", NOCASE), ("^RES", REGEX),
           ("s.op|down", REGEX | NOCASE)]


def tell(*what):
    print(json.dumps(what), flush=True)


def refused(function, *args):
    """What an error says: code, the part it comes from, message."""
    try:
        function(*args)
    except libvirt.libvirtError as err:
        return [err.get_error_code(), err.get_error_domain(), err.get_error_message()]
    return None


def ignore_errors(_context, _error):
    """They are exceptions; the module prints them, too, if it is let."""


def calls(uri, name):
    conn = libvirt.open(uri)
    dom = conn.lookupByName(name)
    tell("type", conn.getType())
    tell("uri", conn.getURI() == uri)
    tell("alive", conn.isAlive(), conn.isSecure(), conn.isEncrypted())
    tell("versions", conn.getLibVersion(), conn.getVersion() // 1000000)
    tell("ids", conn.listDomainsID(), conn.numOfDomains())
    tell("defined", conn.listDefinedDomains(), conn.numOfDefinedDomains())
    tell("all", [one.name() for one in conn.listAllDomains()],
         conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED))
    tell("found", conn.lookupByID(dom.ID()).name(), conn.lookupByUUID(dom.UUID()).name(),
         conn.lookupByUUIDString(dom.UUIDString()).name())
    tell("active", dom.isActive(), dom.isPersistent(), dom.isUpdated())
    tell("state", dom.state(), dom.info()[:1], dom.info()[3])
    tell("memory", dom.maxMemory(), dom.maxVcpus(), dom.OSType(), dom.autostart())
    tell("xml", f"<name>{name}</name>" in dom.XMLDesc(), dom.UUIDString() in dom.XMLDesc())
    tell("suspend", dom.suspend(), dom.state(), dom.info()[:1])
    tell("resume", dom.resume(), dom.state())
    tell("reset", dom.reset())
    tell("command", json.loads(libvirt_qemu.qemuMonitorCommand(
        dom, '{"execute":"query-status"}', 0))["return"]["status"])
    tell("hmp", libvirt_qemu.qemuMonitorCommand(dom, "info status", HMP))
    tell("error in reply", json.loads(libvirt_qemu.qemuMonitorCommand(
        dom, '{"execute":"nosuch"}', 0))["error"]["class"])
    tell("refused", refused(conn.lookupByName, "nosuch"), refused(conn.lookupByID, 77),
         refused(conn.lookupByUUIDString, "00000000-0000-0000-0000-000000000001")[:2],
         refused(libvirt_qemu.qemuMonitorCommand, dom, "", 0)[:2],
         refused(libvirt_qemu.qemuMonitorCommand, dom, "x", 8)[:2],
         refused(libvirt_qemu.qemuAgentCommand, dom, '{"execute":"guest-ping"}', 1, 0)[:2],
         refused(dom.resume)[:2], refused(libvirt.open, uri.replace("/system", "/nosuch"))[0])
    del dom                             # it holds the connection
    tell("closed", conn.close())


def read_only(uri, name):
    conn = libvirt.openReadOnly(uri)
    dom = conn.lookupByName(name)
    tell("list", [one.name() for one in conn.listAllDomains()], dom.state())
    for function, *args in (
            (dom.suspend,), (dom.resume,), (dom.reset,), (dom.shutdown,), (dom.destroy,),
            (dom.XMLDesc, libvirt.VIR_DOMAIN_XML_SECURE),
            (libvirt_qemu.qemuMonitorCommand, dom, "x", 0),
            (libvirt_qemu.qemuAgentCommand, dom, "x", 1, 0)):
        tell(function.__name__, refused(function, *args))
    del dom, function, args             # they hold the connection
    tell("closed", conn.close())


class Watch:
    """Callbacks of all kinds on a connection."""

    def __init__(self, uri, name):
        self.conn = libvirt.open(uri)
        self.dom = self.conn.lookupByName(name)
        self.conn.setKeepAlive(5, 3)
        self.monitor = [
            libvirt_qemu.qemuMonitorEventRegister(self.conn, dom, pattern, self.on_monitor,
                                                  [index, dom is not None], flags)
            for dom in (None, self.dom)
            for index, (pattern, flags) in enumerate(FILTERS)
            if dom is None or pattern]
        self.domain = [
            self.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                             self.on_lifecycle, "all"),
            self.conn.domainEventRegisterAny(self.dom, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                             self.on_lifecycle, "one"),
            self.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT,
                                             self.on_reboot, None),
        ]
        tell("refused", refused(libvirt_qemu.qemuMonitorEventRegister, self.conn, None, "(((",
                                self.on_monitor, None, REGEX)[0],
             refused(libvirt_qemu.qemuMonitorEventRegister, self.conn, None, "x",
                     self.on_monitor, None, 4096)[0],
             refused(libvirt_qemu.qemuMonitorEventDeregister, self.conn, 12345)[0])
        tell("registered", self.monitor, self.domain)

    def on_monitor(self, conn, dom, event, seconds, micros, details, which):
        assert conn is self.conn and seconds > 1500000000 and 0 <= micros < 1000000
        tell("monitor", which, dom.name(), event, details)

    def on_lifecycle(self, conn, dom, event, detail, which):
        assert conn is self.conn
        tell("lifecycle", which, dom.name(), event, detail)

    def on_reboot(self, conn, dom, _opaque):
        assert conn is self.conn
        tell("reboot", dom.name())

    def close(self):
        for number in self.monitor:
            libvirt_qemu.qemuMonitorEventDeregister(self.conn, number)
        for number in self.domain:
            self.conn.domainEventDeregisterAny(number)
        del self.dom                    # it holds the connection
        tell("closed", self.conn.close())


def events(uri, name):
    """Until somebody writes to stdin."""
    libvirt.virEventRegisterDefaultImpl()
    ends = []
    watch = Watch(uri, name)
    handle = libvirt.virEventAddHandle(0, libvirt.VIR_EVENT_HANDLE_READABLE,
                                       lambda *_: ends.append(True), None)
    while not ends:
        libvirt.virEventRunDefaultImpl()
    libvirt.virEventRemoveHandle(handle)
    watch.close()


def aio(uri, name):
    """The same with the event loop of asyncio."""
    async def run():
        loop = asyncio.get_running_loop()
        libvirtaio.virEventRegisterAsyncIOImpl(loop)
        end = loop.create_future()
        watch = Watch(uri, name)
        loop.add_reader(0, lambda: end.done() or end.set_result(None))
        await end
        loop.remove_reader(0)
        watch.close()

    asyncio.run(run())


def plain(value):
    """As JSON has it."""
    if isinstance(value, dict) and set(value) == {"family", "node", "service"}:
        return [value["family"], value["node"], value["service"]]
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def typed(uri, name):
    """Domain events of all kinds, and monitor events; until somebody writes to stdin."""
    libvirt.virEventRegisterDefaultImpl()
    ends = []
    conn = libvirt.open(uri)

    def on_event(_conn, dom, *arguments):
        tell("typed", arguments[-1], dom.name(), [plain(one) for one in arguments[:-1]])

    def on_monitor(_conn, dom, event, *_rest):
        tell("monitor", event, dom.name())

    monitor = libvirt_qemu.qemuMonitorEventRegister(conn, None, None, on_monitor, None)
    numbers = [conn.domainEventRegisterAny(None, kind, on_event, kind)
               for kind in range(libvirt.VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE + 1)]
    handle = libvirt.virEventAddHandle(0, libvirt.VIR_EVENT_HANDLE_READABLE,
                                       lambda *_: ends.append(True), None)
    tell("registered", len(numbers), name)
    while not ends:
        libvirt.virEventRunDefaultImpl()
    libvirt.virEventRemoveHandle(handle)
    libvirt_qemu.qemuMonitorEventDeregister(conn, monitor)
    for number in numbers:
        conn.domainEventDeregisterAny(number)
    tell("closed", conn.close())


def lost(uri, name):
    """Tells why the connection ends, and what calls say then."""
    libvirt.virEventRegisterDefaultImpl()
    reasons = []
    conn = libvirt.open(uri)
    conn.registerCloseCallback(lambda _conn, reason, opaque: reasons.append([reason, opaque]), "x")
    tell("keepalive", conn.setKeepAlive(1, 1))
    libvirt_qemu.qemuMonitorEventRegister(conn, None, None, lambda *_: None, None)
    tell("waiting", name)
    while not reasons:
        libvirt.virEventRunDefaultImpl()
    tell("lost", reasons, conn.isAlive(), refused(conn.getHostname)[:2])


def main():
    libvirt.registerErrorHandler(ignore_errors, None)
    scenario, uri, name = sys.argv[1:]
    {"calls": calls, "read-only": read_only, "events": events, "aio": aio, "typed": typed,
     "lost": lost}[scenario](uri, name)


main()
