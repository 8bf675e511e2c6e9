"""What the fault tests share: writers that know what was acknowledged to them, the checks at the end, and the run of
both around whatever is done to the nodes meanwhile.

At the end everything acknowledged is at its destination, once, with its content; what was deleted is gone everywhere; the
digests of all tiers are equal; nothing is listed as refused.
"""
import argparse
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "script"))
sys.dont_write_bytecode = True

from rig import CommandFailed, NotHere, Rig, wait_until  # noqa: E402

ITEMS_MAX = 20_000  # of a sensor; then it goes on with updates and deletes
REFUSED_FOR_NOW = ("connection", "stopping", "ended", "closed", "reset", "disk I/O error", "disk is full", "a sync failed")
TIME = "2026-01-02T03:04:05.000Z"


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
        self.expected = {}    # id -> value: what must be at the server
        self.removed = set()  # ids that must not

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


class SensorWriter(Writer):
    """New readings, newer states of some, deletes of others, and a status that counts."""

    def item(self, id_):
        return {"id": id_, "station": "s", "time": TIME, "temperature": self.expected[id_]}

    def step(self):
        ids = []
        fresh = self.random.randint(1, 60) if len(self.expected) < ITEMS_MAX else 0
        for _ in range(fresh):
            self.number += 1
            ids.append(f"{self.node.agent}-{self.number:07d}")
        if self.expected and self.random.random() < 0.5:
            ids += self.random.sample(sorted(self.expected), min(5, len(self.expected)))
        for id_ in ids:
            self.expected[id_] = self.random.randint(0, 1_000_000)
        self.put("Reading", [self.item(id_) for id_ in ids])
        if len(self.expected) > 20 and self.random.random() < 0.3:
            gone = self.random.choice(sorted(self.expected))
            self.until_done("remove", "Reading", "station=s", f"id={gone}", also=(4,))
            del self.expected[gone]
            self.removed.add(gone)
        self.put("Status", [{"state": f"after {self.number}"}])


class CloudWriter(Writer):
    """Settings for one sensor each and for all, and deletes of them."""

    def __init__(self, node, seed, agents):
        super().__init__(node, seed)
        self.agents = [0, *agents]

    def step(self):
        agent, name = self.random.choice(self.agents), f"n{self.random.randint(0, 30)}"
        if (agent, name) in self.expected and self.random.random() < 0.3:
            self.until_done("remove", "Config", f"name={name}", "--owner", agent, also=(4,))
            del self.expected[(agent, name)]
        else:
            self.number += 1
            self.expected[(agent, name)] = str(self.number)
            self.until_done("put", "Config", json.dumps({"name": name, "value": str(self.number)}), "--to", agent)
        time.sleep(0.03)


class Checks:
    def __init__(self):
        self.failed = 0

    def that(self, holds, text):
        print(("ok      " if holds else "FAILED  ") + text, flush=True)
        self.failed += 0 if holds else 1


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
        written = sum(len(writer.expected) for writer in (*self.writers, self.cloud_writer))
        print(f"{text}; {written} items acknowledged", flush=True)

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


def sum_up(checks, cloud, gateway, sensors, writers, cloud_writer):
    nodes = [cloud, gateway, *sensors]
    for writer in [*writers, cloud_writer]:
        checks.that(writer.error is None and writer.number > 0, f"{writer.node.name}: every write was acknowledged" +
                    (f": {writer.error}" if writer.error else f", {writer.number} of them"))
    for node in nodes:
        wait_until(lambda: node.attempt("status").code == 0, f"{node.name} answers")
    Rig.wait_linked(*nodes)
    for node in nodes[1:]:
        node.sync("server", "120s")
    for sensor, writer in zip(sensors, writers):
        found = {}
        doubled = 0
        for item in cloud.find("Reading", "--owner", sensor.agent):
            doubled += item["id"] in found
            found[item["id"]] = item["temperature"]
        missing = [id_ for id_ in writer.expected if id_ not in found]
        extra = [id_ for id_ in found if id_ not in writer.expected]
        wrong = [id_ for id_ in writer.expected if id_ in found and found[id_] != writer.expected[id_]]
        checks.that(not (missing or extra or wrong or doubled),
                    f"{sensor.name}: {len(writer.expected)} readings at the cloud, each once with its content" if not
                    (missing or extra or wrong or doubled) else
                    f"{sensor.name}: missing {missing[:5]} ({len(missing)}), not deleted or never written {extra[:5]} "
                    f"({len(extra)}), another content {wrong[:5]} ({len(wrong)}), twice {doubled}")
        state = [item["state"] for item in cloud.find("Status", "--owner", sensor.agent)]
        checks.that(state == [f"after {writer.number}"], f"{sensor.name}: its last status is at the cloud: {state}")
        wanted = {(agent, name): value for (agent, name), value in cloud_writer.expected.items() if agent in (0, sensor.agent)}

        def config(node=sensor):
            return {(item["_owner"], item["name"]): item["value"] for item in node.find("Config")}
        try:
            wait_until(lambda: config() == wanted, "the settings", 60)
        except AssertionError:
            pass
        checks.that(config() == wanted, f"{sensor.name}: its {len(wanted)} settings are those of the cloud")
    unequal = []
    scopes = [("Reading", s.agent, [s, gateway, cloud]) for s in sensors] + \
             [("Status", s.agent, [s, gateway, cloud]) for s in sensors] + \
             [("Config", s.agent, [s, gateway, cloud]) for s in sensors] + [("Config", 0, nodes)]

    def differing():
        told = {node.name: node.digests() for node in nodes}
        unequal[:] = [f"{model} of {owner}" for model, owner, holders in scopes
                      if len({told[node.name].get((model, owner)) for node in holders}) != 1]
        return not unequal
    try:
        wait_until(differing, "equal digests", 60)
    except AssertionError:
        pass
    checks.that(not unequal, f"the digests of all {len(scopes)} scopes are equal on all tiers{': not ' if unequal else ''}"
                             f"{', '.join(unequal)}")
    listed = sum(len(node.quarantine()) for node in nodes)
    checks.that(listed == 0, f"nothing is in quarantine{'' if listed == 0 else f': {listed}'}")
