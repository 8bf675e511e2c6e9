"""What has to hold at the end of a fault test: each writer's acknowledged writes are where they belong, once, and nothing is
listed as lost, refused or in conflict."""
import sys

from rig import Rig, wait_until


class Checks:
    def __init__(self):
        self.failed = 0

    def that(self, holds, text):
        print(("ok      " if holds else "FAILED  ") + text, flush=True)
        self.failed += 0 if holds else 1

    def soon(self, holds, text):
        """Waits for what arrives by itself."""
        try:
            wait_until(holds, "", 60)
        except AssertionError:
            pass
        self.that(holds(), text)


def _differences(found, expected, removed):
    """What is wrong with what was found, in words; none: it is what was acknowledged."""
    missing = [id_ for id_ in expected if id_ not in found]
    back = [id_ for id_ in found if id_ in removed]
    strange = [id_ for id_ in found if id_ not in expected and id_ not in removed]
    wrong = [id_ for id_ in expected if id_ in found and found[id_] != expected[id_]]
    kinds = {"missing": missing, "deleted and there again": back, "never written": strange, "another content": wrong}
    return "".join(f", {what} {ids[:5]} ({len(ids)})" for what, ids in kinds.items() if ids)


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
        _what_went_up(checks, cloud, sensor, writer)
        _what_came_down(checks, sensor, cloud_writer)
    _orders(checks, cloud, sensors, writers, cloud_writer)
    _digests(checks, cloud, gateway, sensors)
    _nothing_is_listed(checks, cloud, nodes)


def _what_went_up(checks, cloud, sensor, writer):
    for model, written in writer.written.items():
        found = {item["id"]: writer.content(model, item) for item in cloud.find(model, "--owner", sensor.agent)}
        wrong = _differences(found, written.expected, written.removed)
        checks.that(not wrong, f"{sensor.name}: {len(written.expected)} of {model} at the cloud, "
                               f"{len(written.removed)} deleted there{wrong}")
    state = [item["state"] for item in cloud.find("Status", "--owner", sensor.agent)]
    checks.that(state == [f"after {writer.number}"], f"{sensor.name}: its last status is at the cloud: {state}")


def _what_came_down(checks, sensor, cloud_writer):
    wanted = {(agent, name): value for (agent, name), value in cloud_writer.settings.items() if agent in (0, sensor.agent)}

    def settings():
        return {(item["_owner"], item["name"]): item["value"] for item in sensor.find("Config")}
    checks.soon(lambda: settings() == wanted, f"{sensor.name}: its {len(wanted)} settings are those of the cloud")


def _orders(checks, cloud, sensors, writers, cloud_writer):
    """Each order was run once; more often only if whoever ran it was killed meanwhile."""
    for sensor, writer in zip(sensors, writers):
        wanted = cloud_writer.orders[sensor.agent]

        def answered():
            writer.run_orders()
            return {item["name"] for item in cloud.find("Done", "--owner", sensor.agent)} >= wanted
        checks.soon(answered, f"{sensor.name}: {len(wanted)} orders have an answer at the cloud")
        runs = writer.program.runs()
        often = {name: times for name, times in runs.items() if times > 1 and name not in writer.broken_off}
        checks.that(set(runs) == wanted and not often,
                    f"{sensor.name}: each order was run once, {len(writer.broken_off)} of them may have been broken off"
                    + (f": more often {often}, not run {sorted(wanted - set(runs))[:5]}" if often or set(runs) != wanted else ""))
    checks.soon(lambda: not cloud.find("Order"), "orders that are answered are gone at the cloud")


def _digests(checks, cloud, gateway, sensors):
    unequal = []
    scopes = [(model, s.agent, [s, gateway, cloud]) for s in sensors
              for model in ("Reading", "Fault", "Status", "Config", "Done")]
    scopes.append(("Config", 0, [cloud, gateway, *sensors]))

    def equal():
        told = {node.name: node.digests() for node in (cloud, gateway, *sensors)}
        unequal[:] = [f"{model} of {owner}" for model, owner, holders in scopes
                      if len({told[node.name].get((model, owner)) for node in holders}) != 1]
        return not unequal
    equal()
    checks.soon(equal, f"the digests of all {len(scopes)} scopes are equal on all tiers")
    if unequal:
        print(f"not equal: {', '.join(unequal)}", file=sys.stderr)


def _nothing_is_listed(checks, cloud, nodes):
    for what, count in (("quarantine", lambda node: len(node.quarantine())),
                        ("the conflict journal", lambda node: len(node.json_lines("conflicts", "list"))),
                        ("the loss report", lambda node: len(node.status()["losses"]))):
        listed = {node.name: count(node) for node in nodes if count(node)}
        checks.that(not listed, f"nothing is in {what}{f': {listed}' if listed else ''}")
    checks.that(cloud.json_lines("losses", "list") == [], "the cloud lacks nothing")
    checks.soon(lambda: all(node.status()["healthy"] for node in nodes), "every node is healthy" + "".join(
        f"; {node.name}: {node.status()['problems']}" for node in nodes if not node.status()["healthy"]))
