#!/usr/bin/env python3
"""verify.html's content security policy names its one script and its one style by hash; this checks or mends the two.

    page_policy.py [--write]      exit 1 when a hash is not that of the text
"""
import base64
import hashlib
import os
import re
import sys

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../protocol/verify/verify.html")


def sealed(page):
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
        print("verify.html: the content security policy has another hash than its script or style; run page_policy.py --write")
        return 1
    outside = re.findall(r"(?:src|href)=|https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|fetch\(|XMLHttpRequest", page)
    if outside:
        print(f"verify.html: reaches outside or writes markup: {sorted(set(outside))}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
