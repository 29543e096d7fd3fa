#!/usr/bin/env python3
"""How much of its ledger a node serves to a public that asks with `wrk`, on this machine alone.

    tests/interop/read_load.py --bin BUILD/bin [--install] [--records N] [--connections N] [--seconds N]

Every connection goes through all resources of the read plane: the checkpoint, each tile and each bundle of entries. Any answer
but 200 fails the run; before and after it every resource has the size that the checkpoint's tree gives it. A second run is under a
limit of requests (`read_rate`), which must hold. Exit 77: skipped, there is no wrk.
"""
import argparse
import os
import re
import sys
import tempfile

from outsiders import Node, Processes, answer, fail, run, say, until
from tools import Missing, Tools

LIMIT = 500
SCRIPT = """
local paths = {%s}
local at = 0
request = function()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
done = function(summary)
  io.write(string.format("errors %%d %%d\\n", summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


def resources(size):
    """(path, length) of every tile and bundle of a tree."""
    level = 0
    while size >> 8 * level:
        count = size >> 8 * level
        for i in range(-(-count // 256)):
            width = min(256, count - 256 * i)
            name = f"{i:03}" if i < 1000 else f"x{i // 1000:03}/{i % 1000:03}"
            path = f"{name}.p/{width}" if width < 256 else name
            yield f"/tile/{level}/{path}", 32 * width
            if level == 0:
                yield f"/tile/entries/{path}", 130 * width
        level += 1


def check(node, wanted):
    for path, length in wanted:
        status, body = answer(node.read_url + path)
        if (status, len(body)) != (200, length):
            fail(f"{path}: {status}, {len(body)} bytes instead of {length}")


def load(options, wrk, environment, node, wanted, work):
    """(requests answered with 200 a second, how many were not, wrk's own words)"""
    script = os.path.join(work, "paths.lua")
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT % ", ".join(f'"{path}"' for path in ["/checkpoint", *(path for path, _ in wanted)]))
    told = run(wrk, "-t", "1", "-c", str(options.connections), "-d", f"{options.seconds}s", "--latency", "-s", script,
               node.read_url, env=environment)
    requests, errors = re.search(r"(\d+) requests in ([0-9.]+)s", told), re.search(r"errors (\d+) (\d+)", told)
    if not requests or not errors or errors[2] != "0":
        fail("wrk was not answered:\n" + told)
    return (int(requests[1]) - int(errors[1])) / float(requests[2]), int(errors[1]), told


def measure(options, tools, work, processes):
    wrk, environment = tools.wrk()
    node = Node(options, processes, work, "load.example/log", "read_rate = 0\n")
    node.grow(options.records)
    size = int(node.published().split(b"\n")[1])
    wanted = list(resources(size))
    check(node, wanted)
    rate, errors, told = load(options, wrk, environment, node, wanted, work)
    if errors:
        fail("wrk saw answers other than 200:\n" + told)
    until("the connections are closed", lambda: answer(node.read_url + "/checkpoint")[0] == 200)
    check(node, wanted)
    half, most = (re.search(rf"{part}% +(\S+)", told)[1] for part in (50, 99))
    say(f"{len(wanted) + 1} resources of {size} records, {options.connections} connections, {options.seconds} s: "
        f"{rate:.0f} answers/s, {re.search(r'Transfer/sec: +(.*)', told)[1]}/s, p50 {half}, p99 {most}, none but 200")


def limited(options, tools, work, processes):
    """With a limit the node answers as often as it says, refuses the rest, and goes on serving."""
    wrk, environment = tools.wrk()
    node = Node(options, processes, work, "load.example/log", f"read_rate = {LIMIT}\n")
    rate, errors, _ = load(options, wrk, environment, node, [], work)
    if not 0.5 * LIMIT < rate < 1.2 * LIMIT or not errors:
        fail(f"the limit is {LIMIT} requests a second; {rate:.0f} were answered and {errors} refused")
    say(f"limited to {LIMIT} requests a second: {rate:.0f} answered, {errors} refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=48)  # of one address, a node takes 64
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--cache", default=os.path.join(os.path.expanduser("~"), ".cache", "tocsin-interop"))
    options = parser.parse_args()
    for part in (measure, limited):
        with tempfile.TemporaryDirectory() as work:
            processes = Processes(work)
            try:
                part(options, Tools(options.cache, options.install), work, processes)
            except Missing as why:
                say(f"skipped: {why}")
                return 77
            except SystemExit:
                processes.tell()
                raise
            finally:
                processes.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
