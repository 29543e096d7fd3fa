#!/usr/bin/env python3
"""Lengths, header guards and header comments. ratchet.json holds the exceptions there are; it only shrinks."""
import json
import os
import re

import tree

FILE_LINES_MAX = 800
LINE_CHARS_MAX = 110
RAW = re.compile(r'R"([^(\s]*)\(.*?\)\1"', re.DOTALL)
CODE = (".cc", ".h", ".py")


def ratchet(root):
    with open(os.path.join(root, "tests/lint/ratchet.json"), encoding="utf-8") as file:
        return json.load(file)


def verbatim(text):
    """Numbers of the lines inside raw strings: text for people, laid out for their terminal."""
    inside = set()
    for raw in RAW.finditer(text):
        inside.update(range(tree.line_of(text, raw.start()), tree.line_of(text, raw.end()) + 1))
    return inside


def lengths(path, lines, allowed):
    """Findings about one file's length and width."""
    limit = allowed["file_lines"].get(path, FILE_LINES_MAX)
    if len(lines) > limit:
        yield f"{path}: {len(lines)} lines; at most {limit}"
    if not tree.is_cpp(path):
        return
    wide = [n for n, line in enumerate(lines, 1) if len(line) > LINE_CHARS_MAX and "://" not in line]
    if wide:
        inside = verbatim("\n".join(lines))
        wide = [n for n in wide if n not in inside]
    if len(wide) > allowed["wide_lines"].get(path, 0):
        yield f"{path}:{wide[-1]}: {len(wide)} lines over {LINE_CHARS_MAX} characters"


def header(path, lines):
    """Findings about how a header begins."""
    if not lines or lines[0] != "#pragma once":
        yield f"{path}:1: a header's first line is #pragma once"
    if not any(line.startswith("// ") for line in lines[1:4]):
        yield f"{path}:2: no header comment: what it is, what it guarantees, who may call it"


def check(root):
    allowed, findings = ratchet(root), []
    for path in tree.files(root):
        if not path.endswith(CODE):
            continue
        lines = tree.read(root, path).splitlines()
        findings += lengths(path, lines, allowed)
        if path.endswith(".h"):
            findings += header(path, lines)
    for kind in allowed.values():
        findings += [f"tests/lint/ratchet.json: {path} is not there any more" for path in kind
                     if not os.path.exists(os.path.join(root, path))]
    return findings


if __name__ == "__main__":
    tree.run("check_style", check)
