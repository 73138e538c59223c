"""Runs a program that ends with whoever started it: `python leash.py PROGRAM ...`.

The sign is the end of standard input, which comes also when the starter is killed. Closing it is
the way to end the program; killing this process would leave the program running.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

STDIN = 0


def main(argv: list[str]) -> int:
    """The program's status; as a shell's if a signal ended it."""
    program = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    # Ctrl-C reaches the program and the starter as well; this one stays for what is left to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_starter, args=(program,), daemon=True).start()
    status = program.wait()
    return status if status >= 0 else 128 - status


def _end_with_the_starter(program: subprocess.Popen[bytes]) -> None:
    os.read(STDIN, 1)
    program.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
