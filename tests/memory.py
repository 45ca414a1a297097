# SPDX-License-Identifier: LGPL-2.1-or-later
"""The memory of a process, as the kernel counts it."""
import pathlib


class Memory:
    """How much more a process has of it, in bytes, since this was made."""

    def __init__(self, pid):
        self.process = pathlib.Path(f"/proc/{pid}")
        (self.process / "clear_refs").write_text("5", encoding="ascii")
        self.start = self.read("VmRSS")

    def read(self, name):
        """A line of its status."""
        text = (self.process / "status").read_text(encoding="ascii", errors="replace")
        return int(text[text.index(name + ":"):].split()[1]) * 1024

    @property
    def peak(self):
        return self.read("VmHWM")

    @property
    def growth(self):
        """At its peak."""
        return self.peak - self.start
