#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands for a domain's monitor and for the agent in its guest."""
import concurrent.futures
import json
import os
import select
import socket
import threading

import pytest
import virtapi
from conftest import DEADLINE, uri_of

AGENT_PORT = ["-device", "virtio-serial", "-chardev", "socket,id=a,path={path},server=on,wait=off",
              "-device", "virtserialport,chardev=a,name=org.qemu.guest_agent.0"]
# What QEMU takes as JSON, libvirt gives as JSON.
AGENT_PORT_JSON = [
    "-device", '{"driver":"virtio-serial-pci","id":"vs"}',
    "-chardev", "socket,id=a,path={path},server=on,wait=off",
    "-device", '{"driver":"virtserialport","bus":"vs.0","chardev":"a",'
               '"name":"org.qemu.guest_agent.0"}']


def read_in_time(fd):
    """What there is to be read, b"" at the end; not for ever, as somebody may have kept a copy."""
    assert select.select([fd], [], [], DEADLINE)[0], "nothing came, nor the end"
    return os.read(fd, 100)


@pytest.fixture
def domain(qemu, connect):
    return connect(uri_of(qemu.watch)).domain("guest")


def test_qmp(domain):
    answer = json.loads(domain.monitor('{"execute": "query-name"}'))
    assert answer["return"] == {"name": "guest"}
    assert answer["id"].startswith("libvirt-")
    assert answer.keys() == {"return", "id"}


def test_an_error_of_qemu_is_an_answer(domain):
    answer = json.loads(domain.monitor('{"execute":"no-such-command"}'))
    assert answer["error"]["class"] == "CommandNotFound"


def test_arguments_and_the_answer_are_passed_as_they_are(domain):
    """Members in order, numbers and strings as they were."""
    answer = domain.monitor('{"execute":"qom-list-properties",'
                            '"arguments":{"typename":"\\u0072ng-random"}}')
    assert answer.startswith('{"return":[{"')
    assert '"id":"libvirt-' in answer and "\n" not in answer
    assert any(one["name"] == "filename" for one in json.loads(answer)["return"])


@pytest.mark.parametrize("text", ["", "query-name", '{"execute":', '{"execute":"a"}{', "[1,]"])
def test_what_is_no_json_is_not_sent(domain, text):
    with pytest.raises(virtapi.Error) as caught:
        domain.monitor(text)
    assert caught.value.code == virtapi.ERR_INTERNAL_ERROR
    assert domain.qmp("query-name") == {"name": "guest"}


def test_an_id_of_the_callers_own_is_refused(domain):
    with pytest.raises(virtapi.Error) as caught:
        domain.monitor('{"execute":"query-name","id":"mine"}')
    assert "'id'" in caught.value.message


def test_the_human_monitor(domain):
    assert domain.monitor("info name", virtapi.HMP) == "guest\r\n"
    assert domain.monitor("info status", virtapi.HMP).startswith("VM status: running")
    assert "unknown command: 'nonsense'" in domain.monitor("nonsense", virtapi.HMP)
    assert domain.monitor('qom-get /nowhere "\u00e9\\"', virtapi.HMP)


def test_unknown_flags(domain):
    with pytest.raises(virtapi.Error) as caught:
        domain.monitor("info name", 4)
    assert caught.value.code == virtapi.ERR_INVALID_ARG


def test_read_only_connections_send_nothing(qemu, connect):
    domain = connect(uri_of(qemu.watch), virtapi.READ_ONLY).domain("guest")
    for attempt in (lambda: domain.monitor('{"execute":"query-name"}'),
                    lambda: domain.monitor_with_files('{"execute":"query-name"}'),
                    lambda: domain.agent('{"execute":"guest-ping"}')):
        with pytest.raises(virtapi.Error) as caught:
            attempt()
        assert caught.value.code == virtapi.ERR_OPERATION_DENIED


def test_a_file_goes_along(domain, folder):
    """It becomes QEMU's, who opens it by its set."""
    path = folder / "image"
    path.write_bytes(bytes(1024 * 1024))
    with path.open("r+b") as image:
        answer, received = domain.monitor_with_files(
            '{"execute":"add-fd","arguments":{"fdset-id":7,"opaque":"from a test"}}',
            [image.fileno()])
        assert os.fstat(image.fileno())         # still ours
    assert received == []
    assert json.loads(answer)["return"]["fdset-id"] == 7
    domain.qmp("blockdev-add", **{"driver": "file", "filename": "/dev/fdset/7",
                                  "node-name": "passed"})
    nodes = domain.qmp("query-named-block-nodes")
    assert [(one["node-name"], one["image"]["virtual-size"]) for one in nodes] == [
        ("passed", 1024 * 1024)]


def test_a_named_file_goes_along(domain):
    read_end, write_end = os.pipe()
    try:
        answer, _ = domain.monitor_with_files(
            '{"execute":"getfd","arguments":{"fdname":"pipe"}}', [write_end])
        assert json.loads(answer)["return"] == {}
        os.close(write_end)
        write_end = None
        domain.qmp("closefd", fdname="pipe")
        assert read_in_time(read_end) == b""    # nobody else has it: QEMU closed the last one
    finally:
        os.close(read_end)
        if write_end is not None:
            os.close(write_end)


def test_files_are_checked(domain):
    read_end, write_end = os.pipe()
    try:
        for files, flags in (([read_end, write_end], 0), ([read_end], virtapi.HMP), ([-1], 0)):
            with pytest.raises(virtapi.Error) as caught:
                domain.monitor_with_files('{"execute":"query-name"}', files, flags)
            assert caught.value.code == virtapi.ERR_INVALID_ARG
    finally:
        os.close(read_end)
        os.close(write_end)


@pytest.mark.parametrize("wanted", [True, False])
def test_files_come_back(connect, peer, wanted):
    """No QEMU has a command for that yet. A caller who can't take them has them closed."""
    read_end, write_end = os.pipe()

    def on_command(one, command, _fds):
        one.reply(command, {"sent": 1}, [write_end])

    try:
        domain = connect(uri_of(peer("giver", on_command=on_command).path)).domain("giver")
        if wanted:
            answer, received = domain.monitor_with_files('{"execute":"give"}')
            assert len(received) == 1 and received[0] != write_end
            os.write(received[0], b"x")
            os.close(received[0])
            assert read_in_time(read_end) == b"x"
        else:
            answer = domain.monitor('{"execute":"give"}')
        assert json.loads(answer)["return"] == {"sent": 1}
        os.close(write_end)
        write_end = None
        assert read_in_time(read_end) == b""    # nobody else has it
    finally:
        os.close(read_end)
        if write_end is not None:
            os.close(write_end)


def test_files_reach_the_other_side(connect, peer):
    read_end, write_end = os.pipe()

    def on_command(one, command, fds):
        for fd in fds:
            os.write(fd, command["execute"].encode())
            os.close(fd)
        one.reply(command, {"received": len(fds)})

    try:
        domain = connect(uri_of(peer("taker", on_command=on_command).path)).domain("taker")
        answer, _ = domain.monitor_with_files('{"execute":"take"}', [write_end])
        assert json.loads(answer)["return"] == {"received": 1}
        assert read_in_time(read_end) == b"take"
        assert domain.qmp("without") == {"received": 0}
    finally:
        os.close(read_end)
        os.close(write_end)


def together(*calls):
    """Runs them at once, each in a thread; their results."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait(DEADLINE)
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [one.result(DEADLINE) for one in [pool.submit(run, call) for call in calls]]


def test_callers_at_once_get_their_own_answers(domain):
    def ask(number):
        for turn in range(50):
            answer = domain.monitor(json.dumps({
                "execute": "human-monitor-command",
                "arguments": {"command-line": f"help {number}x{turn}"}}))
            assert f"'{number}x{turn}'" in answer
        return number

    assert together(*[lambda n=number: ask(n) for number in range(16)]) == list(range(16))


def test_a_command_that_hangs_holds_up_its_caller_only(connect, peer, folder, qemu):
    """And that one is told when the connection ends."""
    held = threading.Event()

    def on_command(one, command, _fds):
        if command["execute"] == "hang":
            held.set()
        else:
            one.reply(command, {"answered": command["execute"]})

    one = peer("peer.qmp", on_command=on_command)
    conn = connect(uri_of(folder / "*.qmp"))
    hung, other = conn.domain("peer"), conn.domain("guest")
    events = conn.watch("STOP")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(hung.monitor, '{"execute":"hang"}')
        assert held.wait(DEADLINE)
        # The same domain, another one, and the events.
        assert hung.qmp("other") == {"answered": "other"}
        assert other.qmp("query-name") == {"name": "guest"}
        qemu.command("stop")
        events.wait(1)
        assert not waiting.done()
        one.hang_up()
        with pytest.raises(virtapi.Error) as caught:
            waiting.result(DEADLINE)
    assert caught.value.code == virtapi.ERR_OPERATION_FAILED
    assert "went away" in caught.value.message


def test_a_command_to_a_domain_that_has_gone(qemu, connect):
    conn = connect(uri_of(qemu.watch))
    domain, life = conn.domain("guest"), conn.lifecycle()
    qemu.command("quit")
    life.wait_for(lambda event: event.type == 5)
    with pytest.raises(virtapi.Error) as caught:
        domain.monitor('{"execute":"query-name"}')
    assert caught.value.code == virtapi.ERR_NO_DOMAIN


def test_quitting_is_answered_or_told(domain):
    """QEMU answers, and goes: whichever is seen first, nobody waits for ever."""
    try:
        assert '"return":{}' in domain.monitor('{"execute":"quit"}')
    except virtapi.Error as error:
        assert error.code == virtapi.ERR_OPERATION_FAILED


def test_commands_inside_a_callback(qemu, connect):
    conn = connect(uri_of(qemu.watch))
    domain, seen = conn.domain("guest"), conn.watch("STOP")

    class Asking(list):
        def append(self, event):
            super().append((event.name, domain.qmp("query-status")["running"]))

    seen.events = Asking()
    qemu.command("stop")
    seen.wait(1)
    assert seen.events == [("STOP", False)]


# --- the guest agent ---

class Agent:
    """What answers on the guest's end of the channel."""

    def __init__(self, path, on_command):
        self.on_command = on_command
        self.commands = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.settimeout(DEADLINE)
            with client, client.makefile("rb") as lines:
                for line in lines:
                    command = json.loads(line.lstrip(b"\xff"))
                    self.commands.append(command)
                    try:
                        self.answer(client, command)
                    except OSError:
                        break           # the caller has gone meanwhile

    def answer(self, client, command):
        if command["execute"] == "guest-sync-delimited":
            number = command["arguments"]["id"]
            # The end of what nobody waited for comes first.
            client.sendall(b'{"return": {"stale": 1}}\n\xff' +
                           json.dumps({"return": number}).encode() + b"\n")
            return
        answer = self.on_command(command)
        if answer is not None:
            client.sendall(json.dumps(answer).encode() + b"\n")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE)
        assert not self.thread.is_alive()
        self.listener.close()


@pytest.fixture
def with_channel(start_qemu, folder):
    """A QEMU with a channel for an agent, which its guest doesn't open: there is nothing in it."""
    def start(port):
        return start_qemu(machine="pc", args=[
            "-m", "32", *[arg.replace("{path}", str(folder / "agent.sock")) for arg in port]])

    return start


@pytest.fixture
def with_agent(with_channel, peer, connect, folder):
    """A domain whose guest has an agent that answers as told.

    QEMU is there for its command line. In its place a peer says that the channel is open, and
    the agent listens.
    """
    started = []

    def start(on_command, port=AGENT_PORT, agent=True):
        qemu = with_channel(port)
        qemu.drive.unlink()
        qemu.watch.unlink()
        monitor = peer(qemu.watch.name, guest="guest")
        monitor.answers["query-chardev"] = [
            {"label": "a", "frontend-open": True, "filename": "unix"}]
        if agent:
            (folder / "agent.sock").unlink()
            started.append(Agent(folder / "agent.sock", on_command))
        domain = connect(f"qemu:///embed?root={folder / 'root'}").attach(qemu.pid)
        assert domain.name == "guest"
        return domain

    yield start
    for one in started:
        one.close()


def obedient(command):
    if command["execute"] == "guest-ping":
        return {"return": {}}
    if command["execute"] == "guest-echo":
        return {"return": command["arguments"]}
    if command["execute"] == "guest-silent":
        return None
    return {"error": {"class": "CommandNotFound", "desc": "no such command"}}


@pytest.mark.parametrize("port", [AGENT_PORT, AGENT_PORT_JSON], ids=["options", "JSON"])
def test_the_agent_answers(with_agent, port):
    domain = with_agent(obedient, port)
    assert domain.agent('{"execute":"guest-ping"}') == '{"return":{}}'
    assert domain.agent('{\n "execute": "guest-echo",\n "arguments": {"z": 1.50, "a": "\u00e9"}\n}'
                        ) == '{"return":{"z":1.5,"a":"\u00e9"}}'
    with pytest.raises(virtapi.Error) as caught:
        domain.agent('{"execute":"guest-nonsense"}')
    assert caught.value.code == virtapi.ERR_INTERNAL_ERROR
    assert "'guest-nonsense'" in caught.value.message
    assert "no such command" in caught.value.message


def test_an_agent_that_does_not_answer(with_agent):
    domain = with_agent(obedient)
    with pytest.raises(virtapi.Error) as caught:
        domain.agent('{"execute":"guest-silent"}', timeout=0)
    assert caught.value.code == virtapi.ERR_AGENT_UNRESPONSIVE
    # The next caller isn't confused by what may still come for the one before.
    assert domain.agent('{"execute":"guest-ping"}') == '{"return":{}}'


def test_a_channel_that_the_guest_has_not_opened(with_channel, connect):
    domain = connect(uri_of(with_channel(AGENT_PORT).watch)).domain("guest")
    with pytest.raises(virtapi.Error) as caught:
        domain.agent('{"execute":"guest-ping"}')
    assert caught.value.code == virtapi.ERR_AGENT_UNRESPONSIVE


def test_a_channel_where_nobody_answers(with_agent):
    """Not even to the first call, which finds that out."""
    domain = with_agent(None, agent=False)
    with pytest.raises(virtapi.Error) as caught:
        domain.agent('{"execute":"guest-ping"}', timeout=0)
    assert caught.value.code == virtapi.ERR_AGENT_UNRESPONSIVE


def test_no_channel(domain):
    with pytest.raises(virtapi.Error) as caught:
        domain.agent('{"execute":"guest-ping"}')
    assert caught.value.code == virtapi.ERR_ARGUMENT_UNSUPPORTED
    assert "QEMU guest agent is not configured" in caught.value.message


def test_callers_of_an_agent_take_turns(with_agent):
    domain = with_agent(obedient)

    def ask(number):
        text = json.dumps({"execute": "guest-echo", "arguments": {"n": number}})
        return json.loads(domain.agent(text))["return"]["n"]

    assert together(*[lambda n=number: ask(n) for number in range(8)]) == list(range(8))
