#!/usr/bin/env python3
"""One node alone: items are created, read, found, updated, removed."""
import harness
from harness import NOW, Rig, equal, fails, fault, reading, true


def alone(rig):
    return rig.node("sensor", "device", 101).start()


def case_put_and_get_keep_every_field():
    with Rig() as rig:
        node = alone(rig)
        stored = node.put("Note", {"id": "n1", "text": "äöü \"quoted\" \\ \u2028", "tags": ["b", "a"]})
        equal((stored["text"], stored["_owner"], stored["_src"], stored["_type"]),
              ("äöü \"quoted\" \\ \u2028", 101, 101, "Note"), "the answer")
        equal(node.get("Note", "id=n1"), stored, "get gives what put answered")
        equal(len(node.put("Note", {"text": "x"})["id"]), 26, "the length of a generated ULID")


def case_create_of_what_exists_is_a_conflict():
    with Rig() as rig:
        node = alone(rig)
        node.put("Fault", fault(1), "--mode", "create")
        fails(node.attempt("put", "Fault", "id=f1", "device=d", f"time={NOW}", "severity=warn", "subject=s", "message=m",
                           "--mode", "create"), 1, "exists")
        equal(node.get("Fault", "device=d", "id=f1")["severity"], "info", "what was there first")


def case_update_merges_and_upsert_replaces():
    with Rig() as rig:
        node = alone(rig)
        node.put("Fault", fault(1, source="a"))
        made = node.get("Fault", "device=d", "id=f1")
        node.put("Fault", {"device": "d", "id": "f1", "review": "reviewed", "source": None}, "--mode", "update")
        item = node.get("Fault", "device=d", "id=f1")
        equal((item["review"], item["message"], "source" in item), ("reviewed", "m", False), "the merged item")
        equal(item["created"], made["created"], "created stays")
        true(item["updated"] > made["updated"] and item["_version"] > made["_version"], "updated and version grow")
        fails(node.attempt("put", "Fault", "device=d", "id=none", "review=reviewed", "--mode", "update"), 4, "no Fault")
        node.put("Fault", fault(1))
        equal(node.get("Fault", "device=d", "id=f1")["review"], "automatic", "an upsert writes the whole item")


def case_wrong_items_are_refused_with_the_field():
    with Rig() as rig:
        node = alone(rig)
        for item, part in ((fault(1, severity="bad"), "severity"), (fault(1, time="soon"), "time"),
                           (fault(1, magnitude="big"), "magnitude"), (fault("!"), "id"), (fault(1, sevrity="x"), "sevrity"),
                           ({"id": "f1"}, "device")):
            fails(node.attempt("put", "Fault", harness.json.dumps(item)), 1, part)
        equal(node.find("Fault"), [], "nothing was written")


def case_find_goes_by_key_prefix_index_filter():
    with Rig() as rig:
        node = alone(rig)
        node.put_many("Reading", [reading(n) for n in range(1200)] + [reading(n, station="t") for n in range(3)])
        for number, severity in enumerate(("info", "error", "warn", "error", "error")):
            node.put("Fault", fault(number, severity=severity, time=f"2026-01-0{9 - number}T00:00:00.000Z"))
        equal(len(node.find("Reading")), 1203, "all, over several pages")
        equal([one["id"] for one in node.find("Reading", "station=t")], ["r000000", "r000001", "r000002"], "by partition")
        equal(len(node.find("Reading", "station=s", 'id:={"begins":"r0011"}')), 100, "by prefix")
        equal([one["id"] for one in node.find("Reading", "station=s", "--reverse", "--limit", 2)], ["r001199", "r001198"],
              "from the end")
        equal([one["id"] for one in node.find("Fault", "--index", "severity", "severity=error")], ["f4", "f3", "f1"],
              "by severity in order of time")
        equal(len(node.find("Fault", "--index", "source", "_src:=101")), 5, "by creator")
        equal(node.find("Fault", "--index", "source", "_src:=7"), [], "by a creator that made none")
        equal(len(node.find("Reading", "station=s", "temperature:=17")), 1, "filtered")
        fails(node.attempt("find", "Fault", "--index", "nothing"), 1,
              "model Fault: there is no index 'nothing'; it has 'severity', 'source' beside its key")


def case_pages_join_whatever_the_owner_and_the_keys():
    with Rig() as rig:
        for agent in (200, 65535, 2**53 - 17):
            node = rig.node(f"sensor{agent}", "device", agent).start()
            items = [reading(n, station="ä" * 300) for n in range(1100)]
            node.put_many("Reading", items)
            equal([one["id"] for one in node.find("Reading")], [one["id"] for one in items], f"all pages of agent {agent}")


def case_remove_ends_an_item_and_its_index_entries():
    with Rig() as rig:
        node = alone(rig)
        node.put("Fault", fault(1))
        node.remove("Fault", "device=d", "id=f1")
        fails(node.attempt("get", "Fault", "device=d", "id=f1"), 4)
        equal(node.find("Fault", "--index", "severity", "severity=info"), [], "the index")
        fails(node.attempt("remove", "Fault", "device=d", "id=f1"), 4)
        node.put("Fault", fault(1), "--mode", "create")
        equal(node.status()["tombstones"], 0, "a new item takes the tombstone's place")


def case_context_wins_in_a_put_and_stands_in_for_a_key():
    with Rig() as rig:
        node = rig.node("sensor", "device", 101, extra={"context": {"device": "here"}}).start()
        node.put("Fault", fault(1))
        made = node.get("Fault", "id=f1")
        node.put("Fault", {**fault(1, message="again"), "device": "elsewhere"})
        item = node.get("Fault", "id=f1")
        equal((item["device"], item["message"], item["created"]), ("here", "again", made["created"]), "one item, put twice")
        equal(len(node.find("Fault")), 1, "faults")
        equal(node.find("Fault", "device=elsewhere"), [], "find uses what it is given alone")
        fails(node.attempt("get", "Fault", "device=elsewhere", "id=f1"), 4)
        node.remove("Fault", "id=f1")
        equal(node.find("Fault"), [], "after the remove")


def case_expired_items_are_hidden():
    with Rig() as rig:
        node = alone(rig)
        node.put("Note", {"id": "old", "text": "x", "expires": "2020-01-01T00:00:00.000Z"})
        node.put("Note", {"id": "new", "text": "x", "expires": "2120-01-01T00:00:00.000Z"})
        equal([one["id"] for one in node.find("Note")], ["new"], "what is not expired")
        fails(node.attempt("get", "Note", "id=old"), 4)


def case_all_is_there_after_orderly_and_killed_restarts():
    with Rig() as rig:
        node = alone(rig)
        for round_, end in enumerate((harness.signal.SIGTERM, harness.signal.SIGKILL)):
            node.put_many("Reading", [reading(n + 100 * round_) for n in range(100)])
            node.restart(end)
            equal(len(node.find("Reading")), 100 * (round_ + 1), f"readings after restart {round_ + 1}")


if __name__ == "__main__":
    harness.main(globals())
