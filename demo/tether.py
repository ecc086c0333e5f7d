"""Ties a program to the process that starts it: when the starter is gone, the kernel signals the program.

A program of its own, run as `python tether.py SIGNAL OWNER COMMAND…`, because the request to the kernel must be made
by the child itself, and between fork and exec a child of a process with threads may not run Python safely. The
request survives the exec below. Kept to the standard library's smallest parts: it runs before every child.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
COULD_NOT_RUN = 127


def main(words: list[str]) -> None:
    """Ask the kernel, then become the command."""
    when_the_owner_dies, owner, *command = words
    # macOS has no such promise; there the next start finds and ends what was left behind.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(when_the_owner_dies), 0, 0, 0)
        if os.getppid() != int(owner):  # it died before we could ask
            os._exit(1)
    try:
        os.execvp(command[0], command)
    except OSError as refused:
        sys.stderr.write(f"{command[0]} could not be run: {refused.strerror}\n")
        os._exit(COULD_NOT_RUN)


if __name__ == "__main__":
    main(sys.argv[1:])
