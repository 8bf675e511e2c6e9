"""A folder with brokers and nodes; everything ends when it is closed."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from .broker import Broker
from .node import Done, Node
from .relay import Relay

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
        self.relays = []
        self.nodes = []

    def broker(self, name="broker", lines=(), **where):
        broker = Broker(self.folder, name, lines, **where).start()
        self.brokers.append(broker)
        return broker

    def relay(self, broker=None):
        """A link to the broker that can be cut, slowed, thinned; without one, to that of the tree or pair made with it."""
        relay = Relay(broker.port if broker else None)
        self.relays.append(relay)
        return relay

    def run_daemon(self, *args, timeout_s=60):
        """tidegated with arguments that let it end by itself."""
        done = subprocess.run([str(self.tidegated), *map(str, args)], capture_output=True, text=True, timeout=timeout_s)
        return Done(done.returncode, done.stdout, done.stderr)

    def command(self, *args, stdin=None, env=None, timeout_s=60):
        """The tidegate command, pointed at no daemon."""
        done = subprocess.run([str(self.tidegate), *map(str, args)], input=stdin, capture_output=True, text=True,
                              timeout=timeout_s, env={**os.environ, **(env or {})})
        return Done(done.returncode, done.stdout, done.stderr)

    def node(self, *args, **kwargs):
        node = Node(self, *args, **kwargs)
        self.nodes.append(node)
        return node

    def tree(self, devices=1, first_agent=101, cloud_link=None, plant_link=None, **options):
        """A server (1), a router (10) and devices, not started. cloud_link and plant_link: relays that stand before
        the two brokers for those who dial up; options go to every node."""
        cloud = self.broker("cloud-broker")
        plant = self.broker("gateway-broker")
        if cloud_link:
            cloud_link.target_port = cloud.port
        if plant_link:
            plant_link.target_port = plant.port
        server = self.node("cloud", "server", 1, downlink={"port": cloud.port, "prefix": "cloud"}, **options)
        router = self.node("gateway", "router", 10, uplink={"port": (cloud_link or cloud).port, "prefix": "cloud"},
                           downlink={"port": plant.port, "prefix": "plant"}, **options)
        sensors = [self.node(f"sensor{i + 1}", "device", first_agent + i,
                             uplink={"port": (plant_link or plant).port, "prefix": "plant"}, **options)
                   for i in range(devices)]
        return server, router, sensors

    def started_tree(self, *args, **kwargs):
        server, router, sensors = self.tree(*args, **kwargs)
        self.start(server, router, *sensors)
        return server, router, sensors

    def pair(self, link=None, **options):
        """A server (1) and a device (101) that is its child, started. link: a relay between the device and the broker."""
        broker = self.broker()
        if link:
            link.target_port = broker.port
        server = self.node("cloud", "server", 1, downlink={"port": broker.port, "prefix": "cloud"}, **options)
        device = self.node("sensor", "device", 101, uplink={"port": (link or broker).port, "prefix": "cloud"}, **options)
        self.start(server, device)
        return server, device

    def start(self, *nodes):
        """Starts the nodes together and waits until they answer and are linked."""
        for node in nodes:
            node.start(wait=False)
        for node in nodes:
            node.wait_ready()
        self.wait_linked(*nodes)

    @staticmethod
    def wait_linked(*nodes):
        for node in nodes:
            if node.role != "server":
                wait_until(node.up, f"the uplink of {node.name}")

    def close(self):
        for node in self.nodes:
            if node.running():
                node.told_to_end = True
                node.process.terminate()
        for node in self.nodes:
            try:
                node.stop()
            except Exception:  # it did not end in time
                node.kill()
        for relay in self.relays:
            relay.close()
        for broker in self.brokers:
            broker.kill()
        troubles = [trouble for trouble in (node.trouble() for node in self.nodes) if trouble]
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return troubles

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and kind is not KeyboardInterrupt:
            for node in self.nodes:
                print(f"--- {node.name} (agent {node.agent}), end of its log\n{node.tail(15)}", flush=True)
        troubles = self.close()
        if troubles and error is None:
            raise AssertionError("\n".join(troubles))
