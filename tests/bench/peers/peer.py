"""A peer is a process that stays alive between measurements: one JSON request on each line of its input, one JSON reply on each line of its output.

Staying alive lets the bench alternate: our run, theirs, ours, theirs, under the same load of the machine.
"""
import json
import resource
import sys
import time


def timed(action):
    started = time.perf_counter()
    result = action()
    return (time.perf_counter() - started) * 1000, result


def serve(handlers):
    output = sys.stdout
    sys.stdout = sys.stderr  # what a library prints must not look like a reply
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = handlers[request.pop("do")](**request)
        except Exception as error:  # said to the bench, which decides what it means
            reply = {"error": f"{type(error).__name__}: {error}"[:400]}
        reply["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        output.write(json.dumps(reply) + "\n")
        output.flush()
