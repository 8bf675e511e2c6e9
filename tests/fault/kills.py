#!/usr/bin/env python3
"""SIGKILLs any node and any broker at random moments, under load, and checks that nothing acknowledged is lost and
nothing is there twice.

usage: tests/fault/kills.py [--kills N] [--seed S] [--keep]

The seed fixes who is killed, when, for how long, and what is written; the interleaving is the machine's.
exit status: 0 all held, 1 not
"""
import random
import sys
import time

from load import Rig, Run, options_of, verdict


def kill(targets, kills, seed):
    """What Run.go does meanwhile: kills, one after the other."""
    drawn = random.Random(seed)

    def disturb(run):
        every = max(1, kills // 10)
        for number in range(1, kills + 1):
            time.sleep(drawn.uniform(0.02, 0.6))
            target = drawn.choice(targets)
            away_s = drawn.choice((0, 0, drawn.uniform(0, 1.5)))
            target.kill()
            time.sleep(away_s)
            target.start()
            if run.failed():
                return
            if number % every == 0 or kills <= 20:
                run.note(f"kill {number:4} of {kills}: {target.name}, away {away_s:.2f} s")
    return disturb


def main():
    options = options_of("tests/fault/kills.py", __doc__, "kills", 20)
    started = time.monotonic()
    with Rig(keep=options.keep) as rig:
        tree = rig.started_tree(2, sync={"sync_delay": "50ms"})
        cloud, gateway, sensors = tree
        failed = Run(rig, tree, options.seed).go(kill([cloud, gateway, *sensors, *rig.brokers], options.count, options.seed))
    print(f"{options.count} kills in {time.monotonic() - started:.0f} s: {verdict(failed, options.again)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
