#!/usr/bin/env python3
"""Opens verify.html from file:// in a real, headless Chromium and checks bundles of the tamper corpus with it, by the browser's Ed25519 and by the page's own.

    verify_page_test.py TAMPER_CORPUS [--samples N] [--picture FOLDER]

The page must say what the library says, as far as it judges (steps V1 to V8). Exit 77 (skipped) without a browser; CHROMIUM names one that is not on the path.
Speaks the DevTools protocol over a pipe, so no port is opened.
"""
import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "protocol/verify/verify.html"
JUDGED = {f"V{n}" for n in range(1, 9)}
UNJUDGED = {"V5.range", "V7.cut", "V7.unproved", "V7.index-proof", "V7.index-root", "V8.schema"}  # the page says that it leaves these to tocsin-verify

OTHERWISE = {"V2.manifest": {"V2.signature"}, "V4.equivocation": {"V4.inconsistent"}}  # what the page calls the same thing


class Browser:
    def __init__(self, program, profile):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()

        def pipes():
            # Chromium reads commands from descriptor 3 and answers on 4.
            a, b = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=pipes, pass_fds=(3, 4, theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.reader, self.writer = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")
        self.count, self.session, self.buffer, self.violations = 0, None, b"", []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Network", "Log"):
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.buffer:
            more = os.read(self.reader.fileno(), 1 << 16)
            if not more:
                raise RuntimeError("the browser ended")
            self.buffer += more
        text, self.buffer = self.buffer.split(b"\0", 1)
        said = json.loads(text)
        if said.get("method") == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
            self.violations.append(said["params"]["entry"]["text"])
        if said.get("method") == "Runtime.exceptionThrown":
            self.violations.append(json.dumps(said["params"]["exceptionDetails"])[:300])
        if said.get("method") == "Network.requestWillBeSent" and not said["params"]["request"]["url"].startswith("file:"):
            self.violations.append("request to " + said["params"]["request"]["url"])
        return said

    def call(self, method, **params):
        self.count += 1
        command = {"id": self.count, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        self.writer.write(json.dumps(command).encode() + b"\0")
        self.writer.flush()
        while True:
            said = self.message()
            if said.get("id") == self.count:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                return said.get("result", {})

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        while self.value("document.readyState") != "complete":
            pass

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (RuntimeError, OSError):
            pass
        self.process.wait(timeout=20)


# Resolves once the page has judged a file chosen after the call.
JUDGE = """new Promise(resolve => {
  const done = () => document.body.dataset.exit !== undefined && resolve({ exit: document.body.dataset.exit, codes: document.body.dataset.codes || "",
    text: document.querySelector("#verdict").textContent + " " + document.querySelector("#findings").textContent });
  new MutationObserver(done).observe(document.body, { attributes: true }); done(); })"""


def judged(browser, bundle, policy):
    browser.value("delete document.body.dataset.exit; delete document.body.dataset.codes; document.querySelector('#file').value = '';"
                  f"document.querySelector('#trust').value = {json.dumps(policy)}")
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    node = browser.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=node, files=[str(bundle)])
    return browser.value(JUDGE)


def check(browser, sample):
    expected = json.loads((sample / "expected").read_text(encoding="utf-8"))
    if len(list(sample.glob("bundle*.tar"))) != 1 or list(sample.glob("kept*")) or "--now" in (sample / "arguments").read_text():
        return None  # the page is handed one bundle and no clock
    theirs = set(expected["codes"])
    if not {code.split(".")[0] for code in theirs} <= JUDGED or theirs & UNJUDGED:
        return None
    part = b"tocsin-scope/1\nevidence" in (sample / "bundle0.tar").read_bytes()
    if part and (not theirs or theirs & {"V8.withheld", "V1.unexpected"}):
        return None  # that a part is whole, and has no other files, is left to tocsin-verify, too
    said = judged(browser, sample / "bundle0.tar", (sample / "trust.policy").read_text(encoding="utf-8"))
    mine = set(said["codes"].split())
    if "V0.range" in mine:
        return None  # the page says that it leaves ranges to tocsin-verify
    for code in theirs & OTHERWISE.keys():
        theirs = theirs | OTHERWISE[code]
    if str(expected["exit"]) == said["exit"] and (not theirs or mine & theirs):
        return True
    print(f"{sample.name}: the page says exit {said['exit']} {sorted(mine)}; the library {expected['exit']} {sorted(theirs)}")
    return False


def pictures(browser, folder, sample):
    folder.mkdir(parents=True, exist_ok=True)
    policy = (sample / "trust.policy").read_text(encoding="utf-8")
    for name, width, scheme in (("desktop", 1000, "light"), ("dark", 1000, "dark"), ("phone", 380, "light")):
        browser.call("Emulation.setDeviceMetricsOverride", width=width, height=1100, deviceScaleFactor=1, mobile=width < 500)
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        judged(browser, sample / "bundle0.tar", policy)
        browser.value("document.querySelectorAll('details').forEach((d, i) => { d.open = i === 7; })")
        (folder / f"{name}.png").write_bytes(base64.b64decode(browser.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--picture", type=pathlib.Path)
    arguments = parser.parse_args()
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("skipped: no Chromium here (apt-get install chromium, or set CHROMIUM)")
        return 77
    failed = checked = 0
    with tempfile.TemporaryDirectory() as scratch:
        samples = pathlib.Path(scratch) / "samples"
        subprocess.run([arguments.corpus, "--count", str(230 * arguments.samples), "--good", str(8 * arguments.samples), "--sample", str(arguments.samples),
                        "--keep", str(samples), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        browser = Browser(program, os.path.join(scratch, "profile"))
        try:
            for mode in ("", "#own-ed25519"):
                browser.open(PAGE.as_uri() + mode)
                for sample in sorted(samples.iterdir()):
                    verdict = check(browser, sample)
                    checked += verdict is not None
                    failed += verdict is False
            alone = judged(browser, samples / "good-0" / "bundle0.tar", "")
            if alone["exit"] != "0" or "names itself" not in alone["text"]:
                print(f"without a key the page must not vouch: {alone}")
                failed += 1
            if arguments.picture:
                pictures(browser, arguments.picture, samples / "good-0")
            for violation in browser.violations:
                print("the page caused:", violation)
            failed += len(browser.violations)
        finally:
            browser.close()
    print(f"{checked} bundles checked in {os.path.basename(program)}, {failed} wrong")
    return 1 if failed or checked < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
