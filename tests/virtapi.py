#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libraries that were built, called as any program in another language would.

A thin layer over ctypes: what is passed and what comes back is what the C API says, but for
failures, which are exceptions. All of a test's connections are closed by Connection.close_all(),
which also sees that nothing of the driver is left in this process.
"""
import collections
import ctypes
import json
import os
import pathlib
import time

DEADLINE = float(os.environ.get("VIRTMON_DEADLINE", "30"))
LIBS = pathlib.Path(os.environ.get("VIRTMON_BUILD", "build")).resolve() / "src"

REGEX, NOCASE, GLOB = 1 << 0, 1 << 1, 1 << 30
HMP = 1 << 0
READ_ONLY = 1 << 0
LIFECYCLE, REBOOT = 0, 1

# virErrorNumber, as far as the tests name them
ERR_INTERNAL_ERROR = 1
ERR_NO_SUPPORT = 3
ERR_INVALID_ARG = 8
ERR_OPERATION_FAILED = 9
ERR_OPERATION_DENIED = 29
ERR_XML_DETAIL = 35
ERR_SYSTEM_ERROR = 38
ERR_RPC = 39
ERR_GNUTLS_ERROR = 40
ERR_NO_DOMAIN = 42
ERR_AUTH_FAILED = 45
ERR_OPERATION_INVALID = 55
ERR_OPERATION_TIMEOUT = 68
ERR_ARGUMENT_UNSUPPORTED = 74
ERR_AGENT_UNRESPONSIVE = 86
ERR_RESOURCE_BUSY = 87

# virConnectCloseReason
CLOSE_ERROR, CLOSE_EOF, CLOSE_KEEPALIVE, CLOSE_CLIENT = 0, 1, 2, 3

# virDomainState
RUNNING, PAUSED, SHUTDOWN, SHUTOFF, CRASHED, PMSUSPENDED = 1, 3, 4, 5, 6, 7


class ErrorStruct(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("domain", ctypes.c_int), ("message", ctypes.c_char_p),
                ("level", ctypes.c_int), ("conn", ctypes.c_void_p), ("dom", ctypes.c_void_p),
                ("str1", ctypes.c_char_p), ("str2", ctypes.c_char_p), ("str3", ctypes.c_char_p),
                ("int1", ctypes.c_int), ("int2", ctypes.c_int), ("net", ctypes.c_void_p)]


class InfoStruct(ctypes.Structure):
    _fields_ = [("stream", ctypes.c_char * 37), ("number", ctypes.c_ulonglong),
                ("received_seconds", ctypes.c_longlong), ("received_micros", ctypes.c_uint)]


POINTER, TEXT, INT, UINT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
FREE = ctypes.CFUNCTYPE(None, POINTER)
MONITOR_EVENT = ctypes.CFUNCTYPE(None, POINTER, POINTER, TEXT, ctypes.c_longlong, UINT, TEXT,
                                 POINTER)
DOMAIN_EVENT = ctypes.CFUNCTYPE(INT, POINTER, POINTER, INT, INT, POINTER)
GENERIC_EVENT = ctypes.CFUNCTYPE(None, POINTER, POINTER, POINTER)
CLOSED = ctypes.CFUNCTYPE(None, POINTER, INT, POINTER)


class AddressStruct(ctypes.Structure):
    _fields_ = [("family", INT), ("node", TEXT), ("service", TEXT)]


class IdentityStruct(ctypes.Structure):
    _fields_ = [("type", TEXT), ("name", TEXT)]


class SubjectStruct(ctypes.Structure):
    _fields_ = [("count", INT), ("identities", ctypes.POINTER(IdentityStruct))]


class ValueUnion(ctypes.Union):
    _fields_ = [("i", INT), ("ui", UINT), ("l", ctypes.c_longlong), ("ul", ctypes.c_ulonglong),
                ("d", ctypes.c_double), ("b", ctypes.c_char), ("s", TEXT)]


class ParameterStruct(ctypes.Structure):
    _fields_ = [("field", ctypes.c_char * 80), ("type", INT), ("value", ValueUnion)]


# Which member of the union a parameter of each type has.
PARAMETER_MEMBERS = {1: "i", 2: "ui", 3: "l", 4: "ul", 5: "d", 6: "b", 7: "s"}
AMOUNT = ctypes.c_ulonglong
ADDRESS, SUBJECT = ctypes.POINTER(AddressStruct), ctypes.POINTER(SubjectStruct)
PARAMETERS = [ctypes.POINTER(ParameterStruct), INT]
# The kinds of domain events by their IDs: virsh's names, and what callbacks get.
TYPED = [
    ("lifecycle", [INT, INT]), ("reboot", []), ("rtc-change", [ctypes.c_longlong]),
    ("watchdog", [INT]), ("io-error", [TEXT, TEXT, INT]),
    ("graphics", [INT, ADDRESS, ADDRESS, TEXT, SUBJECT]),
    ("io-error-reason", [TEXT, TEXT, INT, TEXT]), ("control-error", []),
    ("block-job", [TEXT, INT, INT]), ("disk-change", [TEXT, TEXT, TEXT, INT]),
    ("tray-change", [TEXT, INT]), ("pm-wakeup", [INT]), ("pm-suspend", [INT]),
    ("balloon-change", [AMOUNT]), ("pm-suspend-disk", [INT]), ("device-removed", [TEXT]),
    ("block-job-2", [TEXT, INT, INT]), ("tunable", PARAMETERS), ("agent-lifecycle", [INT, INT]),
    ("device-added", [TEXT]), ("migration-iteration", [INT]), ("job-completed", PARAMETERS),
    ("device-removal-failed", [TEXT]), ("metadata-change", [INT, TEXT]),
    ("block-threshold", [TEXT, TEXT, AMOUNT, AMOUNT]), ("memory-failure", [INT, INT, UINT]),
    ("memory-device-size-change", [TEXT, AMOUNT]),
]
TICK = ctypes.CFUNCTYPE(None, INT, POINTER)
ON_ERROR = ctypes.CFUNCTYPE(None, POINTER, POINTER)

# A returned string that is the caller's to free is a POINTER here, not a TEXT.
PROTOTYPES = {
    "libvirt.so.0": {
        "virConnectClose": (INT, POINTER),
        "virConnectDomainEventDeregister": (INT, POINTER, POINTER),
        "virConnectDomainEventDeregisterAny": (INT, POINTER, INT),
        "virConnectDomainEventRegister": (INT, POINTER, DOMAIN_EVENT, POINTER, FREE),
        "virConnectDomainEventRegisterAny": (INT, POINTER, POINTER, INT, POINTER, POINTER, FREE),
        "virConnectGetHostname": (POINTER, POINTER),
        "virConnectGetType": (TEXT, POINTER),
        "virConnectGetURI": (POINTER, POINTER),
        "virConnectIsAlive": (INT, POINTER),
        "virConnectIsEncrypted": (INT, POINTER),
        "virConnectIsSecure": (INT, POINTER),
        "virConnectListAllDomains": (INT, POINTER, POINTER, UINT),
        "virConnectNumOfDomains": (INT, POINTER),
        "virConnectOpenAuth": (POINTER, TEXT, POINTER, UINT),
        "virConnectRegisterCloseCallback": (INT, POINTER, CLOSED, POINTER, FREE),
        "virConnectSetKeepAlive": (INT, POINTER, INT, UINT),
        "virConnectUnregisterCloseCallback": (INT, POINTER, CLOSED),
        "virDomainDestroy": (INT, POINTER),
        "virDomainFree": (INT, POINTER),
        "virDomainGetID": (UINT, POINTER),
        "virDomainGetName": (TEXT, POINTER),
        "virDomainGetState": (INT, POINTER, POINTER, POINTER, UINT),
        "virDomainGetUUIDString": (INT, POINTER, POINTER),
        "virDomainGetMetadata": (POINTER, POINTER, INT, TEXT, UINT),
        "virDomainGetXMLDesc": (POINTER, POINTER, UINT),
        "virDomainLookupByID": (POINTER, POINTER, INT),
        "virDomainLookupByName": (POINTER, POINTER, TEXT),
        "virDomainLookupByUUIDString": (POINTER, POINTER, TEXT),
        "virDomainReset": (INT, POINTER, UINT),
        "virDomainResume": (INT, POINTER),
        "virDomainSetMetadata": (INT, POINTER, INT, TEXT, TEXT, TEXT, UINT),
        "virDomainSuspend": (INT, POINTER),
        "virEventAddTimeout": (INT, INT, TICK, POINTER, POINTER),
        "virEventRegisterDefaultImpl": (INT,),
        "virEventRunDefaultImpl": (INT,),
        "virGetLastError": (ctypes.POINTER(ErrorStruct),),
        "virSetErrorFunc": (None, POINTER, ON_ERROR),
    },
    "libvirt-qemu.so.0": {
        "virConnectDomainQemuMonitorEventDeregister": (INT, POINTER, INT),
        "virConnectDomainQemuMonitorEventRegister": (INT, POINTER, POINTER, TEXT, MONITOR_EVENT,
                                                     POINTER, FREE, UINT),
        "virDomainQemuAgentCommand": (POINTER, POINTER, TEXT, INT, UINT),
        "virDomainQemuAttach": (POINTER, POINTER, UINT, UINT),
        "virDomainQemuMonitorCommand": (INT, POINTER, TEXT, POINTER, UINT),
        "virDomainQemuMonitorCommandWithFiles": (INT, POINTER, TEXT, UINT, POINTER, POINTER,
                                                 POINTER, POINTER, UINT),
        "virtmonDomainQemuMonitorEventGetInfo": (INT, POINTER, ctypes.POINTER(InfoStruct),
                                                 ctypes.c_size_t),
    },
}


class Functions:
    """Each function of the table, by its name."""

    def __init__(self):
        for library, functions in PROTOTYPES.items():
            handle = ctypes.CDLL(str(LIBS / library))
            for name, (result, *arguments) in functions.items():
                function = getattr(handle, name)
                function.restype = result
                function.argtypes = arguments
                setattr(self, name, function)
        self.free = ctypes.CDLL(None).free
        self.free.restype = None
        self.free.argtypes = [POINTER]


api = Functions()


class Error(Exception):
    """What virGetLastError() says."""

    def __init__(self):
        super().__init__()
        error = api.virGetLastError()
        assert error, "a function failed without an error"
        self.code = error.contents.code
        self.domain = error.contents.domain
        self.message = error.contents.message.decode()

    def __str__(self):
        return f"error {self.code} of {self.domain}: {self.message}"


def checked(result):
    """Raises what a call that returned -1 or NULL has left as the last error."""
    if result is None or (isinstance(result, int) and result == -1):
        raise Error()
    return result


def take_text(address):
    """A string that the library gave away."""
    text = ctypes.string_at(checked(address)).decode(errors="surrogateescape")
    api.free(address)
    return text


@ON_ERROR
def _silent(_opaque, _error):
    """Errors are looked at where they are returned; stderr is for what nobody expects."""


@TICK
def _tick(_timer, _opaque):
    """Ends a turn of the loop now and then, so that a deadline is noticed."""


api.virSetErrorFunc(None, _silent)
checked(api.virEventRegisterDefaultImpl())
checked(api.virEventAddTimeout(50, _tick, None, None))


def wait(condition, what):
    """Runs the event loop until the condition holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"no {what() if callable(what) else what} in time"
        checked(api.virEventRunDefaultImpl())


MonitorEvent = collections.namedtuple(
    "MonitorEvent", "domain uuid id name seconds micros details stream number received")
LifecycleEvent = collections.namedtuple("LifecycleEvent", "domain uuid id type detail")


def _ident(dom):
    text = ctypes.create_string_buffer(37)
    api.virDomainGetUUIDString(dom, text)
    return (api.virDomainGetName(dom).decode(), text.value.decode(),
            api.virDomainGetID(dom))


class Registration:
    """What came for one registration so far."""

    def __init__(self, conn):
        self.conn = conn
        self.events = []
        self.freed = 0
        self.id = None
        self.on_free = FREE(self._count_free)
        conn.registrations.append(self)

    def _count_free(self, _opaque):
        self.freed += 1

    @property
    def names(self):
        return [event.name for event in self.events]

    def wait(self, count):
        """Until so many events have come; those."""
        wait(lambda: len(self.events) >= count,
             lambda: f"{count} events but {self.events[-20:]}")
        return self.events

    def wait_for(self, condition):
        """Until there is an event of which this is true; the first one."""
        wait(lambda: any(condition(event) for event in self.events),
             lambda: f"such event among {self.events[-20:]}")
        return next(event for event in self.events if condition(event))


class MonitorRegistration(Registration):
    def __init__(self, conn, event, domain, flags):
        super().__init__(conn)
        self.callback = MONITOR_EVENT(self._called)
        try:
            self.id = checked(api.virConnectDomainQemuMonitorEventRegister(
                conn.handle, domain and domain.handle, event if event is None else event.encode(),
                self.callback, None, self.on_free, flags))
        except Error:
            conn.registrations.remove(self)
            raise

    def _called(self, conn, dom, event, seconds, micros, details, _opaque):
        info = InfoStruct()
        got = api.virtmonDomainQemuMonitorEventGetInfo(conn, ctypes.byref(info),
                                                       ctypes.sizeof(info))
        self.events.append(MonitorEvent(
            *_ident(dom), event.decode(errors="surrogateescape"), seconds, micros,
            details if details is None else details.decode(errors="surrogateescape"),
            info.stream.decode() if got == 0 else None, info.number,
            info.received_seconds + info.received_micros / 1e6))

    def close(self):
        checked(api.virConnectDomainQemuMonitorEventDeregister(self.conn.handle, self.id))
        self.conn.registrations.remove(self)


class LifecycleRegistration(Registration):
    """Through the old call, or the one for any event."""

    def __init__(self, conn, domain, old):
        super().__init__(conn)
        self.old = old
        self.callback = DOMAIN_EVENT(self._called)
        self.address = ctypes.cast(self.callback, POINTER)
        if old:
            self.id = checked(api.virConnectDomainEventRegister(conn.handle, self.callback, None,
                                                                self.on_free))
        else:
            self.id = checked(api.virConnectDomainEventRegisterAny(
                conn.handle, domain and domain.handle, LIFECYCLE, self.address, None,
                self.on_free))

    def _called(self, _conn, dom, kind, detail, _opaque):
        self.events.append(LifecycleEvent(*_ident(dom), kind, detail))
        return 0

    @property
    def pairs(self):
        return [(event.type, event.detail) for event in self.events]

    def close(self):
        if self.old:
            checked(api.virConnectDomainEventDeregister(self.conn.handle, self.address))
        else:
            checked(api.virConnectDomainEventDeregisterAny(self.conn.handle, self.id))
        self.conn.registrations.remove(self)


def _plain(value):
    """What a callback got, as a value of Python's."""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, ADDRESS):
        value = value.contents
        return [value.family, value.node.decode(), value.service.decode()]
    if isinstance(value, SUBJECT):
        value = value.contents
        return [[value.identities[i].type.decode(), value.identities[i].name.decode()]
                for i in range(value.count)]
    return value


TypedEvent = collections.namedtuple("TypedEvent", "domain uuid id kind arguments")


class TypedRegistration(Registration):
    """For one kind of domain events; what comes is appended to a list that many may share."""

    def __init__(self, conn, kind, domain, events):
        super().__init__(conn)
        if events is not None:
            self.events = events
        self.kind, arguments = TYPED[kind]
        result = INT if kind == LIFECYCLE else None
        self.callback = ctypes.CFUNCTYPE(result, POINTER, POINTER, *arguments, POINTER)(
            self._called)
        self.id = checked(api.virConnectDomainEventRegisterAny(
            conn.handle, domain and domain.handle, kind, ctypes.cast(self.callback, POINTER),
            None, self.on_free))

    def _called(self, _conn, dom, *arguments):
        plain = [_plain(argument) for argument in arguments[:-1]]
        if self.kind in ("tunable", "job-completed"):
            plain = [{
                param.field.decode(): _plain(getattr(param.value, PARAMETER_MEMBERS[param.type]))
                for param in arguments[0][:arguments[1]]}]
        self.events.append(TypedEvent(*_ident(dom), self.kind, plain))
        return 0

    def close(self):
        checked(api.virConnectDomainEventDeregisterAny(self.conn.handle, self.id))
        self.conn.registrations.remove(self)


class CloseRegistration(Registration):
    """The reasons for which a connection has ended: one, in time."""

    def __init__(self, conn):
        super().__init__(conn)
        self.callback = CLOSED(lambda _conn, reason, _opaque: self.events.append(reason))
        checked(api.virConnectRegisterCloseCallback(conn.handle, self.callback, None,
                                                    self.on_free))

    def close(self):
        # Once it was called it is registered no longer.
        if not self.events:
            checked(api.virConnectUnregisterCloseCallback(self.conn.handle, self.callback))
        self.conn.registrations.remove(self)


class Domain:
    def __init__(self, conn, handle):
        self.conn = conn
        self.handle = checked(handle)
        self.name, self.uuid, self.id = _ident(handle)
        conn.handles.append(self)

    def state(self):
        state, reason = INT(), INT()
        checked(api.virDomainGetState(self.handle, ctypes.byref(state), ctypes.byref(reason), 0))
        return state.value, reason.value

    def xml(self):
        return take_text(api.virDomainGetXMLDesc(self.handle, 0))

    def set_metadata(self, kind, text, key=None, uri=None, flags=0):
        texts = [None if one is None else one.encode() for one in (text, key, uri)]
        checked(api.virDomainSetMetadata(self.handle, kind, *texts, flags))

    def metadata(self, kind, uri=None, flags=0):
        return take_text(api.virDomainGetMetadata(self.handle, kind, uri and uri.encode(), flags))

    def suspend(self):
        checked(api.virDomainSuspend(self.handle))

    def resume(self):
        checked(api.virDomainResume(self.handle))

    def reset(self):
        checked(api.virDomainReset(self.handle, 0))

    def destroy(self):
        checked(api.virDomainDestroy(self.handle))

    def monitor(self, text, flags=0):
        """The text of the answer to a monitor command."""
        result = POINTER()
        checked(api.virDomainQemuMonitorCommand(self.handle, text.encode(), ctypes.byref(result),
                                                flags))
        return take_text(result.value)

    def qmp(self, name, **arguments):
        """What QEMU returns to a QMP command."""
        command = {"execute": name}
        if arguments:
            command["arguments"] = arguments
        return json.loads(self.monitor(json.dumps(command)))["return"]

    def monitor_with_files(self, text, files=(), flags=0):
        """The answer, and the file descriptors that came with it."""
        result, out, count = POINTER(), ctypes.POINTER(INT)(), UINT()
        infiles = (INT * len(files))(*files)
        checked(api.virDomainQemuMonitorCommandWithFiles(
            self.handle, text.encode(), len(files), infiles if files else None,
            ctypes.byref(count), ctypes.byref(out), ctypes.byref(result), flags))
        received = [out[i] for i in range(count.value)]
        if out:
            api.free(ctypes.cast(out, POINTER))
        return take_text(result.value), received

    def agent(self, text, timeout=-1):
        return take_text(api.virDomainQemuAgentCommand(self.handle, text.encode(), timeout, 0))

    def free(self):
        self.conn.handles.remove(self)
        checked(api.virDomainFree(self.handle))


class Connection:
    open_ones = []

    def __init__(self, uri, flags=0):
        self.registrations = []
        self.handles = []
        self.handle = checked(api.virConnectOpenAuth(uri.encode(), None, flags))
        self.open_ones.append(self)

    def watch(self, event=None, domain=None, flags=0):
        return MonitorRegistration(self, event, domain, flags)

    def typed(self, kind, domain=None, events=None):
        return TypedRegistration(self, kind, domain, events)

    def lifecycle(self, domain=None):
        return LifecycleRegistration(self, domain, False)

    def lifecycle_old(self):
        return LifecycleRegistration(self, None, True)

    def closed(self):
        return CloseRegistration(self)

    def keep_alive(self, interval, count):
        return checked(api.virConnectSetKeepAlive(self.handle, interval, count))

    def is_alive(self):
        return checked(api.virConnectIsAlive(self.handle)) == 1

    def is_secure(self):
        return checked(api.virConnectIsSecure(self.handle)) == 1

    def is_encrypted(self):
        return checked(api.virConnectIsEncrypted(self.handle)) == 1

    def type(self):
        return checked(api.virConnectGetType(self.handle)).decode()

    def uri(self):
        return take_text(api.virConnectGetURI(self.handle))

    def hostname(self):
        return take_text(api.virConnectGetHostname(self.handle))

    def count(self):
        return checked(api.virConnectNumOfDomains(self.handle))

    def domains(self):
        listed = ctypes.POINTER(POINTER)()
        count = checked(api.virConnectListAllDomains(self.handle, ctypes.byref(listed), 0))
        domains = [Domain(self, listed[i]) for i in range(count)]
        api.free(ctypes.cast(listed, POINTER))
        return domains

    def domain(self, name):
        return Domain(self, api.virDomainLookupByName(self.handle, name.encode()))

    def domain_by_id(self, number):
        return Domain(self, api.virDomainLookupByID(self.handle, number))

    def domain_by_uuid(self, text):
        return Domain(self, api.virDomainLookupByUUIDString(self.handle, text.encode()))

    def attach(self, pid):
        return Domain(self, api.virDomainQemuAttach(self.handle, pid, 0))

    def close(self):
        for registration in list(self.registrations):
            registration.close()
            assert registration.freed == 1
        for domain in list(self.handles):
            domain.free()
        self.open_ones.remove(self)
        assert api.virConnectClose(self.handle) == 0, "something still holds the connection"

    @classmethod
    def close_all(cls):
        for conn in list(cls.open_ones):
            conn.close()
        assert driver_threads() == 0


def driver_threads():
    """How many threads the drivers in this process have."""
    count = 0
    for task in pathlib.Path("/proc/self/task").iterdir():
        try:
            count += (task / "comm").read_text() in ("virtmon-qemu\n", "virtmon-rpc\n")
        except OSError:
            pass                        # it has ended meanwhile
    return count
