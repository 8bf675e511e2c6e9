#!/usr/bin/env python3
"""tidegated --check: the examples are good, and what is wrong is told with its place."""
import harness
from harness import Rig, equal, fails, has


def example(rig, name):
    """A file of config/ with the paths of this rig."""
    text = (harness.SOURCE / "config" / name).read_text()
    secrets = rig.folder / "etc"
    secrets.mkdir(exist_ok=True)
    (secrets / "broker.password").write_text("secret\n")
    text = text.replace("/etc/tidegate", str(secrets)).replace("/run/tidegate/", f"{rig.folder}/")
    text = text.replace("/var/lib/tidegate/", f"{rig.folder}/")
    (rig.folder / "fleet.json5").write_text((harness.SOURCE / "config" / "fleet.json5").read_text())
    path = rig.folder / name
    path.write_text(text)
    return path


def check(rig, path):
    return rig.run_daemon("--config", path, "--check")


def broken(rig, old, new, *parts):
    """sensor.yaml with one text exchanged must be refused with every part in the message."""
    path = example(rig, "sensor.yaml")
    text = path.read_text()
    has(text, old)
    path.write_text(text.replace(old, new, 1))
    fails(check(rig, path), 78, *parts)


def case_examples_are_accepted():
    with Rig() as rig:
        for name in ("sensor.yaml", "gateway.yaml", "cloud.yaml"):
            done = check(rig, example(rig, name))
            equal(done.code, 0, f"{name}: {done.err}")
            has(done.out, "storage-sqlite", "transport-mqtt", "policy-onetable")
        equal([path.name for path in rig.folder.glob("*.db")], [], "a check makes no replica")


def case_unknown_key_names_the_nearest():
    with Rig() as rig:
        broken(rig, "      port: 1883", "      prot: 1883", "sensor.yaml:21:7", "unknown key 'prot'", "'port'")
        broken(rig, "sync_delay: 5s", "sync_dealy: 5s", "sensor.yaml:34:3", "'sync_delay'")
        broken(rig, "\nstorage:", "\nstroage:", "sensor.yaml:10:1", "'storage'")


def case_wrong_values_are_told_with_their_place():
    with Rig() as rig:
        broken(rig, "sync_delay: 5s", "sync_delay: 5 seconds", "sensor.yaml:34:15", "sync_delay")
        broken(rig, "role: device", "role: sensor", "sensor.yaml:4:9", "device")
        broken(rig, "port: 1883", "port: 'many'", "sensor.yaml:21:13", "port")
        broken(rig, "agent: 101", "agent: 1", "sensor.yaml:5:")
        broken(rig, "prefix: plant1", "prefix: 'plant1/#'", "prefix")


def case_yaml_that_is_read_in_two_ways_is_refused():
    with Rig() as rig:
        broken(rig, "  sync_limit: 10KB", "  sync_delay: 6s", "sensor.yaml:35:3", "sync_delay")
        broken(rig, "context:", "a: &x [1]\nb: [*x, *x]\ncontext:", "sensor.yaml:37:", "anchor")
        broken(rig, "role: device", "role: [device", "sensor.yaml:")
        broken(rig, "agent: 101 ", "agent: 0101 ", "sensor.yaml:5:10")


def case_references_that_lead_nowhere_are_told():
    with Rig() as rig:
        broken(rig, "host: gateway.example", "host: ${env:TIDEGATE_NOT_SET}", "sensor.yaml:20:13", "TIDEGATE_NOT_SET")
        broken(rig, "host: gateway.example", "host: ${file:no-such-file}", "sensor.yaml:20:13", "no-such-file")
        broken(rig, "- fleet.json5", "- no-such.json5", "no-such.json5")


def case_all_that_is_wrong_is_told_at_once():
    with Rig() as rig:
        path = example(rig, "sensor.yaml")
        path.write_text(path.read_text().replace("sync_delay:", "sync_dealy:").replace("role: device", "role: sensor"))
        fails(check(rig, path), 78, "sensor.yaml:4:9", "sensor.yaml:34:3")


def case_conf_d_is_merged_and_named():
    with Rig() as rig:
        path = example(rig, "sensor.yaml")
        (rig.folder / "conf.d").mkdir()
        site = rig.folder / "conf.d" / "50-site.yaml"
        site.write_text("sync:\n  sync_delay: 1s\n")
        equal(check(rig, path).code, 0, "a good conf.d")
        site.write_text("sync:\n  sync_delay: soon\n")
        fails(check(rig, path), 78, "50-site.yaml:2:15")


def case_schema_error_has_its_place():
    with Rig() as rig:
        path = example(rig, "sensor.yaml")
        schema = rig.folder / "fleet.json5"
        schema.write_text(schema.read_text().replace("type: 'number'", "type: 'numbr'", 1))
        fails(check(rig, path), 78, "fleet.json5:17:28", "numbr")


def case_wrong_configuration_ends_a_start_with_78_too():
    with Rig() as rig:
        path = example(rig, "sensor.yaml")
        path.write_text(path.read_text().replace("role: device", "role: sensor"))
        fails(rig.run_daemon("--config", path), 78, "sensor.yaml:4:9")
        fails(rig.run_daemon("--config", rig.folder / "none.yaml"), 78, "none.yaml")


if __name__ == "__main__":
    harness.main(globals())
