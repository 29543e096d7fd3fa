#!/usr/bin/env python3
"""Reads logs of `ctest -V`; prints what failed and the figures, then `N passed, N failed, N skipped`.

A Catch2 program counts as many as it has test cases, another entry counts one. A test case that ends with a line
`skipped: ...` (official vectors that are not beside the tree) counts as skipped. Exit 1 when anything failed or
a log holds no test.
"""
import re
import sys

RESULT = re.compile(r"^ *\d+/\d+ Test +#(\d+): (\S+) \.*(.*?) +[\d.]+ sec")
OUTPUT = re.compile(r"^(\d+): (.*)$")
ALL_PASSED = re.compile(r"All tests passed \(\d+ assertions? in (\d+) test cases?\)")
SOME_FAILED = re.compile(r"test cases: +(\d+)(.*)")
NOISE = ("Test command:", "Working Directory:", "Test timeout computed")
TAIL = 40


def counts(lines, verdict):
    """(passed, failed, skipped) of one entry."""
    skipped = sum(1 for line in lines if line.startswith("skipped:"))
    if "Skipped" in verdict:
        return 0, 0, 1
    good = verdict.strip() == "Passed"
    for line in reversed(lines):
        if good and (found := ALL_PASSED.search(line)):
            return int(found.group(1)) - skipped, 0, skipped
        if not good and (found := SOME_FAILED.match(line)):
            failed = re.search(r"(\d+) failed", found.group(2))
            failed = max(1, int(failed.group(1)) if failed else 1)
            return max(0, int(found.group(1)) - failed - skipped), failed, skipped
    return (1, 0, skipped) if good else (0, 1, skipped)


def read(path):
    """The log's entries as [(name, verdict, output lines)]."""
    output, entries = {}, []
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            line = line.rstrip("\n")
            if found := OUTPUT.match(line):
                if not found.group(2).startswith(NOISE):
                    output.setdefault(found.group(1), []).append(found.group(2))
            elif found := RESULT.match(line):
                entries.append((found.group(2), found.group(3).strip("* "), output.get(found.group(1), [])))
    return entries


def main(paths):
    total, sound, figures = [0, 0, 0], True, []
    for path in paths:
        entries = read(path)
        if not entries:
            print(f"{path}: holds no test")
            sound = False
        for name, verdict, lines in entries:
            mine = counts(lines, verdict)
            total = [a + b for a, b in zip(total, mine)]
            figures += [line.removeprefix("figures: ") for line in lines if line.startswith("figures: ")]
            if mine[1]:
                print(f"\n{name}: {verdict}; the end of what it printed (all of it: {path})")
                print("\n".join("  " + line for line in lines[-TAIL:]))
    print("".join(line + "\n" for line in figures), end="")
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 0 if sound and total[1] == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
