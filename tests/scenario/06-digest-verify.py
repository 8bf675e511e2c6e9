#!/usr/bin/env python3
"""verify: equal at both ends, and what anybody computes from the file with sqlite3 and sha256sum."""
import json
import re
import shutil
import sqlite3
import subprocess

import harness
from harness import Rig, Skip, equal, fails, fault, has, reading, settled, true, wait_until

DIGEST_PAGE = harness.SOURCE / "docs" / "format" / "digest.md"


def by_hand(rig, node, owner, model):
    """(count, digest) as the script in docs/format/digest.md computes it: the page itself is run."""
    for program in ("sqlite3", "sha256sum"):
        if not shutil.which(program):
            raise Skip(f"no {program}")
    script = re.search(r"```bash\n(.*?)```", DIGEST_PAGE.read_text(), re.DOTALL).group(1)
    path = rig.folder / "digest.sh"
    path.write_text(script)
    done = subprocess.run(["bash", str(path), str(node.folder / "replica.db"), str(owner), model], capture_output=True,
                          text=True, check=True, timeout=120)
    count, digest = re.fullmatch(r"count (\d+) sum ([0-9a-f]{16})\s*", done.stdout).groups()
    return int(count), digest


def filled(rig, **options):
    cloud, gateway, (sensor,) = rig.started_tree(**options)
    sensor.put_many("Reading", [reading(n) for n in range(200)])
    sensor.remove("Reading", "station=s", "id=r000007")
    sensor.put("Fault", fault(1, message="äöü \x7f"))
    cloud.put("Config", {"name": "a", "value": "1"})
    sensor.sync("server")
    settled([sensor, gateway, cloud], "Reading", 101)
    settled([sensor, gateway, cloud], "Config", 0)
    return cloud, gateway, sensor


def case_the_digest_is_the_one_computed_by_hand():
    with Rig() as rig:
        cloud, gateway, sensor = filled(rig)
        for node, model, owner in ((cloud, "Reading", 101), (gateway, "Fault", 101), (sensor, "Config", 0)):
            equal(by_hand(rig, node, owner, model), node.digests()[(model, owner)], f"{model} at {node.name}")
        rows = cloud.json_lines("verify")
        scope = next(row for row in rows if row["model"] == "Reading")
        equal((scope["items"], scope["tombstones"], scope["count"]), (199, 1, 200), "the counts")


def case_a_change_behind_the_daemons_back_shows():
    with Rig() as rig:
        cloud, gateway, sensor = filled(rig)
        with sqlite3.connect(cloud.folder / "replica.db", timeout=10) as database:
            database.execute("DELETE FROM item WHERE sk = 'reading#r000050'")
        true(cloud.digests()[("Reading", 101)] != gateway.digests()[("Reading", 101)], "the digests differ")
        equal(cloud.digests()[("Fault", 101)], gateway.digests()[("Fault", 101)], "the other scope")


DIFFERS = 7  # exit code of verify LINK


def case_a_tampered_replica_is_found_and_repaired_from_the_other_end():
    with Rig() as rig:
        cloud, gateway, sensor = filled(rig)
        true(json.loads(gateway.run("verify", "parent", "--json"))["equal"], "before")
        cloud.stop()
        with sqlite3.connect(cloud.folder / "replica.db", timeout=10) as database:
            database.execute("DELETE FROM item WHERE sk = 'reading#r000050'")
            database.execute("UPDATE item SET version_hlc = version_hlc - 65536, digest = digest + 1"
                             " WHERE sk IN ('reading#r000060', 'reading#r000061')")
        cloud.start()
        rig.wait_linked(gateway, cloud)
        for node, side in ((gateway, "missing_there"), (cloud, "missing_here")):
            found = json.loads(fails(node.attempt("verify", str(gateway.agent if node is cloud else 1), "--json"),
                                     DIFFERS).out)
            equal([(one["model"], one[side], one["differing"], one["mended"]) for one in found["models"]],
                  [("Reading", 1, 2, 0)], f"what {node.name} finds")
        true(cloud.digests()[("Reading", 101)] != gateway.digests()[("Reading", 101)], "nothing was changed")
        mended = json.loads(fails(gateway.attempt("verify", "--repair", "parent", "--json"), DIFFERS).out)
        equal([one["mended"] for one in mended["models"]], [3], "mended")
        true(json.loads(gateway.run("verify", "parent", "--json"))["equal"], "after")
        settled([sensor, gateway, cloud], "Reading", 101)


def read_rows(link):
    """The link's last comparison, when it read rows."""
    last = link["verify"].get("last") if link else None
    return last if last and last["rows"] > 0 else None


def case_nobody_asks_and_a_lost_row_comes_back():
    with Rig() as rig:
        cloud, gateway, sensor = filled(rig, sync={"verify_period": "2s"})
        cloud.stop()
        with sqlite3.connect(cloud.folder / "replica.db", timeout=10) as database:
            database.execute("DELETE FROM item WHERE sk = 'reading#r000050'")
        cloud.start()
        settled([sensor, gateway, cloud], "Reading", 101)
        # Both may still hold the comparison before, of replicas that were empty.
        for link in (gateway.parent_link, lambda: cloud.child_link(10)):
            last = wait_until(lambda: read_rows(link()), "a comparison that read rows is told")
            equal(last["cause"], "period", "why they were compared")
        has(gateway.run("status"), "verified", "by itself")


if __name__ == "__main__":
    harness.main(globals())
