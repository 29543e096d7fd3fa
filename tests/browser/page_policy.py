#!/usr/bin/env python3
"""verify.html names SPEC's events and their slots, and in its content security policy its one script and its one style by hash;
this checks or mends them.

    page_policy.py [--write]      exit 1 when the page's names are not SPEC's or a hash is not that of the text
"""
import base64
import hashlib
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PAGE = os.path.join(ROOT, "protocol/verify/verify.html")
SLOT = re.compile(r"(\d+)★? ([A-Z]+)(?: ([^,(]+))?")


def named():
    """The line of the page that names the events of SPEC §4 and the slots of each."""
    with open(os.path.join(ROOT, "protocol/SPEC.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| ((?:[0-9A-F]{4} [A-Z_]+(?:, )?)+) \| (.*) \|$", file.read(), re.M)
    events = {}
    for heads, cell in rows:
        alike = re.search(r" as ([A-Z_]+)", cell)
        slots = dict(events[alike[1]][1]) if alike else {}
        for part in cell.split(" · "):
            if found := SLOT.match(part):
                slots[int(found[1])] = (found[3] or found[2].lower()).strip().replace(" ", "-")
        for code, name in re.findall(r"([0-9A-F]{4}) ([A-Z_]+)", heads):
            events[name] = code, slots
    entries = []
    for name, (code, slots) in events.items():
        words = " ".join(slots.get(slot, "-") for slot in range(max(slots) + 1))
        entries.append(f'0x{code}: ["{name.replace("_", " ").capitalize()}", "{words}"]')
    return "const EVENTS = { " + ", ".join(entries) + " };"


def sealed(page):
    page, count = re.subn(r"^const EVENTS = .*;$", lambda _: named(), page, flags=re.M)
    assert count == 1, "the page names its events once"
    for tag in ("script", "style"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        page, count = re.subn(rf"{tag}-src 'sha256-[^']*'", f"{tag}-src 'sha256-{digest}'", page)
        assert count == 1, f"the policy names its {tag} once"
    return page


def main():
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    want = sealed(page)
    if "--write" in sys.argv[1:]:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(want)
    elif page != want:
        print("verify.html: its events are not SPEC's, or its policy has another hash than its script or style; run page_policy.py --write")
        return 1
    outside = re.findall(r"(?:src|href)=|https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|fetch\(|XMLHttpRequest", page)
    if outside:
        print(f"verify.html: reaches outside or writes markup: {sorted(set(outside))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
