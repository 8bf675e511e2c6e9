#!/usr/bin/env python3
"""SIGHUP reads the schemas anew; a wrong one changes nothing."""
import threading
import time

import harness
from harness import Rig, equal, fails, fault, has, reading, settled, wait_until


def own_schema(rig):
    path = rig.folder / "own.json5"
    path.write_text(rig.schema.read_text())
    return path


def case_a_broken_schema_keeps_the_old_one():
    with Rig() as rig:
        schema = own_schema(rig)
        node = rig.node("sensor", "device", 101, schema=schema).start()
        good = schema.read_text()
        for broken in (good.replace("type: Number", "type: Nmber", 1), good[:500], ""):
            schema.write_text(broken)
            node.log.write_text("")
            node.reload()
            wait_until(lambda: "reload refused" in node.log.read_text(), "the refusal in the log")
            has(node.log.read_text(), "own.json5")
            node.put("Fault", fault(1))
            node.put("Note", {"text": "x"})
        schema.write_text(good)
        node.log.write_text("")
        node.reload()
        wait_until(lambda: "read anew" in node.log.read_text(), "the good one")


def case_a_new_model_and_field_can_be_used_after_it():
    with Rig() as rig:
        schema = own_schema(rig)
        cloud, sensor = rig.pair(schema=schema)
        fails(sensor.attempt("put", "Note", "text=x", "mood=good"), 1, "mood")
        schema.write_text(schema.read_text().replace("text: {type: String, required: true},",
                                                     "text: {type: String, required: true}, mood: {type: String},"))
        for node in (cloud, sensor):
            node.reload()
        wait_until(lambda: sensor.attempt("put", "Note", "text=x", "mood=good").code == 0, "the new field")


def case_trap_a_hot_reload_neither_crashes_nor_drops_the_buffer():
    """Reloads all the time, good ones and broken ones, while the gateway buffers for a cloud that is away and is written
    to, and while it drains."""
    with Rig() as rig:
        schema = own_schema(rig)
        cloud, gateway, (sensor,) = rig.started_tree(schema=schema)
        good = schema.read_text()
        broken = good.replace("type: Number", "type: Nmber", 1)
        written, ended = [], threading.Event()

        def write():
            while not ended.is_set():
                numbers = range(len(written), len(written) + 100)
                sensor.put_many("Reading", [reading(n) for n in numbers])
                written.extend(numbers)

        def reload_all(times):
            for number in range(times):
                schema.write_text(broken if number % 3 == 1 else good)
                for node in (cloud, gateway, sensor):
                    if node.running():
                        node.reload()
                time.sleep(0.02)

        writer = threading.Thread(target=write)
        cloud.stop()
        writer.start()
        reload_all(40)
        schema.write_text(good)
        cloud.start()
        reload_all(40)
        ended.set()
        writer.join()
        sensor.sync("server")
        equal(sorted(item["id"] for item in cloud.find("Reading")), [f"r{n:06d}" for n in written], "readings at the cloud")
        settled([sensor, gateway, cloud], "Reading", 101)
        for node in (gateway, sensor):
            has(node.log.read_text(), "read anew", "reload refused")


def case_a_broken_configuration_keeps_the_old_one():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        node.config_path.write_text(node.config_path.read_text().replace("sync_delay", "sync_dealy"))
        node.reload()
        wait_until(lambda: "reload refused" in node.log.read_text(), "the refusal in the log")
        has(node.log.read_text(), "sync_dealy", "sync_delay")
        node.put("Note", {"text": "x"})


if __name__ == "__main__":
    harness.main(globals())
