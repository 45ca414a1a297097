# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shell itself: its options, what a line means, help, errors, the prompt, completion.

Wherever it can be had without a daemon, the real virsh is what it is compared with: the
same words, and the same to be printed, but for the name of the program. What commands do
with domains is in other files.
"""
import os
import pathlib
import re
import signal
import subprocess
import urllib.parse

import pexpect
import pytest
from conftest import BUILD, DEADLINE, uri_of

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
VIRTMON = BUILD.resolve() / "tools" / "virtmon"
# Nobody is there, and nothing is looked for.
NOBODY = "qemu:///embed?monitor=/nonexistent/none.qmp"
# To this nothing connects.
NOWHERE = "qemu:///embed?nosuch=x"
ENVIRONMENT = {key: value for key, value in os.environ.items()
               if not re.match(r"LD_LIBRARY_PATH$|VIRSH_|VIRTMON_|LIBVIRT_", key)}
ENVIRONMENT.update(LC_ALL="C.UTF-8", INPUTRC="/dev/null", TERM="dumb")


def run(program, *words, stdin="", env=None, **kwargs):
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([program, *words], input=stdin, text=True, timeout=DEADLINE,
                          errors="surrogateescape", env={**ENVIRONMENT, **(env or {})}, **kwargs)


def virtmon(*words, uri=NOBODY, **kwargs):
    return run(VIRTMON, *(["-c", uri] if uri else []), *words, **kwargs)


def virsh(*words, uri="test:///default", **kwargs):
    return run("virsh", *(["-c", uri] if uri else []), *words, **kwargs)


def told(result):
    """Status, stdout and stderr, whoever's they are."""
    def plain(text):
        text = re.sub("virsh|virtmon", "PROGRAM", text)
        return re.sub("VIRSH|VIRTMON", "PROGRAM", text)

    out = re.sub(r"^Welcome to .*\n", "Welcome\n", result.stdout)
    # Which libvirt of libvirt's own says once a terminal is there.
    err = re.sub(r"^Authorization not available\..*\n", "", result.stderr, flags=re.M)
    return result.returncode, plain(out), plain(err)


# --- what a line means ---

LINES = [
    "echo a b", 'echo "a  b" c', "echo 'a b\"'", "echo 'a", 'echo "a', "echo a\\", "echo a\\ b",
    'echo "a\\"b\\c"', "echo 'a\\b'", "echo a#b", "echo a #b", 'echo "a;b"', 'echo a"b c"d',
    "echo ''", 'echo "" x', "echo", "", "  ", "#x", ";", ";;", "echo a;echo b", "echo a;;echo b;",
    "echo a\necho b", "echo a\\\nb", 'echo "a\\\nb"', "echo 'a\\\nb'", "pwd#", "# x\npwd",
    "echo #x;y\necho z", "echo \"#a\" '#b' \\#c d#", "pw\\d", '"pwd"', "''", '""', "bogus",
    "bogus; pwd", "pwd; bogus; pwd", 'pwd "', "echo \\; a;echo b", "quit", "quit; pwd",
    "pwd; quit;pwd", "exit 1", "cd /tmp", "pwd x", "pwd --bogus", "pwd --bogus=x", "pwd --help=x",
    "pwd x --help", "pwd --bogus --help", "pwd --help --bogus", "help bogus", "help --command",
    "help Virsh", "domstate", "domstate --domain", "domstate test --reason=x",
    "domstate test --reas", "domstate --domain test --domain test", "domstate --domain test test",
    "domstate --domain=test --domain=test", "domstate --reason --reason test",
    "domstate -- test --", "domstate -r test", "domstate --", "domstate ''", "domstate --domain=",
    "domstate nosuch", "domstate nosuch --reason", "domstate 'a b'", "domstate --domain --",
    "domstate --domain -- test", "domstate -- --reason", "domstate nosuch; echo x",
    "echo x; domstate nosuch", "domstate --help test foo", "event --timeout", "event --event",
    "event --event=", "qemu-monitor-command", "qemu-monitor-command test",
    "qemu-monitor-command test --bogus", "echo\ttab\tx", "pwd\r", "pwd  ;  ; echo ; ",
    "connect x y",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_means_what_it_means_to_virsh(line):
    assert told(virtmon(line)) == told(virsh(line))


WORDS = [
    ["echo", "a", "b"], ["echo", "#b"], ["echo", "a;b"], ["echo", ""], ["echo", "a", ""],
    ["echo", "--shell", "a b", "c'd"], ["echo", "--xml", "<a>&\"'>\u00e9\x01\t"],
    ["echo", "--split", "a", "b"], ["echo", "--err", "foo"], ["echo", "--xml", "--shell", "a'<b"],
    ["echo", "--shell", "--split", "x"], ["echo", "--split", "--xml", "x"],
    ["echo", "--split", "a,b,,c"], ["echo", "--split", ",a"], ["echo", "--split", "a,"],
    ["echo", "--split", ""], ["echo", "--split"], ["echo", "--split", "a,,,b"],
    ["echo", "--err", "--shell", "a b"], ["echo", "--err", "--split", "a,b"],
    ["echo", "--string", "a"], ["echo", "--string=a", "b"], ["echo", "--string"],
    ["echo", "--bogus"], ["echo", "--", "--bogus"], ["echo", "a", "--xml", "<"],
    ["echo", "a", "--", "--xml"], ["echo", "--shell=1"], ["echo", "--err"], ["echo", "--shell", ""],
    ["pwd", ";", "pwd"], ["pwd", ""], ["pwd", "echo;x"], [" ", "a"], ["-q", "echo", "a"],
    ["-q", "echo", "--err", "a"], ["-q", "domstate", "x"], ["-q", "pwd"], ["--quiet", "pwd"],
    ["-t", "bogus"], ["help", "--command"], ["help", "nosuch"], ["pwd", "--help", "x"],
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_words_mean_what_they_mean_to_virsh(words):
    assert told(virtmon(*words)) == told(virsh(*words))


OPTIONS = [
    ["-z"], ["--bogus"], ["-c"], ["--con"], ["-d", "x", "pwd"], ["-d"], ["--d"], ["-d", "5", "pwd"],
    ["-d", "-1", "pwd"], ["-d", "99999999999", "pwd"], ["-k", "x"], ["-k", "-1"], ["-K", "-1"],
    ["-K", "x"], ["-k"], ["-K"], ["--keepalive-interval"], ["--keepalive-count"],
    ["-k", "99999999999"], ["-k", ""], ["-l"], ["--log"], ["-l", ""],
    ["-l", "/nonexistent/x", "pwd"],
    ["-e"], ["--escape"], ["-e", "ab", "pwd"], ["-e", ""], ["-e", "^", "x"], ["-e", "^1", "x"],
    ["-e", "^a", "pwd"], ["-e", "^`", "x"], ["-e", "\u00e9", "x"], ["-e", "^?", "x"],
    ["-e", " ", "pwd"], ["-e", "^[", "pwd"], ["-e", "^]", "pwd"], ["-e", "^\\", "pwd"],
    ["-e", "^_", "pwd"], ["-e", "^^", "pwd"], ["-e", "^@", "pwd"], ["--timing=1"], ["--", "pwd"],
    ["--", "-q"], ["pwd", "-c", "x"], ["-qz"], ["-zh"], ["-k0", "pwd"], ["-k", "0", "pwd"],
    ["-r", "pwd"], ["-qr", "pwd"], ["-qrk0", "pwd"],
]


@pytest.mark.parametrize("words", OPTIONS, ids=" ".join)
def test_options_are_checked_as_virsh_checks_them(words):
    assert told(virtmon(*words)) == told(virsh(*words))


SCRIPTS = [
    "pwd\necho x\n", "pwd\nbogus\necho x", "pwd;bogus\npwd", "  \n\n#foo\npwd # x\n",
    "echo a \\\nb\npwd\n", "quit\npwd\n", "exit\n", 'echo "a\nb"\n', "echo 'a\nb'\n", "quit 1\n",
    "domstate x\nquit\n", "cd /tmp\npwd\ncd\npwd\ncd /nonexistent\npwd\n", 'cd /usr\ncd ""\npwd\n',
    "echo hello\necho foo\n", "", "pwd", "cd --dir /tmp\npwd\n",
]


@pytest.mark.parametrize("option", ["", "-q", "-r"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_on_stdin_is_read_as_virsh_reads_it(script, option):
    words = [option] if option else []
    assert told(virtmon(*words, stdin=script)) == told(virsh(*words, stdin=script))


# --- options ---

def test_version():
    short = virtmon("-v").stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", short)
    for words in (["--version"], ["--version=short"], ["--version=x"], ["-v", "--bogus"]):
        assert told(virtmon(*words)) == (0, short, "")
    full = virtmon("-V")
    assert full.stdout.startswith(f"virtmon {short.strip()}, ")
    assert told(virtmon("--version=long")) == told(full)
    # It asks nobody.
    assert told(virtmon("-v", uri=NOWHERE)) == (0, short, "")


def option_column(text):
    """-c | --connect=URI, and so on."""
    return re.findall(r"^ {4,9}(-\S(?: \| --\S+(?: <\w+>)?)?|--\S+)(?: |$)", text, flags=re.M)


def test_usage_lists_the_options_of_virsh():
    ours, theirs = virtmon("-h"), virsh("-h")
    assert (ours.returncode, ours.stderr) == (0, "")
    assert option_column(ours.stdout) == option_column(theirs.stdout)
    assert len(option_column(ours.stdout)) == 13
    assert told(ours)[1].splitlines()[:5] == told(theirs)[1].splitlines()[:5]
    assert "complete " not in ours.stdout


def test_timing():
    result = virtmon("-q", "-t", "pwd; pwd")
    line = rf"{re.escape(os.getcwd())}\n\n\(Time: \d+\.\d{{3}} ms\)\n\n"
    assert re.fullmatch(line * 2, result.stdout)


def test_log_file(folder):
    log = folder / "log"
    result = virtmon("-l", str(log), "bogus")
    assert told(result) == (1, "", "error: unknown command: 'bogus'\n")
    virtmon("domstate nosuch", env={"VIRTMON_LOG_FILE": str(log)})
    lines = log.read_text().splitlines()
    stamp = r"\[\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d virtmon \d+\] "
    assert re.fullmatch(stamp + "ERROR unknown command: 'bogus'", lines[0])
    assert re.fullmatch(stamp + "ERROR failed to get domain 'nosuch'", lines[1])
    assert len(lines) == 2


def test_debug_goes_to_stderr_and_the_log(folder):
    log = folder / "log"
    result = virtmon("-d", "1", "-l", str(log), "-q", "pwd")
    assert result.stdout == os.getcwd() + "\n"
    assert 'commands: "pwd"\n' in result.stderr
    assert ' INFO commands: "pwd"\n' in log.read_text()
    assert virtmon("-d", "2", "pwd").stderr == ""
    assert "commands" in virtmon("pwd", env={"VIRTMON_DEBUG": "0"}).stderr
    assert virtmon("pwd", env={"VIRTMON_DEBUG": "x"}).stderr == \
        "error: VIRTMON_DEBUG not set with a valid numeric value\n"


def test_connecting_at_once_and_when_needed():
    failed = "error: failed to connect to the hypervisor\n"

    # Named, it comes before all commands.
    result = virtmon("echo a; pwd", uri=NOWHERE)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(failed)
    assert len(result.stderr.splitlines()) == 2
    assert virtmon("echo a", uri="").returncode == 0
    # But not before it is known what they are.
    assert told(virtmon("bogus", uri=NOWHERE)) == (1, "", "error: unknown command: 'bogus'\n")
    assert virtmon(uri=NOWHERE).returncode == 1

    # From the environment, only when it is needed.
    env = {"VIRTMON_DEFAULT_CONNECT_URI": NOWHERE}
    assert told(virtmon("echo a", uri=None, env=env)) == (0, "a\n", "")
    result = virtmon("uri; hostname", uri=None, env=env)
    assert (result.returncode, result.stdout) == (1, "\n\n")
    assert result.stderr.count(failed) == 2
    # Ours goes before libvirt's, and -c before both.
    env["LIBVIRT_DEFAULT_URI"] = NOBODY
    assert virtmon("uri", uri=None, env=env).returncode == 1
    env["VIRTMON_DEFAULT_CONNECT_URI"] = ""
    assert virtmon("-q", "uri", uri=None, env=env).stdout == NOBODY + "\n"
    env["VIRTMON_DEFAULT_CONNECT_URI"] = NOWHERE
    assert virtmon("-q", "uri", uri=NOBODY, env=env).stdout == NOBODY + "\n"
    # virsh's is virsh's.
    env = {"VIRSH_DEFAULT_CONNECT_URI": NOBODY, "LIBVIRT_DEFAULT_URI": NOWHERE}
    assert virtmon("uri", uri=None, env=env).returncode == 1


def test_keepalive_that_was_asked_for():
    """Nothing travels to a driver in process, so there is nothing to keep alive."""
    result = virtmon("-k", "5", "uri")
    assert result.returncode == 1
    lines = result.stderr.splitlines()
    assert lines[:2] == ["error: Cannot setup keepalive on connection as requested, disconnecting",
                         "error: failed to connect to the hypervisor"]
    assert told(result)[2] == told(virsh("-k", "5", "uri"))[2]
    assert virtmon("-k", "0", "uri").returncode == 0
    assert virtmon("-K", "1", "uri").returncode == 1


def test_connect():
    other = "qemu:///embed?monitor=/nonexistent/other.qmp"
    result = virtmon("-q", f"uri; connect {other}; uri; connect; uri; connect {NOWHERE}; uri")
    assert result.stdout == f"{NOBODY}\n{other}\n{other}\n{other}\n"
    assert result.stderr.splitlines()[0] == "error: failed to connect to the hypervisor"
    assert result.returncode == 0
    # Read-only stays so, until a URI is named.
    refused = "error: operation forbidden: read only access prevents virDomainQemuAttach"
    for words, denied in ((["-r", "connect"], True), (["connect --readonly"], True),
                          (["-r", f"connect {other}"], False),
                          ([f"connect {other} --readonly"], True)):
        *options, text = words
        err = virtmon(*options, f"{text}; qemu-attach 1").stderr
        assert (refused in err) == denied, words


def test_host_commands_print_what_virsh_prints():
    assert told(virtmon("hostname")) == told(virsh("hostname"))
    ours, theirs = virtmon("version --daemon"), virsh("version --daemon")
    names = r"^(.*): \S+( \d+\.\d+\.\d+)?$"
    assert re.findall(names, ours.stdout, flags=re.M) and ours.returncode == 0
    assert [line.split(":")[0] for line in ours.stdout.splitlines()] == \
        [line.split(":")[0] for line in theirs.stdout.splitlines()]
    assert "Using library: libvirt 9.0.0\n" in ours.stdout
    capabilities = virtmon("capabilities")
    assert capabilities.stdout.startswith("<capabilities>") and capabilities.returncode == 0


# --- help ---

def commands():
    """Those that help lists."""
    return re.findall(r"^    ([a-z-]+) ", virtmon("help").stdout, flags=re.M)


def synopsis(text):
    return re.search(r"^  SYNOPSIS\n    (.*)$", text, flags=re.M).group(1)


def option_names(text):
    """Of a command's help."""
    options = re.search(r"^  OPTIONS\n((?:    .*\n)*)", text, flags=re.M)
    return re.findall(r"^    \[?(--[a-z-]+)", options.group(1), flags=re.M) if options else []


def test_help_of_a_command_has_the_parts_of_virshs():
    ours, theirs = virtmon("help domstate").stdout, virsh("help domstate").stdout
    assert synopsis(ours) == synopsis(theirs)

    def bones(text):
        """Without the sentences, which are our own."""
        text = re.sub(r"^(    (?:\[?--\S+ <\w+>|\[?--\S+\]? <\w+>|--\S+) +).*", r"\1", text,
                      flags=re.M)
        text = re.sub(r"(?<=- ).*", "", text)
        return re.sub(r"(DESCRIPTION\n)(?:    .*\n)+", r"\1", text)

    assert bones(ours) == bones(theirs)
    assert told(virtmon("domstate --help"))[1] == told(virtmon("help domstate"))[1]


def test_every_command_takes_what_virshs_takes():
    """In the same order, which positions depend on; what we add is in between or behind."""
    for command in commands():
        theirs = virsh("help", command)
        if theirs.returncode != 0:
            assert command == "qemu-event-list"
            continue
        ours = virtmon("help", command)
        wanted = synopsis(theirs.stdout).replace("...", "").split()
        given = iter(synopsis(ours.stdout).replace("...", "").split())
        assert all(word in given for word in wanted), command


def test_help_of_groups():
    everything = virtmon("help").stdout
    assert everything.startswith("Grouped commands:\n\n Domain Management (help keyword 'domain')")
    for name, keyword in re.findall(r"^ (.*) \(help keyword '(.*)'\):$", everything, flags=re.M):
        group = virtmon("help", keyword)
        assert group.returncode == 0
        assert group.stdout.startswith(f" {name} (help keyword '{keyword}'):\n")
        assert group.stdout in everything
        assert virtmon("help", name).stdout == group.stdout
    # An empty word is none; and it needs nobody.
    assert virtmon("help ''", uri=None).stdout == everything


def test_every_command_has_help():
    for command in commands():
        text = virtmon("help", command).stdout
        assert text.startswith(f"  NAME\n    {command} - "), command
        assert synopsis(text).split()[0] == command


# --- the manual page ---

def manual():
    return (SOURCE / "tools" / "virtmon.rst").read_text()


def manual_items():
    """Commands that are described together, and all their options."""
    items = []
    for line in manual().split("COMMANDS\n====", 1)[1].split("\nEVENTS\n====", 1)[0].splitlines():
        if line.startswith("``"):
            items.append((re.findall(r"``([a-z-]+)``", line),
                          set(re.findall(r"\*\*(--[a-z-]+)\*\*", line))))
        elif (options := re.match(r"   (--\S.*?)(?:  |$)", line)):
            items[-1][1].update(re.findall(r"--[a-z-]+", options.group(1)))
    return items


def test_the_manual_has_every_command_and_option():
    described = []
    for names, options in manual_items():
        described += names
        helped = {option for name in names
                  for option in option_names(virtmon("help", name).stdout)}
        if names == ["echo"]:
            helped.add("--string")      # which is usually left out
        assert options == helped, names
    assert sorted(described) == sorted(commands())


def program_options():
    """-c, --connect, and so on."""
    return set(re.findall(r"(?<![\w-])(-[a-zA-Z]|--[a-z-]+)(?![\w-])",
                          " ".join(option_column(virtmon("-h").stdout))))


def test_the_manual_has_every_option_of_the_program():
    page = manual().split("\nOPTIONS\n====", 1)[1].split("\nURI\n===", 1)[0]
    items = re.findall(r"^(-\w)(?: \w+)?, (--[a-z-]+)", page, flags=re.M)
    assert {name for pair in items for name in pair} == program_options()


# --- where output goes ---

def test_a_full_disk_is_a_failure():
    with open("/dev/full", "w") as full:
        result = virtmon("pwd", stdout=full)
        usage = virtmon("-h", stdout=full)
    for one in (result, usage):
        assert one.returncode == 1
        assert one.stderr == \
            "error: cannot write to the standard output: No space left on device\n"


def test_a_reader_that_has_gone_is_none():
    """SIGPIPE, as with virsh; or, where that is ignored, the end without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as gone:
        killed = virtmon("pwd; pwd", stdout=gone)
        assert killed.returncode == -signal.SIGPIPE and killed.stderr == ""
        assert virsh("pwd; pwd", stdout=gone).returncode == killed.returncode
        # Python ignores it, and so do programs that it starts in this way.
        ended = virtmon("pwd; pwd", stdout=gone, restore_signals=False)
        assert ended.returncode == 1 and ended.stderr == ""


def test_a_closed_stdout_is_not_taken_by_a_socket(qemu):
    """Else what is printed would go to QEMU."""
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        result = run("bash", "-c", f'"$0" -c "$1" list {closed}', str(VIRTMON), uri_of(qemu.watch))
        assert result.returncode == 0, (closed, result.stderr)
    qemu.command("query-status")


# --- the prompt ---

class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, program, *words, env=None, prompt="virtmon # "):
        self.child = pexpect.spawn(str(program), [str(word) for word in words], encoding="utf-8",
                                   timeout=DEADLINE, dimensions=(50, 160),
                                   env={**ENVIRONMENT, **(env or {})})
        self.child.delaybeforesend = None
        self.prompt = prompt

    def __enter__(self):
        self.expect_prompt()
        return self

    def __exit__(self, *_):
        self.child.close(force=True)

    def expect_prompt(self):
        self.child.expect_exact(self.prompt)
        return self.child.before.replace("\r\n", "\n")

    def command(self, line):
        """What it prints."""
        self.child.sendline(line)
        return self.expect_prompt().split("\n", 1)[1]

    def finish(self):
        self.child.expect_exact(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


@pytest.fixture
def home(folder):
    return {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}


def test_prompt(home):
    with Terminal(VIRTMON, "-c", NOBODY, env=home) as terminal:
        assert terminal.command("echo a; echo b") == "a\nb\n"
        assert terminal.command("bogus") == "error: unknown command: 'bogus'\n"
        assert terminal.command("") == ""
        assert terminal.command("cd /usr") == "\n"
        assert terminal.command("pwd") == "/usr\n\n"
        terminal.child.sendline("quit")
        assert terminal.finish() == 0
    with Terminal(VIRTMON, "-r", "-c", NOBODY, env=home, prompt="virtmon > ") as terminal:
        terminal.child.sendeof()
        assert terminal.finish() == 0


def test_prompt_begins_as_virshs(home):
    def beginning(terminal):
        with terminal:
            text = re.sub("virsh|virtmon", "PROGRAM", terminal.child.before)
            text = re.sub(r"^Authorization not available.*\r\n", "", text)
            return re.sub(r"^Welcome.*\r\n", "", text)

    assert beginning(Terminal(VIRTMON, "-c", NOBODY, env=home)) == \
        beginning(Terminal("virsh", "-c", "test:///default", env=home, prompt="virsh # "))


def test_an_interrupt_drops_the_line_and_not_the_shell(home):
    with Terminal(VIRTMON, "-c", NOBODY, env=home) as terminal:
        for _ in range(20):
            terminal.child.send("echo this is not run")
            terminal.child.expect_exact("not run")
            terminal.child.sendintr()
            terminal.expect_prompt()
        assert terminal.command("echo b") == "b\n"
        # At an empty line, too.
        terminal.child.sendintr()
        terminal.expect_prompt()
        assert terminal.command("echo c") == "c\n"


def test_an_interrupt_ends_a_wait_and_not_the_shell(home, qemu):
    with Terminal(VIRTMON, "-c", uri_of(qemu.watch), env=home) as terminal:
        for _ in range(5):
            # The unknown name is warned of when all is registered.
            terminal.child.sendline("qemu-monitor-event --event RESETT --loop; echo after")
            terminal.child.expect_exact("warning: ")
            terminal.child.sendintr()
            assert terminal.expect_prompt().endswith(
                "event loop interrupted\nevents received: 0\n\nafter\n")


def test_history_is_kept(home, folder):
    history = folder / "cache" / "virtmon" / "history"
    with Terminal(VIRTMON, "-c", NOBODY, env=home) as terminal:
        for line in ("pwd", "echo one", "echo one", "   ", "echo two"):
            terminal.command(line)
        terminal.child.sendline("quit")
        assert terminal.finish() == 0
    assert history.read_text() == "pwd\necho one\necho two\nquit\n"
    assert history.stat().st_mode & 0o777 == 0o600
    assert history.parent.stat().st_mode & 0o777 == 0o700

    with Terminal(VIRTMON, "-c", NOBODY, env={**home, "VIRTMON_HISTSIZE": "3"}) as terminal:
        terminal.child.send("\x1b[A\x1b[A\r")       # up twice
        assert terminal.expect_prompt().endswith("\ntwo\n")
        terminal.child.sendeof()
        assert terminal.finish() == 0
    assert history.read_text() == "echo two\nquit\necho two\n"


@pytest.mark.parametrize("value, complaint", [
    ("x", "error: Bad $VIRTMON_HISTSIZE value."),
    ("", "error: Bad $VIRTMON_HISTSIZE value."),
    ("99999999999", "error: Bad $VIRTMON_HISTSIZE value."),
    ("-1", "error: $VIRTMON_HISTSIZE value should be between 0 and 500000"),
    ("500001", "error: $VIRTMON_HISTSIZE value should be between 0 and 500000"),
    ("0", None), ("500000", None)])
def test_history_size_is_checked_as_virshs(home, value, complaint):
    def complaints(program, name, uri, prompt):
        env = {**home, f"{name}_HISTSIZE": value}
        with Terminal(program, "-c", uri, env=env, prompt=prompt) as terminal:
            return re.findall("error: .*(?=\r)", terminal.child.before)

    ours = complaints(VIRTMON, "VIRTMON", NOBODY, "virtmon # ")
    assert ours == ([complaint] if complaint else [])
    theirs = complaints("virsh", "VIRSH", "test:///default", "virsh # ")
    assert [text.replace("VIRSH", "VIRTMON") for text in theirs] == ours


def test_without_a_place_for_the_history(home):
    with Terminal(VIRTMON, "-c", NOBODY, env={**home, "XDG_CACHE_HOME": "/proc/none"}) as terminal:
        assert terminal.command("echo a") == "a\n"
        terminal.child.sendline("quit")
        assert terminal.finish() == 0


@pytest.mark.parametrize("sig", ["TERM", "HUP"])
def test_a_signal_at_the_prompt_kills_and_keeps_terminal_and_history(home, folder, sig):
    """The terminal is bash's, which can tell how it was left."""
    script = f"stty -g >$1/before; '{VIRTMON}' -c '{NOBODY}'; echo status $?; stty -g >$1/after"
    with Terminal("bash", "-c", script, "bash", folder, env=home) as terminal:
        terminal.command("echo kept")
        terminal.child.send("echo not entered")
        terminal.child.expect_exact("not entered")
        pid = run("pgrep", "-P", str(terminal.child.pid), "virtmon").stdout.strip()
        run("kill", f"-{sig}", pid)
        terminal.child.expect(r"status (\d+)")
        assert terminal.child.match.group(1) == {"TERM": "143", "HUP": "129"}[sig]
        terminal.finish()
    assert (folder / "after").read_text() == (folder / "before").read_text()
    assert (folder / "cache" / "virtmon" / "history").read_text() == "echo kept\n"


def test_job_control(home):
    """Ctrl-Z at the prompt stops it, with the terminal as it was; fg goes on."""
    with Terminal("bash", "--norc", "--noprofile", "-i", env={**home, "PS1": "bash$ "},
                  prompt="bash$ ") as terminal:
        terminal.child.sendline(f"'{VIRTMON}' -c '{NOBODY}'")
        terminal.child.expect_exact("virtmon # ")
        terminal.child.send("echo half")
        terminal.child.expect_exact("half")
        terminal.child.send("\x1a")
        terminal.child.expect_exact("Stopped")
        terminal.expect_prompt()
        assert "-icanon" not in terminal.command("stty -a").replace(" icanon", "")
        terminal.child.sendline("fg")
        terminal.child.expect_exact("virtmon # echo half")
        terminal.child.send(" done\r")
        terminal.child.expect_exact("half done\r\n")
        terminal.child.expect_exact("virtmon # ")
        terminal.child.sendline("quit")
        terminal.expect_prompt()
        assert terminal.command("echo $?") == "0\n"


def test_names_do_no_harm_to_a_terminal(home):
    name = "\x1b[31m\u009b2J\u202e"
    with Terminal("bash", "--norc", "--noprofile", "-i", env={**home, "PS1": "bash$ "},
                  prompt="bash$ ") as terminal:
        terminal.command("name=$'\\x1b[31m\\u009b2J\\u202e'")
        assert terminal.command(f"'{VIRTMON}' -c '{NOBODY}' domstate \"$name\"") == \
            "error: failed to get domain '\\x1b[31m\\u{009b}2J\\u{202e}'\n\n"
    # Elsewhere it is what it is.
    assert virtmon("domstate", name).stderr == f"error: failed to get domain '{name}'\n"


# --- completion at the prompt ---

@pytest.fixture
def two_words(start_qemu, folder):
    return start_qemu(name="two words", watch=folder / "watch.qmp")


def test_tab_completes(home, two_words):
    """What the line is then is told by "echo --shell", put in front of it (Ctrl-A)."""
    cases = {
        "domst": "domstate", "domstate two": "domstate 'two words'",
        "domstate 'two": "domstate 'two words'", 'domstate "two': "domstate 'two words'",
        "domstate two\\ ": "domstate 'two words'", "list --state-p": "list --state-paused",
        "qemu-monitor-event --event=BLOCK_JOB_P": "qemu-monitor-event --event=BLOCK_JOB_PENDING",
        "qemu-monitor-event --format j": "qemu-monitor-event --format json",
        "event --event tray": "event --event tray-change", "help monitor-": "help monitor-events",
        "nosuch x": "nosuch x", "cd /us": "cd /usr/",
    }
    uri = uri_of(urllib.parse.quote(str(two_words.watch)))
    with Terminal(VIRTMON, "-c", uri, env=home) as terminal:
        for number, (typed, line) in enumerate(cases.items()):
            # As what is printed, and not as what is typed, "CASE1" is one word.
            terminal.child.send(f'{typed}\t\x01echo --shell -- CA""SE{number} \r')
            terminal.child.expect(f"CASE{number} (.*?)\r\n")
            assert terminal.child.match.group(1) == line, typed
        # A second command on the line.
        terminal.child.send("echo CA\"\"SE: ; hostn\t\r")
        terminal.child.expect_exact(f"CASE:\r\n{os.uname().nodename}\r\n")


def test_tab_lists_what_there_is(home, two_words):
    with Terminal(VIRTMON, "-c", uri_of(two_words.watch), env=home) as terminal:
        terminal.child.send("list --state-\t\t")
        terminal.child.expect_exact("--state-other")
        terminal.child.expect_exact("--state-shutoff")
        terminal.child.expect_exact("virtmon # list --state-")
        terminal.child.sendintr()
        terminal.child.expect_exact("^C")
        terminal.expect_prompt()
        assert terminal.command("echo a") == "a\n"


def test_complete_command_is_virshs():
    """But for commands that we do not have."""
    theirs_only = set(re.findall(r"^    ([a-z-]+) ", virsh("help").stdout, flags=re.M))
    theirs_only -= set(commands())
    for words in (["domst"], ["domstate", "--"], ["domstate", "--r"], ["domstate", "x", "--"],
                  ["help", "domst"], ["event", "--event", "tray"], ["nosuch"],
                  ["echo", "--", "--x"],
                  ["list", "--state-"], ["uri", ";", "hostn"], ["echo", "--s"], ["pwd", ""]):
        ours, theirs = virtmon("-q", "complete", "--", *words), \
            virsh("-q", "complete", "--", *words)
        known = [word for word in theirs.stdout.splitlines() if word not in theirs_only]
        assert ours.stdout.splitlines() == known, words
        assert (ours.returncode, ours.stderr) == (0 if known else 1, "")


# --- completion in bash ---

@pytest.fixture
def bash(home):
    env = {**home, "PATH": f"{VIRTMON.parent}:{ENVIRONMENT['PATH']}", "PS1": "bash$ "}
    with Terminal("bash", "--norc", "--noprofile", "-i", env=env, prompt="bash$ ") as terminal:
        terminal.command("bind 'set bell-style none'; bind 'set show-all-if-ambiguous on'")
        terminal.command("bind 'set page-completions off'")
        terminal.command("bind -x '\"\\C-g\": printf \"<%s>\\n\" \"$READLINE_LINE\"'")
        terminal.command(f". '{SOURCE}/tools/virtmon.bash-completion'")
        yield terminal


def bash_line(bash, typed):
    """The line after Tab."""
    bash.child.send(typed + "\t\x07")
    bash.child.expect("<(.*)>\r\n")
    bash.child.send("\x15")
    return bash.child.match.group(1)


def test_bash_completes(bash, two_words):
    uri = uri_of(two_words.watch)
    watch = str(two_words.watch)
    for typed, line in {
        "virtmon domst": "virtmon domstate ",
        "virtmon --con": "virtmon --connect ",
        "virtmon -c qem": "virtmon -c qemu:///embed\\?monitor=",
        f"virtmon -c qemu:///embed?monitor={watch[:-3]}":
            f"virtmon -c qemu:///embed?monitor={watch} ",
        f"virtmon --connect={uri[:-3]}": f"virtmon --connect={uri} ",
        f"virtmon -c '{uri}' domstate two": f"virtmon -c '{uri}' domstate two\\ words ",
        f"virtmon -c '{uri}' domstate 'two": f"virtmon -c '{uri}' domstate 'two words' ",
        f"virtmon -c {uri} domstate two\\ ": f"virtmon -c {uri} domstate two\\ words ",
        f"virtmon -c{uri} -r help monitor-": f"virtmon -c{uri} -r help monitor-events ",
        f"virtmon -c {NOWHERE} hostn": f"virtmon -c {NOWHERE} hostname ",
        "virtmon -d 0 --timing hostn": "virtmon -d 0 --timing hostname ",
        "virtmon -q -- hostn": "virtmon -q -- hostname ",
        "virtmon event --event=tray": "virtmon event --event=tray-change ",
        "virtmon qemu-monitor-event --format j": "virtmon qemu-monitor-event --format json ",
        "virtmon nosuch x": "virtmon nosuch x",
        f"virtmon -l {watch[:-3]}": f"virtmon -l {watch} ",
        f"virtmon --log={watch[:-3]}": f"virtmon --log={watch} ",
        "virtmon-admin --con": "virtmon-admin --connect ",
        "virtmon-admin -c lib": "virtmon-admin -c libvirtd:///system ",
        f"virtmon-admin -c {watch[:-3]}": f"virtmon-admin -c {watch} ",
        "virtmon-admin -q client-st": "virtmon-admin -q client-stats ",
        "virtmon-admin user-list --format j": "virtmon-admin user-list --format json ",
    }.items():
        assert bash_line(bash, typed) == line
    bash.child.send(f"URI='{uri}'\r")
    assert bash_line(bash, 'virtmon -c "$URI" qemu-monitor-event --event=BLOCK_JOB_P') == \
        'virtmon -c "$URI" qemu-monitor-event --event=BLOCK_JOB_PENDING '


def test_bash_lists_options(bash):
    bash.child.send("virtmon -\t\x07")
    bash.child.expect("<virtmon ->\r\n")
    offered = set(re.findall(r"(?<!\S)-\S+", bash.child.before.split("\n", 1)[1]))
    assert offered - {"-"} == program_options()
