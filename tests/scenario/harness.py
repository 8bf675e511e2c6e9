"""What every scenario uses: the rig, a few checks, and the main program that runs the cases of a file.

A scenario is a file of cases: functions named case_..., run one after the other, each with processes of its own.

    python3 tests/scenario/FILE [CASE...]     --keep leaves the folders with replicas and logs

exit status: 0 all held, 1 one did not, 77 all were skipped
"""
import hashlib
import json
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
sys.path.insert(0, str(SOURCE / "script"))
sys.dont_write_bytecode = True

from rig import CommandFailed, Relay, wait_until  # noqa: E402
from rig import NotHere as Skip  # noqa: E402
from rig import Rig as PlainRig  # noqa: E402

__all__ = ["CommandFailed", "Relay", "Rig", "Skip", "SOURCE", "NOW", "changed_schema", "equal", "fails", "fault", "has", "main",
           "noise", "reading", "same_digests", "settled", "true", "wait_until"]

NOW = "2026-01-02T03:04:05.000Z"
_keep = False


class Rig(PlainRig):
    def __init__(self, **options):
        super().__init__(keep=_keep, **options)
        if _keep:
            print(f"      kept: {self.folder}")


# ---- checks ----

def true(holds, what):
    if not holds:
        raise AssertionError(what)


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}:\n  found    {found!r}\n  expected {expected!r}")


def has(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in:\n{text}")


def fails(done, code, *parts):
    """done: what Node.attempt gives. The message must have every part."""
    if done.code != code:
        raise AssertionError(f"exit code {done.code}, expected {code}:\n{done.err}{done.out}")
    has(done.err, *parts)
    return done


# ---- data ----

def reading(number, **fields):
    return {"id": f"r{number:06d}", "station": "s", "time": NOW, "temperature": number, **fields}


def fault(number, **fields):
    return {"id": f"f{number}", "device": "d", "time": NOW, "severity": "info", "subject": "s", "message": "m", **fields}


def noise(size, seed):
    """Text that does not compress."""
    text = ""
    while len(text) < size:
        text += hashlib.sha256(f"{seed} {len(text)}".encode()).hexdigest()
    return text[:size]


def changed_schema(rig, name, *changes):
    """The rig's schema with texts exchanged, as a file of its own."""
    text = rig.schema.read_text()
    for old, new in changes:
        true(old in text, f"{old!r} is not in {rig.schema}")
        text = text.replace(old, new)
    path = rig.folder / name
    path.write_text(text)
    return path


# ---- waiting ----

def same_digests(nodes, model, owner):
    """Whether all nodes hold something of the scope, and the same."""
    found = [node.digests().get((model, owner)) for node in nodes]
    return found[0] is not None and all(one == found[0] for one in found)


def settled(nodes, model, owner, timeout_s=60):
    try:
        wait_until(lambda: same_digests(nodes, model, owner), "", timeout_s)
    except AssertionError:
        told = "\n".join(f"  {node.name}: {json.dumps(node.digests().get((model, owner)))}" for node in nodes)
        raise AssertionError(f"the digests of {model}, owner {owner}, are not equal:\n{told}") from None


# ---- the main program ----

def main(module):
    """module: globals() of the file."""
    global _keep
    words = sys.argv[1:]
    _keep = "--keep" in words
    chosen = [word for word in words if word != "--keep"]
    cases = [(name, case) for name, case in module.items() if name.startswith("case_")]
    if chosen:
        cases = [(name, case) for name, case in cases if any(word in name for word in chosen)]
    if not cases:
        sys.exit(f"no case is named {' or '.join(chosen)}")
    failed = skipped = 0
    for name, case in cases:
        started = time.monotonic()
        try:
            case()
            verdict = "ok    "
        except Skip as why:
            skipped += 1
            verdict = f"skip   ({why})"
        except Exception:  # the next case is run all the same
            traceback.print_exc(file=sys.stdout)
            failed += 1
            verdict = "FAILED"
        print(f"{verdict} {name.removeprefix('case_')} ({time.monotonic() - started:.1f} s)", flush=True)
    sys.exit(1 if failed else 77 if skipped == len(cases) else 0)
