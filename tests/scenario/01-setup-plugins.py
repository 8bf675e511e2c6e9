#!/usr/bin/env python3
"""What may be loaded as a plugin, and what is said of a file that may not."""
import os
import shutil

import harness
from harness import Rig, equal, fails, has


def sensor(rig):
    return rig.node("sensor", "device", 101, uplink={"port": 1, "prefix": "p"})


def own_folder(rig):
    """A folder for plugins that is trusted along its whole path; /tmp would not be."""
    folder = rig.root / f"test-plugins-{os.getpid()}"
    folder.mkdir(mode=0o755)
    return folder


def with_plugin(change, code, *parts):
    """Runs --check with a copy of storage-sqlite in a trusted folder, after change(path)."""
    with Rig() as rig:
        folder = own_folder(rig)
        try:
            path = folder / "storage-sqlite.so"
            shutil.copy(rig.plugin_dir / "storage-sqlite.so", path)
            path.chmod(0o644)
            node = sensor(rig)
            node.config["storage"]["plugin"] = str(path)
            change(path)
            done = node.check()
            if code == 0:
                equal(done.code, 0, done.err)
            else:
                fails(done, code, *parts)
        finally:
            shutil.rmtree(folder)


def case_good_plugin_of_another_folder_is_taken():
    with_plugin(lambda path: None, 0)


def case_not_elf_is_told():
    with_plugin(lambda path: path.write_text("#!/bin/sh\n" * 50), 78, "storage-sqlite.so", "ELF")


def case_truncated_file_is_told():
    with_plugin(lambda path: os.truncate(path, 3000), 78, "storage-sqlite.so")


def case_no_note_is_told():
    def other_library(path):
        shutil.copy(os.path.realpath("/usr/lib/x86_64-linux-gnu/libz.so.1"), path)
    if not os.path.exists("/usr/lib/x86_64-linux-gnu/libz.so.1"):
        raise harness.Skip("no libz to take for a plugin")
    with_plugin(other_library, 78, "storage-sqlite.so", "note")


def case_missing_file_is_told():
    with_plugin(lambda path: path.unlink(), 78, "storage-sqlite.so")


def case_writable_by_others_is_refused_with_the_remedy():
    with_plugin(lambda path: path.chmod(0o666), 78, "storage-sqlite.so", "writable", "chmod")


def case_writable_folder_is_refused():
    with_plugin(lambda path: path.parent.chmod(0o777), 78, "test-plugins-", "writable", "chmod")


def case_other_owner_is_refused():
    if os.geteuid() != 0:
        raise harness.Skip("only root can give a file away")
    with_plugin(lambda path: os.chown(path, 12345, -1), 78, "storage-sqlite.so", "12345")


def case_relative_path_is_refused():
    with Rig() as rig:
        node = sensor(rig)
        node.config["storage"]["plugin"] = "lib/storage-sqlite.so"
        fails(node.check(), 78, "tidegate.yaml:8:11", "/opt/")


def case_wrong_kind_for_its_place_is_told():
    with Rig() as rig:
        node = sensor(rig)
        node.config["storage"] = {"plugin": "policy-onetable"}
        fails(node.check(), 78, "tidegate.yaml:", "policy-onetable", "storage")


def case_plugin_configuration_is_checked_with_line_and_column():
    with Rig() as rig:
        node = sensor(rig)
        node.config["storage"]["config"]["pth"] = "x"
        done = fails(node.check(), 78, "unknown key 'pth'", "'path'")
        line = next(at for at, text in enumerate(node.config_path.read_text().splitlines(), 1) if "pth" in text)
        has(done.err, f"tidegate.yaml:{line}:5")


def case_list_and_info_read_the_notes():
    with Rig() as rig:
        listed = rig.command("plugin", "list", "--json", "--config", sensor(rig).write_config())
        equal(listed.code, 0, listed.err)
        has(listed.out, "storage-sqlite", "storage-memory", "transport-mqtt", "policy-onetable")
        info = rig.command("plugin", "info", rig.plugin_dir / "transport-mqtt.so")
        equal(info.code, 0, info.err)
        has(info.out, "transport-mqtt", "transport", "broker_acl")
        has(rig.command("plugin", "info", rig.plugin_dir / "transport-mqtt.so", "--json").out, '"id"')
        fails(rig.command("plugin", "info", rig.schema), 1, "device.json5", "ELF")


def case_info_runs_no_code():
    """A file whose note is good and whose code is cut away can be described, not loaded."""
    with Rig() as rig:
        path = rig.folder / "storage-memory.so"
        data = bytearray((rig.plugin_dir / "storage-memory.so").read_bytes())
        entry = data.find(b"\x7fELF")
        equal(entry, 0, "an ELF file")
        # Another entry symbol: dlsym would find nothing, the note is as it was.
        at = data.find(b"tg_plugin_entry_v1\0")
        data[at:at + 2] = b"xx"
        path.write_bytes(data)
        info = rig.command("plugin", "info", path)
        equal(info.code, 0, info.err)
        has(info.out, "storage-memory")


if __name__ == "__main__":
    harness.main(globals())
