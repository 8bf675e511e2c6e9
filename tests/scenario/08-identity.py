#!/usr/bin/env python3
"""Who is who: clones, replacements and wrong levels are refused, loudly, with what to do."""
import shutil

import harness
from harness import Rig, equal, fails, fault, has, settled, true, wait_until


def refusal(node):
    """What status says of the parent's refusal."""
    wait_until(lambda: (node.parent_link() or {}).get("state") == "refused", f"the refusal of {node.name}")
    link = node.parent_link()
    true(not node.status()["healthy"], "a refused node is not healthy")
    has(node.run("status"), "refused", link["last_error"])
    return link["last_error"]


def case_a_clone_is_refused():
    """A copied replica folder, started beside the original with the same agent id."""
    with Rig() as rig:
        broker = rig.broker()
        cloud = rig.node("cloud", "server", 1, downlink={"port": broker.port, "prefix": "p"})
        sensor = rig.node("sensor", "device", 101, uplink={"port": broker.port, "prefix": "p"})
        clone = rig.node("clone", "device", 101, uplink={"port": broker.port, "prefix": "p"})
        rig.start(cloud, sensor)
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        sensor.stop()
        for path in sensor.folder.glob("replica.db*"):
            if not path.name.endswith(".lock"):
                shutil.copy(path, clone.folder / path.name)
        rig.start(clone)  # the first of the two: nobody can tell yet
        clone.put("Fault", fault(2))
        clone.sync("server")
        clone.stop()
        sensor.start()    # goes on from where it was before the copy went on: rewound or copied
        sensor.put("Fault", fault(3))
        clone.start()
        told = wait_until(lambda: [error for error in (sensor.parent_link()["last_error"], clone.parent_link()["last_error"])
                                   if "copies of one replica" in error or "clone" in error], "one of the two is refused")
        has(told[0], "agent")
        true(any("refused" in node.log.read_text() for node in (cloud, sensor, clone)), "the log says so too")


def case_a_replaced_replica_is_refused_until_adopted():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.put("Status", {"state": "ok"})
        cloud.put("Config", {"name": "a", "value": "1"}, "--to", 101)
        sensor.sync("server")
        wait_until(lambda: sensor.find("Config"), "the config item")
        sensor.lose_disk()
        sensor.put("Fault", fault(2))
        has(refusal(sensor), "replica", "tidegate agent adopt 101", "agent 10")
        equal(len(gateway.find("Fault")), 1, "faults at the gateway before it is adopted")
        gateway.run("agent", "adopt", 101)
        wait_until(sensor.up, "the link after it was adopted")
        sensor.sync("server")
        wait_until(lambda: sensor.find("Config") and sensor.find("Status"), "what the new replica gets back")
        equal(sorted(item["id"] for item in cloud.find("Fault")), ["f1", "f2"], "faults at the cloud: nothing was removed")
        settled([sensor, gateway, cloud], "Config", 101)
        settled([gateway, cloud], "Fault", 101)


def case_a_wrong_level_is_refused():
    with Rig() as rig:
        upper, lower = rig.broker("upper"), rig.broker("lower")
        cloud = rig.node("cloud", "server", 1, downlink={"port": upper.port, "prefix": "u"})
        gateway = rig.node("gateway", "router", 10, level=20, uplink={"port": upper.port, "prefix": "u"},
                           downlink={"port": lower.port, "prefix": "l"})
        below = rig.node("below", "router", 11, level=20, uplink={"port": lower.port, "prefix": "l"})
        rig.start(cloud, gateway)
        below.start()
        has(refusal(below), "level", "20", "node.level")
        below.stop()
        below.config["node"]["level"] = 21
        rig.start(below)
        below.put("Fault", fault(1))
        below.sync("server")
        equal(len(cloud.find("Fault")), 1, "faults at the cloud")


def case_a_router_changes_its_level_while_it_runs():
    with Rig() as rig:
        upper, lower = rig.broker("upper"), rig.broker("lower")
        cloud = rig.node("cloud", "server", 1, downlink={"port": upper.port, "prefix": "u"})
        gateway = rig.node("gateway", "router", 10, level=20, uplink={"port": upper.port, "prefix": "u"},
                           downlink={"port": lower.port, "prefix": "l"})
        below = rig.node("below", "router", 11, level=20, uplink={"port": lower.port, "prefix": "l"})
        rig.start(cloud, gateway)
        below.start()
        has(refusal(below), "level", "20")
        has(below.run("level", "set", 25), "25")
        wait_until(below.up, "the link, as soon as the level fits")
        below.put("Fault", fault(1))
        below.sync("server")
        fails(gateway.attempt("level", "set", 30), 1, "agent 11 has level 25")
        fails(cloud.attempt("level", "set", 30), 1, "only a router")
        gateway.run("level", "set", 22)
        wait_until(lambda: (cloud.child_link(10) or {}).get("level") == 22, "the new level at the cloud")
        gateway.restart()
        equal((gateway.status()["level"], gateway.status()["level_configured"]), (22, 20), "level, as configured")
        wait_until(below.up, "the link after the restart")
        below.put("Fault", fault(2))
        below.sync("server")
        equal(len(cloud.find("Fault")), 2, "faults at the cloud")


def case_a_child_with_the_id_of_its_parent_gets_no_link():
    with Rig() as rig:
        upper, lower = rig.broker("upper"), rig.broker("lower")
        cloud = rig.node("cloud", "server", 1, downlink={"port": upper.port, "prefix": "u"})
        gateway = rig.node("gateway", "router", 10, uplink={"port": upper.port, "prefix": "u"},
                           downlink={"port": lower.port, "prefix": "l"})
        same = rig.node("same", "device", 10, uplink={"port": lower.port, "prefix": "l"})
        rig.start(cloud, gateway)
        same.start()
        wait_until(lambda: "agent id of this node" in gateway.log.read_text(), "a warning in the parent's log")
        harness.equal((same.up(), same.status()["healthy"]), (False, False), "a link, healthy")
        equal(gateway.up(), True, "the gateway's own link stays")


def case_adopt_of_nobody_is_told():
    with Rig() as rig:
        cloud, sensor = rig.pair()
        fails(cloud.attempt("agent", "adopt", 4711), 4, "4711", "tidegate status")
        fails(cloud.attempt("agent", "adopt", "x"), 2)
        fails(sensor.attempt("agent", "adopt", 1), 4)


if __name__ == "__main__":
    harness.main(globals())
