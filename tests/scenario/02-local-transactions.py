#!/usr/bin/env python3
"""Several writes as one: all of them or none."""
import json

import harness
from harness import Rig, equal, fails, fault, settled


def tx(node, *writes):
    return node.attempt("tx", "-", stdin=json.dumps(writes))


def write(model, mode="upsert", **properties):
    return {"model": model, "mode": mode, "properties": properties}


def case_all_or_nothing():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101).start()
        done = tx(node, write("Note", id="a", text="1"), write("Fault", **fault(1)), write("Note", id="b", text="2"))
        equal(done.code, 0, done.err)
        bad = (
            (write("Note", id="c", text="3"), write("Fault", **fault(2, severity="none"))),   # invalid
            (write("Note", id="c", text="3"), write("Note", "create", id="a", text="4")),     # exists
            (write("Note", "remove", id="a"), write("Note", "update", id="none", text="5")),  # not there
            (write("Note", id="c", text="3"), write("Config", name="x", value="y")),          # not ours to write
            (write("Note", id="c", text="3"), write("Note", id="c", text="4")),               # the same key twice
        )
        for writes in bad:
            fails(tx(node, *writes), 4 if "none" in str(writes[1]["properties"].get("id")) else 1, "writes[1]")
            equal(sorted(one["id"] for one in node.find("Note")), ["a", "b"], f"the notes after {writes}")
        equal(node.get("Note", "id=a")["text"], "1", "a note that a failed transaction removed")
        fails(tx(node), 1)


def case_transaction_over_the_limit_is_refused():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101)
        node.config["limits"] = {"transaction_bytes_max": "20KB", "item_bytes_max": "10KB"}
        node.start()
        fails(node.attempt("put", "Note", "text=" + "x" * 12000), 1, "item_bytes_max")
        fails(tx(node, *[write("Note", id=str(n), text="x" * 9000) for n in range(3)]), 1, "transaction_bytes_max")
        equal(node.find("Note"), [], "nothing was written")


def case_a_watcher_never_sees_half_of_one():
    with Rig() as rig:
        cloud, sensor = rig.pair()
        watch = cloud.watch("Fault", "--count", 40)
        for number in range(0, 40, 4):
            equal(tx(sensor, *[write("Fault", **fault(number + part)) for part in range(4)]).code, 0, "a transaction")
        out, _ = watch.communicate(timeout=60)
        seqs = [json.loads(line)["seq"] for line in out.splitlines()]
        ids = [json.loads(line)["item"]["id"] for line in out.splitlines()]
        equal(ids, [f"f{n}" for n in range(40)], "the order of the changes")
        for first in range(0, 40, 4):
            equal(seqs[first + 3] - seqs[first], 3, "a transaction's seqs are consecutive at the server too")
        settled([cloud, sensor], "Fault", 101)


if __name__ == "__main__":
    harness.main(globals())
