"""Run a command and print, as JSON, its exit code, how long it took in seconds, and its peak memory in bytes.

A process of its own, and a small one: Linux counts the memory of whoever starts a program among the program's own.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    nothing = os.open(os.devnull, os.O_RDWR)
    started = time.perf_counter()
    process = os.fork()
    if process == 0:
        os.dup2(nothing, 1)
        os.execvp(sys.argv[1], sys.argv[1:])
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps({"code": code, "seconds": seconds, "peak": usage.ru_maxrss * 1024}))
