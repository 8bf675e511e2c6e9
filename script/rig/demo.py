"""The demo: a cloud, a gateway and three sensors on this machine, real input, and what may go wrong.

usage: script/demo [--fast] [--tamper] [--keep]

  --fast     the same in under thirty seconds
  --tamper   deletes one item at the cloud behind its back: the checks must find it, so the demo fails
  --keep     leaves the folder with replicas and logs, and says where it is

exit status: 0 if every check held, 1 if one did not
"""
import argparse
import sqlite3
import sys
import threading
import time

from . import replay
from .rig import Rig, wait_until
from .view import View


class Checks:
    def __init__(self, view):
        self.view = view
        self.failed = 0

    def that(self, holds, text, otherwise=None):
        self.failed += 0 if holds else 1
        self.view.say(text if holds else otherwise or text, verdict=bool(holds))


class Sensor(threading.Thread):
    """Feeds one node, portion by portion, over a time."""

    def __init__(self, node, portions, seconds):
        super().__init__(daemon=True)
        self.node = node
        self.portions = portions
        self.pause_s = seconds / max(len(portions), 1)
        self.error = None
        self.stopping = threading.Event()

    def run(self):
        due = time.monotonic()
        try:
            for portion in self.portions:
                portion(self.node)
                due += self.pause_s
                if self.stopping.wait(max(0.0, due - time.monotonic())):
                    return
        except Exception as error:  # told at the end: the demo fails
            self.error = error


def chunks(items, count):
    size = -(-len(items) // count)
    return [items[i:i + size] for i in range(0, len(items), size)]


def weather_portions(readings, count):
    return [lambda node, part=part: node.put_many("Reading", part, "--mode", "create")
            for part in chunks(readings, count)]


def quake_portions(events, count):
    def feed(node, part):
        # Creates before updates: an update in this portion may be of a fault created in it.
        for mode in ("create", "update"):
            items = [item for _, kind, item in part if kind == mode]
            if items:
                node.put_many("Fault", items, "--mode", mode)
    return [lambda node, part=part: feed(node, part) for part in chunks(events, count)]


def metric_portions(count):
    return [lambda node: node.put_many("Metric", replay.machine_metrics("here")) for _ in range(count)]


def equal_above(lower, upper, model, owner):
    below = lower.digests().get((model, owner))
    return below is not None and below == upper.digests().get((model, owner))


def story(rig, view, checks, seconds, tamper):
    cloud_broker, gateway_broker = rig.broker("cloud-broker"), rig.broker("gateway-broker")
    wan = rig.relay(cloud_broker)
    play(rig, view, checks, seconds, tamper, cloud_broker, gateway_broker, wan)


def start_tiers(rig, view, cloud_broker, gateway_broker, wan):
    cloud = rig.node("cloud", "server", 1, downlink={"port": cloud_broker.port, "prefix": "cloud"})
    gateway = rig.node("gateway", "router", 10, uplink={"port": wan.port, "prefix": "cloud"},
                       downlink={"port": gateway_broker.port, "prefix": "plant"})
    sensors = [rig.node(name, "device", agent, uplink={"port": gateway_broker.port, "prefix": "plant"})
               for agent, name in ((101, "weather"), (102, "quakes"), (103, "machine"))]
    nodes = [cloud, gateway, *sensors]
    view.nodes = [("cloud", cloud), ("└─ gateway", gateway)]
    view.nodes += [(("   └─ " if sensor is sensors[-1] else "   ├─ ") + sensor.name, sensor) for sensor in sensors]
    for node in nodes:
        node.start()
    view.say("a cloud server, a gateway and three sensors are running, each a tidegated with a replica of its own")
    wait_until(lambda: all((node.parent_link() or {}).get("state") == "up" for node in nodes[1:]), "every uplink")
    return cloud, gateway, sensors


def play(rig, view, checks, seconds, tamper, cloud_broker, gateway_broker, wan):
    cloud, gateway, (weather, quakes, machine) = start_tiers(rig, view, cloud_broker, gateway_broker, wan)
    readings, events = replay.weather(), replay.earthquakes("quakes")
    creates = sum(1 for _, kind, _ in events if kind == "create")
    view.say(f"replaying {len(readings)} weather readings and {creates} earthquakes with {len(events) - creates} reviews;"
             " the third sensor reports this machine")
    view.say("the table: items held, and of the changes there (a review is one) how many the parent and the cloud have")
    steps = max(20, int(seconds * 2))
    feeders = [Sensor(weather, weather_portions(readings, steps), seconds),
               Sensor(quakes, quake_portions(events, steps), seconds), Sensor(machine, metric_portions(steps), seconds)]
    for feeder in feeders:
        feeder.start()

    time.sleep(seconds * 0.1)
    cloud.put("Config", {"name": "threshold", "value": "4.5", "unit": "magnitude"}, "--to", 102)
    wait_until(lambda: quakes.find("Config"), "the config item at the sensor")
    checks.that(not weather.find("Config") and not machine.find("Config"),
                "a config item went down to the sensor it is for, and to no other")

    view.say("the cloud link is cut for ten seconds")
    wan.cut()
    time.sleep(9)
    waiting = gateway.parent_link()["pending_changes"]
    hop = quakes.sync("hop", "20s") is not None
    checks.that(hop and waiting > 0, f"with the cloud away the sensors are acknowledged; the gateway holds {waiting} changes")
    time.sleep(1)
    wan.mend()
    view.say("the cloud link is back")

    view.say("the gateway is SIGKILLed")
    gateway.kill()
    time.sleep(1)
    gateway.start()
    view.say("the gateway runs again and goes on from what is on its disk")

    for feeder in feeders:
        feeder.join(seconds * 5 + 60)
        checks.that(feeder.error is None, f"sensor '{feeder.node.name}' could write all the time",
                    f"sensor '{feeder.node.name}' could not write: {feeder.error}")
    for node in (weather, quakes, machine, gateway):
        node.sync("server", "60s")
    view.say("everything is acknowledged by the cloud")
    if tamper:
        tamper_with(cloud, view)
    final_checks(checks, cloud, gateway, (weather, quakes, machine), len(readings), events)


def tamper_with(cloud, view):
    with sqlite3.connect(cloud.folder / "replica.db", timeout=10) as database:
        done = database.execute("DELETE FROM item WHERE seq = (SELECT max(seq) FROM item WHERE sk LIKE 'reading#%')")
    view.say(f"{done.rowcount} item was deleted at the cloud behind its back")


def final_checks(checks, cloud, gateway, sensors, readings, events):
    faults = {item["id"] for _, kind, item in events if kind == "create"}
    reviewed = {item["id"] for _, kind, item in events if kind == "update"}
    for sensor, model in zip(sensors, ("Reading", "Fault", "Metric")):
        same = equal_above(sensor, gateway, model, sensor.agent) and equal_above(gateway, cloud, model, sensor.agent)
        checks.that(same, f"{model}: the digests of sensor, gateway and cloud are equal",
                    f"{model}: the digests of sensor, gateway and cloud differ")
    checks.that(equal_above(sensors[1], cloud, "Config", 102), "Config: the digests of sensor and cloud are equal",
                "Config: the digests of sensor and cloud differ")
    found = cloud.find("Reading")
    checks.that(len(found) == readings, f"the cloud has {len(found)} readings; the input file has {readings}")
    at_cloud = cloud.find("Fault")
    ids = {fault["id"] for fault in at_cloud}
    checks.that(len(at_cloud) == len(faults) and ids == faults,
                f"the cloud has {len(at_cloud)} faults; the input file has {len(faults)}")
    seen = {fault["id"] for fault in at_cloud if fault["review"] == "reviewed"}
    checks.that(seen == reviewed, f"{len(seen)} of them are reviewed; in the input file {len(reviewed)}")
    problems = sum(node.status()["quarantined"] for node in (cloud, gateway, *sensors))
    checks.that(problems == 0, "nothing is in quarantine")


def main():
    parser = argparse.ArgumentParser(prog="script/demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="under thirty seconds")
    parser.add_argument("--tamper", action="store_true", help="delete an item behind the cloud's back; must fail")
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    options = parser.parse_args()
    seconds = 14 if options.fast else 60
    with Rig(keep=options.keep) as rig:
        view = View()
        checks = Checks(view)
        with view:
            story(rig, view, checks, seconds, options.tamper)
        took = time.monotonic() - view.started
        outcome = view.paint("green", "every check held") if checks.failed == 0 else \
            view.paint("red", f"{checks.failed} {'check' if checks.failed == 1 else 'checks'} FAILED")
        print(f"\n{outcome} ({took:.0f} s)")
        if options.keep:
            print(f"replicas and logs: {rig.folder}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
