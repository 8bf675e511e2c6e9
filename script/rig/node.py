"""One tidegated with its configuration, and the tidegate command pointed at it."""
import json
import pathlib
import signal
import subprocess
import time
from typing import NamedTuple


class Done(NamedTuple):
    """How a program ended."""
    code: int
    out: str
    err: str


class CommandFailed(Exception):
    def __init__(self, argv, code, text):
        super().__init__(f"{' '.join(map(str, argv))} -> exit {code}: {text.strip()}")
        self.code = code
        self.text = text


def yaml_of(value, indent=0):
    """The few shapes of YAML that a configuration needs."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and inner:
                lines.append(f"{pad}{key}:\n{yaml_of(inner, indent + 1)}")
            else:
                lines.append(f"{pad}{key}: {json.dumps(inner)}")
        return "\n".join(lines)
    lines = []
    for inner in value:
        if isinstance(inner, (dict, list)):
            lines.append(f"{pad}-\n{yaml_of(inner, indent + 1)}")
        else:
            lines.append(f"{pad}- {json.dumps(inner)}")
    return "\n".join(lines)


class Node:
    """name, role and agent; uplink and downlink: dicts for transport-mqtt, or None."""

    def __init__(self, rig, name, role, agent, uplink=None, downlink=None, level=None, sync=None, schema=None,
                 storage="storage-sqlite", extra=None):
        self.rig = rig
        self.name = name
        self.role = role
        self.agent = agent
        self.folder = pathlib.Path(rig.folder) / name
        self.folder.mkdir(exist_ok=True)
        self.socket = self.folder / "api.sock"
        self.log = self.folder / "log"
        self.config_path = self.folder / "tidegate.yaml"
        self.process = None
        self.under = ()
        self.told_to_end = False
        self.config = {
            "node": {"role": role, "agent": agent},
            "api": {"socket": str(self.socket)},
            "plugin_dir": str(rig.plugin_dir),
            "storage": {"plugin": storage, "config": {"path": str(self.folder / "replica.db")}},
            "policies": [{"plugin": "policy-onetable"}],
            "schemas": [str(schema or rig.schema)],
            "transports": [],
            "sync": {"sync_delay": "200ms", **(sync or {})},
        }
        if storage == "storage-memory":
            self.config["storage"]["config"] = {}
        if level is not None:
            self.config["node"]["level"] = level
        for side, settings in (("parent", uplink), ("child", downlink)):
            if settings is not None:
                self.config["transports"].append({
                    "name": "uplink" if side == "parent" else "downlink",
                    "plugin": "transport-mqtt",
                    "sides": [side],
                    "config": {"side": side, "host": "127.0.0.1", **settings},
                })
        if not self.config["transports"]:
            del self.config["transports"]
        self.config.update(extra or {})

    def check(self):
        """tidegated --check on this node's configuration."""
        return self.rig.run_daemon("--config", self.write_config(), "--check")

    def write_config(self):
        self.config_path.write_text(yaml_of(self.config) + "\n")
        return self.config_path

    def start(self, wait=True, under=None):
        """under: a program, such as strace with its options, that runs the daemon; self.under if not said."""
        self.write_config()
        self.told_to_end = False
        self.process = subprocess.Popen([*(self.under if under is None else under), str(self.rig.tidegated), "--config", str(self.config_path)],
                                        stdout=self.log.open("ab"), stderr=subprocess.STDOUT)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self.status()
            except (CommandFailed, OSError) as error:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended with {self.process.returncode}: {self.tail()}") from error
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.name} is not ready: {error}; {self.tail()}") from error
                time.sleep(0.03)

    def tail(self, lines=8):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, signum=signal.SIGTERM, timeout_s=20):
        if self.running():
            self.told_to_end = True
            self.process.send_signal(signum)
            self.process.wait(timeout_s)
        return self.process.returncode if self.process else None

    def kill(self):
        return self.stop(signal.SIGKILL)

    def freeze(self):
        """Its connections stay, nothing moves."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def trouble(self):
        """After its end: what says that the daemon crashed, did not stop in order, or was caught by a sanitizer."""
        if self.process is None:
            return None
        code = self.process.returncode
        if code is not None and code < 0 and not (self.told_to_end and code == -signal.SIGKILL):
            return f"{self.name} was ended by signal {-code}\n{self.tail(30)}"
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        # The leak checker itself may crash while it looks at a thread that is just ending: that says nothing of us.
        checker_crashed = "LeakSanitizer has encountered a fatal error" in text
        if self.told_to_end and code not in (0, -signal.SIGKILL) and not checker_crashed:
            return f"{self.name} was told to stop and ended with {code}\n{self.tail(60)}"
        for sign in ("Sanitizer:", "runtime error:", "terminate called", "Assertion"):
            if sign in text:
                return f"{self.name}: {sign} in its log\n{text[text.index(sign) - 100 if text.index(sign) > 100 else 0:][:3000]}"
        return None

    def restart(self, signum=signal.SIGTERM):
        self.stop(signum)
        return self.start()

    def lose_disk(self):
        """Stops, and starts with an empty replica in the place of its own."""
        self.stop()
        for path in self.folder.glob("replica.db*"):
            path.unlink()
        return self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    # ---- the tidegate command ----

    def attempt(self, *args, stdin=None, timeout_s=120):
        argv = [str(self.rig.tidegate), *map(str, args), "--api", str(self.socket)]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout_s)
        return Done(done.returncode, done.stdout, done.stderr)

    def run(self, *args, **kwargs):
        done = self.attempt(*args, **kwargs)
        if done.code != 0:
            raise CommandFailed(args, done.code, done.err + done.out)
        return done.out

    def json(self, *args, **kwargs):
        return json.loads(self.run(*args, "--json", **kwargs))

    def json_lines(self, *args, **kwargs):
        return [json.loads(line) for line in self.run(*args, "--json", **kwargs).splitlines() if line.strip()]

    def put(self, model, item, *args):
        return self.json("put", model, json.dumps(item), *args)

    def put_many(self, model, items, *args):
        return self.run("put", model, "-", *args, stdin="".join(json.dumps(item) + "\n" for item in items))

    def get(self, model, *args):
        return self.json("get", model, *args)

    def find(self, model, *args):
        return self.json_lines("find", model, *args)

    def remove(self, model, *args):
        return self.run("remove", model, *args)

    def watch(self, *args):
        """A running `tidegate watch --json`, from when on it misses nothing; its lines are on stdout."""
        argv = [str(self.rig.tidegate), "watch", *map(str, args), "--json", "--ready", "--api", str(self.socket)]
        watch = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if "watching" not in watch.stderr.readline():
            raise CommandFailed(argv, watch.wait(10), watch.stderr.read())
        return watch

    def status(self):
        return self.json("status", timeout_s=10)

    def parent_link(self):
        return next((link for link in self.status()["links"] if link["is_parent"]), None)

    def child_link(self, agent):
        return next((link for link in self.status()["links"] if link["agent"] == agent), None)

    def up(self):
        """Whether the link to the parent carries."""
        return (self.parent_link() or {}).get("state") == "up"

    def quarantine(self):
        return self.json_lines("quarantine", "list")

    def digests(self):
        """{(model, owner): (count, digest)}"""
        return {(row["model"], row["owner"]): (row["count"], row["digest"]) for row in self.json_lines("verify")}

    def sync(self, to="server", timeout="60s"):
        return self.run("sync", "--wait", "--to", to, "--timeout", timeout)
