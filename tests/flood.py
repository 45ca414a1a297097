# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench/flood.c for tests: guests that send what they are told, as fast as it is read."""
import subprocess
import threading

from conftest import BUILD, DEADLINE, WITH_US


class Flood:
    """So many guests in one process, whose sockets are 0000.qmp, 0001.qmp, ... in the folder."""

    def __init__(self, folder, guests=1):
        self.process = subprocess.Popen([*WITH_US, BUILD / "bench" / "flood", folder, str(guests)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def wait_written(self):
        """Until all that was ordered has been taken."""
        timer = threading.Timer(DEADLINE, self.process.kill)
        timer.start()
        try:
            assert self.process.stdout.readline(), "the flood was not taken in time"
        finally:
            timer.cancel()

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait(timeout=DEADLINE)
        self.process.stdout.close()
