"""What the fault tests share: writers that know what was acknowledged to them, and the run of them around whatever is done
to the nodes meanwhile. What has to hold at the end is in settle.py.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "script"))
sys.dont_write_bytecode = True

from rig import CommandFailed, NotHere  # noqa: E402
from rig import Rig as PlainRig  # noqa: E402
from rig.orders import OrderProgram, schema_with_orders  # noqa: E402
from settle import Checks, sum_up  # noqa: E402

__all__ = ["NotHere", "Rig", "Run", "options_of", "verdict"]

ITEMS_MAX = 20_000  # of a sensor; then it goes on with updates and deletes
ORDERS_MAX = 60     # for a sensor
REFUSED_FOR_NOW = ("connection", "stopping", "ended", "closed", "reset", "disk I/O error", "disk is full", "a sync failed")
TIME = "2026-01-02T03:04:05.000Z"


class Rig(PlainRig):
    """Nodes that know orders, and to which a fault is urgent."""

    def __init__(self, **options):
        super().__init__(**options)
        self.schema = schema_with_orders(self)

    def node(self, *args, **kwargs):
        node = super().node(*args, **kwargs)
        node.config["policies"] = [{"plugin": "policy-onetable", "config": {"lanes": {"Fault": "urgent"}}}]
        return node


class Writer(threading.Thread):
    """Writes to one node until told to stop; knows what was acknowledged. A write that failed is done again, so that at
    the end every one of them is acknowledged."""

    def __init__(self, node, seed):
        super().__init__(daemon=True)
        self.node = node
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.error = None
        self.number = 0

    def run(self):
        try:
            while not self.stopping.is_set():
                self.step()
                time.sleep(self.random.uniform(0, 0.02))
        except Exception as error:  # told at the end
            self.error = error

    def until_done(self, *args, stdin=None, also=()):
        """also: exit codes that say that it was done the first time, when the answer was lost."""
        deadline = time.monotonic() + 120
        while True:
            done = self.node.attempt(*args, stdin=stdin)
            if done.code == 0 or done.code in also:
                return
            if done.code not in (1, 3) or time.monotonic() > deadline:
                raise CommandFailed(args, done.code, done.err)
            if done.code == 1 and not any(words in done.err for words in REFUSED_FOR_NOW):
                raise CommandFailed(args, done.code, done.err)
            time.sleep(0.05)

    def put(self, model, items):
        self.until_done("put", model, "-", stdin="".join(json.dumps(item) + "\n" for item in items))


class Written:
    """What a writer knows of one model."""

    def __init__(self):
        self.expected = {}    # id -> content: what must be at the server
        self.removed = set()  # ids that must not


class SensorWriter(Writer):
    """New readings, newer states of some, deletes of others; faults, each in one transaction with a reading; a status that
    counts; and it runs the orders that come."""

    def __init__(self, node, seed):
        super().__init__(node, seed)
        self.written = {"Reading": Written(), "Fault": Written()}
        self.program = OrderProgram(node.folder / "program")
        self.broken_off = set()  # orders that somebody may have been killed inside of

    @staticmethod
    def content(model, item):
        return item["temperature"] if model == "Reading" else item["message"]

    def reading(self, id_):
        value = self.written["Reading"].expected[id_] = self.random.randint(0, 1_000_000)
        return {"id": id_, "station": "s", "time": TIME, "temperature": value}

    def fault(self, id_):
        text = self.written["Fault"].expected[id_] = f"value {self.random.randint(0, 1_000_000)}"
        return {"id": id_, "device": "d", "time": TIME, "severity": "info", "subject": "s", "message": text}

    def fresh_id(self):
        self.number += 1
        return f"{self.node.agent}-{self.number:07d}"

    def step(self):
        readings = self.written["Reading"]
        fresh = self.random.randint(1, 60) if len(readings.expected) < ITEMS_MAX else 0
        ids = [self.fresh_id() for _ in range(fresh)]
        if readings.expected and self.random.random() < 0.5:
            ids += self.random.sample(sorted(readings.expected), min(5, len(readings.expected)))
        self.put("Reading", [self.reading(id_) for id_ in ids])
        if self.random.random() < 0.5:
            id_ = self.fresh_id()
            self.until_done("tx", "-", stdin=json.dumps([
                {"model": model, "mode": "upsert", "properties": item}
                for model, item in (("Fault", self.fault(id_)), ("Reading", self.reading(id_)))]))
        if len(readings.expected) > 20 and self.random.random() < 0.3:
            gone = self.random.choice(sorted(readings.expected))
            self.until_done("remove", "Reading", "station=s", f"id={gone}", also=(4,))
            del readings.expected[gone]
            readings.removed.add(gone)
        self.put("Status", [{"state": f"after {self.number}"}])
        if self.random.random() < 0.2:
            self.run_orders()

    def run_orders(self):
        before = self.program.runs()
        done = subprocess.run([str(self.node.rig.tidegate), "command", "run", "Order", "--once", "--api", str(self.node.socket),
                               "--", str(self.program.path)], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            self.broken_off |= {name for name, times in self.program.runs().items() if times != before.get(name, 0)}


class CloudWriter(Writer):
    """Settings for one sensor each and for all, and deletes of them; orders for each sensor."""

    def __init__(self, node, seed, agents):
        super().__init__(node, seed)
        self.settings = {}  # (agent, name) -> value
        self.orders = {agent: set() for agent in agents}

    def step(self):
        agent, name = self.random.choice([0, *self.orders]), f"n{self.random.randint(0, 30)}"
        if (agent, name) in self.settings and self.random.random() < 0.3:
            self.until_done("remove", "Config", f"name={name}", "--owner", agent, also=(4,))
            del self.settings[(agent, name)]
        else:
            self.number += 1
            self.settings[(agent, name)] = str(self.number)
            self.until_done("put", "Config", json.dumps({"name": name, "value": str(self.number)}), "--to", agent)
        if agent != 0 and self.random.random() < 0.3 and len(self.orders[agent]) < ORDERS_MAX:
            order = f"o{agent}-{self.number}"
            self.orders[agent].add(order)
            self.until_done("put", "Order", json.dumps({"name": order}), "--to", agent)
        time.sleep(0.03)


class Run:
    """One run of a fault test. disturb(writers) does what the test is about while all nodes are written to, and says with
    note() what; undo() makes everything whole again."""

    def __init__(self, rig, tree, seed):
        self.rig = rig
        self.cloud, self.gateway, self.sensors = tree
        self.checks = Checks()
        self.writers = [SensorWriter(sensor, seed + sensor.agent) for sensor in self.sensors]
        self.cloud_writer = CloudWriter(self.cloud, seed + 1, [sensor.agent for sensor in self.sensors])

    def failed(self):
        return any(writer.error for writer in (*self.writers, self.cloud_writer))

    def note(self, text):
        written = sum(writer.number for writer in (*self.writers, self.cloud_writer))
        print(f"{text}; {written} writes acknowledged", flush=True)

    def go(self, disturb, undo=lambda: None):
        everybody = [*self.writers, self.cloud_writer]
        for writer in everybody:
            writer.start()
        try:
            disturb(self)
        finally:
            for writer in everybody:
                writer.stopping.set()
        undo()
        for writer in everybody:
            writer.join(180)
        try:
            sum_up(self.checks, self.cloud, self.gateway, self.sensors, self.writers, self.cloud_writer)
        except Exception as error:  # a node that does not answer any more is a failure too
            self.checks.that(False, str(error))
        if self.checks.failed:
            for node in self.rig.nodes:
                print(f"--- {node.name}, end of its log\n{node.tail(15)}")
        if self.rig.keep:
            print(f"replicas and logs: {self.rig.folder}")
        return self.checks.failed


def options_of(program, description, what, count):
    """--WHAT N, --seed S, --keep; with `seed` drawn if it was not said, and the command `again` that repeats the run."""
    parser = argparse.ArgumentParser(prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(f"--{what}", dest="count", metavar="N", type=int, default=count, help=f"how many ({count})")
    parser.add_argument("--seed", type=int, default=None, help="a number; random if not said")
    parser.add_argument("--keep", action="store_true", help="leave the folder with replicas and logs")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    options.again = f"{program} --{what} {options.count} --seed {options.seed}"
    print(f"seed {options.seed}; again with: {options.again}", flush=True)
    return options


def verdict(failed, again):
    return f"{failed} checks FAILED; again with: {again}" if failed else "nothing was lost"
