"""Gets the outside programs, each from where its makers publish it, into a cache; whatever cannot be had is Missing."""
import glob
import os
import re
import shutil
import subprocess

TORCHWOOD, TESSERA, MERKLE = ("filippo.io/torchwood", "v0.6.1"), ("github.com/transparency-dev/tessera", "v1.0.4"), \
    ("github.com/transparency-dev/merkle", "v0.0.2")
SIGSTORE = "@sigstore/verify@3.1.1"
HERE = os.path.dirname(os.path.abspath(__file__))


class Missing(Exception):
    pass


class Tools:
    def __init__(self, cache, install):
        self.cache, self.install = cache, install
        os.makedirs(os.path.join(cache, "bin"), exist_ok=True)

    def step(self, *words, **more):
        done = subprocess.run(words, capture_output=True, text=True, **more)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise Missing(f"`{' '.join(words)}` failed: {said[-1] if said else done.returncode}")
        return done.stdout

    def installed(self, path, what):
        """The path, when it is there; Missing when nothing may be installed."""
        if os.path.exists(path):
            return path
        if not self.install:
            raise Missing(f"{what} is not in {self.cache}; --install gets it")
        return None

    @staticmethod
    def program(name):
        if not shutil.which(name):
            raise Missing(f"{name} is not installed")
        return name

    def go(self, name, modules):
        """A program of this folder, built on modules of the Go module proxy."""
        self.program("go")
        folder, program = os.path.join(self.cache, name), os.path.join(self.cache, "bin", name)
        os.makedirs(folder, exist_ok=True)
        if not self.installed(os.path.join(folder, "go.sum"), f"{name} with {modules[0][0]}"):
            if not os.path.exists(os.path.join(folder, "go.mod")):
                self.step("go", "mod", "init", name, cwd=folder)
            shutil.copy(os.path.join(HERE, name, name + ".go"), folder)
            self.step("go", "get", *(f"{module}@{version}" for module, version in modules), cwd=folder)
        shutil.copy(os.path.join(HERE, name, name + ".go"), folder)
        self.step("go", "build", "-mod=mod", "-o", program, ".", cwd=folder)
        return program

    def reader(self):
        return self.go("reader", [TORCHWOOD])

    def checker(self):
        return self.go("checker", [TESSERA, MERKLE])

    def litewitness(self):
        self.program("go")
        program = os.path.join(self.cache, "bin", "litewitness")
        if not self.installed(program, "litewitness"):
            environment = {**os.environ, "GOBIN": os.path.dirname(program)}
            self.step("go", "install", f"{TORCHWOOD[0]}/cmd/litewitness@{TORCHWOOD[1]}", env=environment)
        return program

    def sigsum(self):
        """The folder of sigsum-witness and sigsum-key, as Debian's backports have them; nothing is installed."""
        found = shutil.which("sigsum-witness")
        if found:
            return os.path.dirname(found)
        unpacked = os.path.join(self.cache, "sigsum")
        programs = os.path.join(unpacked, "usr/bin")
        if not self.installed(os.path.join(programs, "sigsum-witness"), "sigsum-witness"):
            self.program("apt-get")
            options = self.backports(os.path.join(self.cache, "apt"))
            self.step("apt-get", *options, "update")
            self.step("apt-get", *options, "download", "sigsum-go", cwd=os.path.join(self.cache, "apt"))
            package = sorted(glob.glob(os.path.join(self.cache, "apt", "sigsum-go_*.deb")))[-1]
            self.step("dpkg", "-x", package, unpacked)
        return programs

    def wrk(self):
        """The program and the environment it needs, unpacked from Debian's packages when it is not installed."""
        if shutil.which("wrk"):
            return "wrk", dict(os.environ)
        unpacked = os.path.join(self.cache, "wrk")
        if not self.installed(os.path.join(unpacked, "usr/bin/wrk"), "wrk"):
            self.program("apt-get")
            folder = os.path.join(self.cache, "deb")
            os.makedirs(folder, exist_ok=True)
            self.step("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "wrk", "libluajit-5.1-2", cwd=folder)
            for package in glob.glob(os.path.join(folder, "*.deb")):
                self.step("dpkg", "-x", package, unpacked)
        libraries = ":".join(glob.glob(os.path.join(unpacked, "usr/lib/*")))
        return os.path.join(unpacked, "usr/bin/wrk"), {**os.environ, "LD_LIBRARY_PATH": libraries}

    @staticmethod
    def backports(folder):
        """apt's options for the backports of the archive that this machine already uses, lists and all in the folder."""
        for name in ("lists/partial", "cache/archives/partial", "sources"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open("/etc/os-release", encoding="utf-8") as file:
            release = re.search("^VERSION_CODENAME=\"?(\\w+)", file.read(), re.M)
        for name in [*glob.glob("/etc/apt/sources.list.d/*"), "/etc/apt/sources.list"]:
            if not release or not os.path.isfile(name):
                continue
            with open(name, encoding="utf-8") as file:
                text = file.read()
            found = re.search(rf"^URIs: (\S+)\nSuites: {release[1]}\b", text, re.M) or re.search(
                rf"^deb (?:\[.*\] )?(\S+) {release[1]} ", text, re.M)
            keys = re.search("^Signed-By: (.*)$", text, re.M)
            if found:
                signed = f" [signed-by={keys[1]}]" if keys else ""
                with open(os.path.join(folder, "sources", "backports.list"), "w", encoding="utf-8") as file:
                    file.write(f"deb{signed} {found[1]} {release[1]}-backports main\n")
                return ["-qq", "-o", "APT::Sandbox::User=root", "-o", "Dir::Etc::sourcelist=/dev/null",
                        "-o", f"Dir::Etc::sourceparts={folder}/sources", "-o", f"Dir::State::lists={folder}/lists",
                        "-o", f"Dir::Cache={folder}/cache"]
        raise Missing("this machine is not a Debian with an archive")

    def sigstore(self):
        """The module's folder."""
        self.program("node")
        module = os.path.join(self.cache, "npm/node_modules/@sigstore/verify")
        if not self.installed(module, SIGSTORE):
            self.program("npm")
            os.makedirs(os.path.join(self.cache, "npm"), exist_ok=True)
            self.step("npm", "install", "--no-audit", "--no-fund", "--prefix", os.path.join(self.cache, "npm"), SIGSTORE)
        if not os.path.exists(os.path.join(module, "dist/tlog/merkle.js")):
            raise Missing(f"{SIGSTORE} has another layout than this test knows")
        return module
