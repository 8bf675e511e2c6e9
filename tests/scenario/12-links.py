#!/usr/bin/env python3
"""Links by hand: switched off and on, moved on demand, listed; and a half-open one that is opened anew."""

import harness
from harness import Rig, equal, fails, fault, has, reading, true, wait_until

DEAR = {"sync_delay": "1h", "sync_limit": "100MB"}  # nobody sends by itself
WATCHFUL = {"keepalive": "300ms", "link_timeout": "2s", "hello_retry_ms": "200ms"}


def links(node):
    return {link["agent"]: link for link in node.json_lines("link", "list")}


def case_switched_off_over_a_restart_and_on_again():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put("Fault", fault(1))
        sensor.sync("server")
        has(gateway.run("link", "off", "parent"), "agent 1 is switched off")
        sensor.put("Fault", fault(2))
        sensor.sync("hop")
        gateway.restart()
        rig.wait_linked(sensor)
        fails(sensor.attempt("sync", "--wait", "--timeout", "2s"), 5)
        equal(links(gateway)[1]["state"], "off", "the link at the gateway")
        equal(gateway.status()["problems"], [], "somebody wants it so")
        equal(len(cloud.find("Fault")), 1, "faults at the cloud")
        gateway.run("link", "on", "parent", "--wait", "--timeout", "20s")
        equal(links(gateway)[1]["state"], "up", "the link, as it was waited for")
        sensor.sync("server")
        equal(len(cloud.find("Fault")), 2, "faults at the cloud")


def case_child_switched_off_is_refused_and_says_so():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        gateway.run("link", "off", 101)
        wait_until(lambda: sensor.parent_link()["state"] == "refused", "the refusal at the sensor")
        has(sensor.parent_link()["last_error"], "tidegate link on 101")
        equal(links(gateway)[101]["last_disconnect"], "switched off", "why it ended")
        fails(gateway.attempt("link", "off", 999), 4, "no neighbour")
        gateway.run("link", "on", 101)
        wait_until(sensor.up, "the sensor's link")


def case_all_switched_off_speaks_to_nobody():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        gateway.run("link", "off", "all")
        sensor.put("Fault", fault(1))
        wait_until(lambda: sensor.parent_link()["state"] == "refused", "the refusal at the sensor")
        has(sensor.parent_link()["last_error"], "tidegate link on all")
        equal({link["state"] for link in links(gateway).values()}, {"off"}, "the links at the gateway")
        has(gateway.run("status"), "all switched off")
        gateway.run("link", "on", "all")
        sensor.sync("server")
        equal(len(cloud.find("Fault")), 1, "faults at the cloud")


def case_push_and_pull_through_the_tree():
    with Rig() as rig:
        cloud, gateway, (one, two) = rig.started_tree(2, sync=DEAR)
        one.put_many("Reading", [reading(n) for n in range(100)])
        two.put_many("Reading", [reading(n) for n in range(100)])
        equal(len(cloud.find("Reading", "--limit", "500")), 0, "readings at the cloud before")
        one.run("link", "sync", "1", "--push", "--wait", "--timeout", "20s")
        equal(len(cloud.find("Reading", "--limit", "500")), 100, "readings of one")
        cloud.run("link", "sync", "10", "--subtree", "--wait", "--timeout", "20s")
        equal(len(cloud.find("Reading", "--limit", "500")), 200, "readings of both")
        two.run("link", "sync", "parent", "--compare", "--wait", "--timeout", "20s")
        fails(one.attempt("link", "sync", "999", "--wait"), 4, "knows no way to agent 999")
        gateway.stop()
        fails(one.attempt("link", "sync", "--wait", "--timeout", "1s"), 5, "it waits for agent 10", "nothing is lost")


def case_the_list_tells_bytes_and_compression():
    with Rig() as rig:
        cloud, gateway, (sensor,) = rig.started_tree()
        sensor.put_many("Reading", [reading(n) for n in range(1000)])
        sensor.sync("server")
        link = links(sensor)[10]
        true(link["bytes_sent"] < link["plain_bytes_sent"] / 2, f"compression pays: {link}")
        true(links(gateway)[101]["bytes_received"] >= link["bytes_sent"] / 2, "the other end saw it too")
        has(sensor.run("link", "list"), "parent", "up", "%")
        has(sensor.run("status"), "compression")


def case_half_open_link_that_returns_nothing_is_opened_anew():
    with Rig() as rig:
        relay = rig.relay()
        cloud, gateway, (sensor,) = rig.started_tree(plant_link=relay, sync=WATCHFUL)
        relay.keep = lambda topic: not topic.endswith("/down")  # the sensor speaks and hears nothing
        sensor.put("Fault", fault(1))
        wait_until(lambda: "nothing heard" in (sensor.parent_link() or {}).get("last_disconnect", ""), "the end of the session")
        true(not sensor.status()["healthy"], "the sensor is not healthy meanwhile")
        relay.keep = None
        sensor.sync("server")
        wait_until(lambda: sensor.status()["healthy"], "health")
        equal(len(cloud.find("Fault")), 1, "faults at the cloud")


if __name__ == "__main__":
    harness.main(globals())
