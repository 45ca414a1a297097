# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is going on, on one line of a terminal; in a file, a line for each scenario."""
import sys
import time


class Progress:
    def __init__(self, total):
        self.total, self.number = total, 0
        self.began = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def scenario(self, name):
        self.number += 1
        self.name = name
        if not self.terminal:
            self.write(f"{self.place()} {name}\n")

    def run(self, number, runs, subject):
        if self.terminal:
            self.write(f"\r\033[K{self.place()} {self.name}: {subject}, run {number} of {runs}")

    def place(self):
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        return f"[{self.number}/{self.total}, {minutes}:{seconds:02}]"

    def clear(self):
        if self.terminal:
            self.write("\r\033[K")

    @staticmethod
    def write(text):
        sys.stderr.write(text)
        sys.stderr.flush()
