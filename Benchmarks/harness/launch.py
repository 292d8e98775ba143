"""Runs one command within limits and writes what it used: launch.py REPORT SECONDS BYTES COMMAND...

A process of its own, kept tiny, because Linux counts the memory of whoever forks as the peak of what is started: the
benchmark itself holds hundreds of megabytes. A memory limit of 0 is none.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time


def main(report, limit_seconds, limit_bytes, *command):
    def limit_memory():
        try:
            resource.setrlimit(resource.RLIMIT_AS, (int(limit_bytes), int(limit_bytes)))
        except (ValueError, OSError):
            pass  # macOS has no such limit

    expired = threading.Event()
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=limit_memory if int(limit_bytes) else None
    )

    def stop():
        expired.set()
        try:
            os.killpg(process.pid, signal.SIGKILL)  # the group that was made for this process alone
        except ProcessLookupError:
            pass

    timer = threading.Timer(float(limit_seconds), stop)
    timer.daemon = True
    timer.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        stop()
        raise
    seconds = time.perf_counter() - started
    timer.cancel()
    told = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpuSeconds": used.ru_utime + used.ru_stime,
        "peakBytes": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "timedOut": expired.is_set(),
    }
    with open(report, "w") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
