"""A network of the test's own: namespaces for the nodes, joined by links that lose, delay and cut (wan_emulator.py)."""
import json
import pathlib
import subprocess
import sys

from load import NotHere

EMULATOR = pathlib.Path(__file__).resolve().parent / "wan_emulator.py"
WHOLE = {"loss": 0, "delay_ms": 1, "jitter_ms": 0, "kbit_s": 0, "cut": False}


class Link:
    def __init__(self, wan, name):
        self.wan = wan
        self.name = name

    def set(self, toward=None, **fields):
        self.wan.ask(**{"set": self.name, **({"toward": toward} if toward else {}), **fields})

    def mend(self):
        self.set(**WHOLE)

    def stats(self):
        return self.wan.ask(stats=self.name)


class Wan:
    """with Wan() as wan: the namespaces end with it, and with this process, however that ends."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, str(EMULATOR)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.links = []
        self.spaces = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the emulator ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def make(self, **what):
        try:
            return self.ask(**what)
        except RuntimeError as error:
            raise NotHere(f"no network of our own can be made here: {error}; it needs root, network namespaces and "
                          "/dev/net/tun") from error

    def space(self, name):
        """What a program has to be run under to live there; it dies with this one, and the namespace with it."""
        self.spaces[name] = ("setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={self.make(space=name)}", "--")
        return self.spaces[name]

    def link(self, name, one, two):
        """Between (space, address) and (space, address)."""
        self.make(link=name, ends=[list(one), list(two)])
        self.links.append(Link(self, name))
        self.links[-1].mend()
        return self.links[-1]
