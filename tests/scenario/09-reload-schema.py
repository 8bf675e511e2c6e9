#!/usr/bin/env python3
"""SIGHUP reads the schemas anew; a wrong one changes nothing."""
import harness
from harness import Rig, fails, fault, has, wait_until


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
