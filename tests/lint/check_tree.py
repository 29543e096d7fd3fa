#!/usr/bin/env python3
"""Where files stand and what they are called: tests mirror sources, every source is built, names say something."""
import os
import re

import tree

TOP = {
    "CMakeLists.txt", "CMakePresets.json", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md",
    "CHANGELOG.md", "LICENSE", "NOTICE", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore",
    ".gitattributes", ".ci", "node", "crypto", "storage", "protocol", "tests", "ops",
}
UNSEEN = {".git", "build", "compile_commands.json"}  # never committed (.gitignore)
ROOMS = ("crypto", "protocol", "storage", "node")
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "impl", "base"}
VAGUE_TYPE = re.compile(r"\b(?:class|struct|enum(?: class)?)\s+(\w*(?:Util|Utils|Helper|Common|Misc|Manager|Impl|Base))\b")
NAMED_SO = {"crypto/base", "tests/crypto/base"}
# Spelled in halves so that this file does not find itself.
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
PLACES = re.compile(r"/" + r"(?:work/(?:main|wt|shared)|home/[a-z]\w*|root/\w+|Users/\w+)\b")


def top_level(root):
    for name in sorted(os.listdir(root)):
        if name in TOP or name in UNSEEN or re.match(r"build-|.*\.swp$", name):
            continue
        yield f"{name}: the layout has no such entry at the top"


def mirrors(paths):
    known = set(paths) | {os.path.dirname(p) for p in paths}
    for path in paths:
        parts = path.split("/")
        if parts[0] != "tests" or len(parts) < 3 or parts[1] not in ROOMS or not path.endswith("_test.cc"):
            continue
        source = "/".join(parts[1:])[: -len("_test.cc")]
        if not {source, source + ".h", source + ".cc"} & known:
            yield f"{path}: tests no source; {source}.h, {source}.cc or {source}/ is not there"


def built(root, paths):
    listed = set()
    for path in paths:
        if os.path.basename(path) != "CMakeLists.txt":
            continue
        text = re.sub(r"#[^\n]*", "", tree.read(root, path))
        for name in re.findall(r"[\w./${}-]+\.cc\b", text):
            name = re.sub(r"^\$\{(CMAKE|PROJECT|tocsin)_SOURCE_DIR\}/", "/", name)
            at = name[1:] if name.startswith("/") else os.path.join(os.path.dirname(path), name)
            listed.add(os.path.normpath(at.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")))
    for path in paths:
        if path.endswith(".cc") and path not in listed:
            yield f"{path}: no CMakeLists.txt lists it"


def names(root, paths):
    folders = {folder for p in paths for folder in parents(p)}
    for path in sorted(folders | set(paths)):
        stem = os.path.basename(path).split(".")[0]
        if path not in NAMED_SO and VAGUE & set(re.split(r"[_-]", stem.lower())):
            yield f"{path}: the name says nothing; name it by a noun of the domain"
    for path in paths:
        if tree.is_cpp(path):
            for hit in VAGUE_TYPE.finditer(tree.code_of(tree.read(root, path))):
                yield f"{path}: type {hit.group(1)}: the name says nothing"


def parents(path):
    folder = os.path.dirname(path)
    while folder:
        yield folder
        folder = os.path.dirname(folder)


def contents(root, paths):
    for path in paths:
        text = tree.read(root, path)
        if text is None:
            continue
        if text.strip() == "" and os.path.basename(path) != "CMakeLists.txt":
            yield f"{path}: empty"
        for pattern, why in ((MARKS, "a mark left over; an issue carries what is left"), (PLACES, "a path of one machine")):
            for hit in pattern.finditer(text):
                yield f"{path}:{tree.line_of(text, hit.start())}: {hit.group(0)}: {why}"
        if text.startswith("#!") and not os.access(os.path.join(root, path), os.X_OK):
            yield f"{path}: starts with #! but has no run bit"
        if path.endswith((".pb.h", ".pb.cc")):
            yield f"{path}: generated code is never committed"


def limits(root, paths):
    """Rows of ARCHITECTURE.md's table of limits name a constant and the file that has it."""
    if "ARCHITECTURE.md" not in paths:
        return
    for name, place in re.findall(r"^\| `(k\w+)` \|.*\| (\S+) \|$", tree.read(root, "ARCHITECTURE.md"), re.MULTILINE):
        if place not in paths or not re.search(rf"\b{name}\b", tree.read(root, place)):
            yield f"ARCHITECTURE.md: {place} has no {name}"


def check(root):
    paths = [p for p in tree.files(root) if p.split("/")[0] in TOP]
    return [*top_level(root), *mirrors(paths), *built(root, paths), *names(root, paths), *contents(root, paths),
            *limits(root, paths)]


if __name__ == "__main__":
    tree.run("check_tree", check)
