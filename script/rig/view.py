"""The demo's view of the tiers: a table that is redrawn on a terminal, plain lines elsewhere."""
import sys
import threading
import time


def age(ms):
    return f"{ms / 1000:.1f} s" if ms < 100_000 else f"{ms / 60_000:.0f} min"


class View:
    def __init__(self, nodes, out=sys.stdout):
        self.nodes = nodes
        self.out = out
        self.live = out.isatty()
        self.started = time.monotonic()
        self.lines_drawn = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(10)
        self.draw()

    def say(self, text):
        """One line of the story, kept above the table."""
        with self.lock:
            self._erase()
            print(f"[{time.monotonic() - self.started:5.1f} s] {text}", file=self.out, flush=True)

    def draw(self):
        rows = [self._row(node) for node in self.nodes]
        with self.lock:
            self._erase()
            header = f"{'':10} {'items':>7} {'uplink':>8} {'pending':>8} {'lag':>8} {'hop at':>8} {'cloud at':>9}"
            bold = ("\033[1m", "\033[0m") if self.live else ("", "")
            lines = [bold[0] + header + bold[1]] + rows
            print("\n".join(lines), file=self.out, flush=True)
            self.lines_drawn = len(lines) if self.live else 0

    def _erase(self):
        if self.lines_drawn:
            self.out.write(f"\033[{self.lines_drawn}A\033[J")
            self.lines_drawn = 0

    def _row(self, node):
        try:
            status = node.status()
        except Exception:
            return f"{node.name:10} {'-':>7} {'stopped':>8}"
        link = next((one for one in status["links"] if one["is_parent"]), None)
        if link is None:
            return f"{node.name:10} {status['items']:>7}"
        acked = max((lane["acked"] for lane in link["lanes"]), default=0)
        delivered = max((lane["delivered"] for lane in link["lanes"]), default=0)
        return (f"{node.name:10} {status['items']:>7} {link['state']:>8} {link['pending_changes']:>8} "
                f"{age(link['oldest_pending_age_ms']):>8} {acked:>8} {delivered:>9}")

    def _run(self):
        every_s = 0.5 if self.live else 5.0
        while not self.stopping.wait(every_s):
            self.draw()
