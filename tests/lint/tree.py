"""What the lints share: the files of the tree, C++ without comments and strings, and how a finding is printed."""
import functools
import os
import re
import sys

SKIPPED = re.compile(r"^(\.git|build|build-.*|__pycache__|node_modules)$")
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def files(root):
    """Every file, as a sorted list of paths from the root with forward slashes."""
    found = []
    for folder, names, leaves in os.walk(root):
        names[:] = sorted(n for n in names if not SKIPPED.match(n))
        at = os.path.relpath(folder, root)
        for leaf in leaves:
            path = leaf if at == "." else f"{at}/{leaf}"
            if not os.path.islink(os.path.join(root, path)):
                found.append(path)
    return sorted(found)


def read(root, path):
    """The text of a file, or None where it is not text."""
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    if b"\0" in data[:4096]:
        return None
    return data.decode("utf-8", errors="replace")


def is_cpp(path):
    return path.endswith((".h", ".cc"))


@functools.lru_cache(maxsize=None)
def code_of(text):
    """C++ with comments and the insides of strings blanked out, line by line as before."""
    return TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


@functools.lru_cache(maxsize=None)
def includes(text):
    """[(line, bracket, path)] of every include directive."""
    return [(text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2)) for m in INCLUDE.finditer(text)]


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def run(name, check):
    """Runs check(root) -> list of findings; prints them; exits 1 when there are any."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {name} ROOT")
    findings = check(os.path.abspath(sys.argv[1]))
    for finding in findings:
        print(finding)
    print(f"{name}: {len(findings)} findings" if findings else f"{name}: clean")
    sys.exit(1 if findings else 0)
