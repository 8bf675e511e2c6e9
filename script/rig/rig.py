"""A folder with brokers and nodes; everything ends when it is closed."""
import os
import pathlib
import shutil
import tempfile
import time

from .broker import Broker
from .node import Node

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def wait_until(condition, what, timeout_s=60, step_s=0.05):
    """Waits until condition() is true and returns it; a watchdog, not a measure."""
    deadline = time.monotonic() + timeout_s
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s for: {what}")
        time.sleep(step_s)


def installed_root():
    """Where the programs under test were installed: TIDEGATE_ROOT, or a build's root."""
    named = os.environ.get("TIDEGATE_ROOT")
    candidates = [pathlib.Path(named)] if named else [ROOT / "build" / kind / "root" for kind in ("demo", "asan", "dev")]
    for candidate in candidates:
        if (candidate / "bin" / "tidegated").exists():
            return candidate
    raise SystemExit(f"no installed tidegated in {', '.join(map(str, candidates))}: set TIDEGATE_ROOT, "
                     "or run script/demo or script/test, which build and install it")


class Rig:
    def __init__(self, keep=False, schema=None):
        self.root = installed_root()
        self.tidegated = self.root / "bin" / "tidegated"
        self.tidegate = self.root / "bin" / "tidegate"
        self.plugin_dir = next(self.root.glob("lib/**/tidegate/plugins"))
        self.schema = pathlib.Path(schema or ROOT / "schemas" / "examples" / "device.json5")
        # A short path: a Unix socket's may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tg-"))
        self.keep = keep
        self.brokers = []
        self.nodes = []

    def broker(self, name="broker", lines=()):
        broker = Broker(self.folder, name, lines).start()
        self.brokers.append(broker)
        return broker

    def node(self, *args, **kwargs):
        node = Node(self, *args, **kwargs)
        self.nodes.append(node)
        return node

    def tree(self, devices=1, sync=None, first_agent=101):
        """A server (1), a router (10) and devices, each link with a broker of its own: not started."""
        cloud = self.broker("cloud-broker")
        gateway = self.broker("gateway-broker")
        server = self.node("cloud", "server", 1, downlink={"port": cloud.port, "prefix": "cloud"}, sync=sync)
        router = self.node("gateway", "router", 10, uplink={"port": cloud.port, "prefix": "cloud"},
                           downlink={"port": gateway.port, "prefix": "plant"}, sync=sync)
        sensors = [self.node(f"sensor{i + 1}", "device", first_agent + i,
                             uplink={"port": gateway.port, "prefix": "plant"}, sync=sync) for i in range(devices)]
        return server, router, sensors

    def close(self):
        for node in self.nodes:
            if node.running():
                node.process.terminate()
        for node in self.nodes:
            try:
                node.stop()
            except Exception:  # it did not end in time
                node.kill()
        for broker in self.brokers:
            broker.stop()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            for node in self.nodes:
                print(f"--- {node.name} (agent {node.agent}), end of its log\n{node.tail(15)}")
        self.close()
