"""Disks that fail and disks that fill, for one node each."""
import contextlib
import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent


class NotHere(Exception):
    """This machine lacks what a test needs."""


def faults_library(root):
    """tests/fault/io_faults.c, built beside the programs that are installed in root."""
    named = os.environ.get("TIDEGATE_IO_FAULTS_LIBRARY")
    beside = pathlib.Path(root).parent / "tests" / "fault" / "libio_faults.so"
    found = [pathlib.Path(named)] if named else [beside, *sorted(SOURCE.glob("build/*/tests/fault/libio_faults.so"))]
    for path in found:
        if path.exists():
            return path
    raise NotHere("tests/fault/libio_faults.so is not built")


class FailingDisk:
    """Faults for one node, on while their file is there: "write", "sync"."""

    def __init__(self, rig, name=""):
        self.folder = rig.folder / f"faults{name}"
        self.folder.mkdir()
        # The library comes before the sanitizer's, which takes notice otherwise.
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.under = ("env", f"LD_PRELOAD={faults_library(rig.root)}", f"TIDEGATE_IO_FAULTS={self.folder}",
                      f"ASAN_OPTIONS={options}")

    def set(self, fault):
        (self.folder / fault).touch()

    def clear(self, fault):
        (self.folder / fault).unlink()


@contextlib.contextmanager
def small_disk(rig, mib, name="disk"):
    """A file system of its own, mounted in the rig's folder; the nodes are stopped before it goes."""
    if os.geteuid() != 0:
        raise NotHere("mounting a file system needs root")
    folder = rig.folder / name
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        raise NotHere(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        for node in rig.nodes:
            node.stop()
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder, leave=0):
    """A file that takes all space but `leave` bytes."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            continue
    if leave:
        os.truncate(filler, max(0, filler.stat().st_size - leave))
    return filler
