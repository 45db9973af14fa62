"""Runs every row of the table of speeds, ours and the peers' turn by turn, and prints the ratios.

Started by bench/run, which sees to the peers and our worker. Each row has two processes of its own, so that its peak of
memory is its own; while one works the other is stopped. A pair is a block of ours and one of theirs, one after the other; a
pair in which other processes used more than a tenth of a core is measured again. Printed are medians of the blocks' medians, and
the median of the ratios pair by pair.
"""

import argparse
import ctypes
import datetime
import json
import math
import os
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent
THREADS = "2"
HERTZ = os.sysconf("SC_CLK_TCK")
# Cores that other processes may use during a pair.
OTHERS = 0.1

SHAPES = [
    "20/35/200/200",
    "20/35/650/650",
    "64/100/64/64",
    "32/50/32/128",
    "16/256/64/256",
    "128/28/28/128",
    "1/500/8/32",
    "64/50/300/512/bidirectional",
]
# Group, what it is for people, its rows, the bar and the aim of the ratio.
GROUPS = [
    ("LSTM training step (batch/steps/inputs/hidden)", [f"lstm:{s}" for s in SHAPES], 1.8, None),
    ("GRU training step", [f"gru:{s}" for s in SHAPES], 4.0, None),
    ("RNN training step", [f"rnn:{s}" for s in SHAPES], 2.0, None),
    ("LSTM, lengths 10 to 100, against PackedSequence", ["lstm-lengths:64/100/256/256"], 3.0, None),
    ("the same against padding", ["lstm-padded:64/100/256/256"], None, None),
    ("one step of a stream (batch/inputs/hidden)", ["lstm-stream:1/64/128", "gru-stream:1/64/128", "rnn-stream:1/64/128"], 20.0, None),
    ("autoencoder step (batch:widths)", ["autoencoder:256:784-500-500-2000-10-2000-500-500-784"], 1.3, None),
    ("autoencoder step", ["autoencoder:128:784-128-32-128-784"], 1.5, None),
    ("autoencoder step", ["autoencoder:32:64-32-8-32-64"], 4.0, None),
    ("convolutional autoencoder step (batch:side:maps:widths)", ["convolutional:100:28:16-32-32:450-64"], 1.0, None),
    ("PCA of rows in memory", ["pca:60000x784:30"], 1.0, 2.0),
    ("PCA of a file, reading included", ["pca-file:60000x784:30"], 1.0, 2.0),
    ("k-means, whole fit", ["k-means:70000x10:10", "k-means:70000x784:10"], 1.0, 2.0),
    ("k-means from the same rows", ["k-means-from:70000x10:10", "k-means-from:70000x784:10"], 1.0, 2.0),
    ("exact search, a sixth of the rows among all", ["nearest:60000x784:5", "nearest:60000x30:5"], 1.0, 2.0),
]
CEILING = "sgemm:2048"
# Work on rows from a file.
FROM_DATA = ("pca", "pca-file", "k-means", "k-means-from", "nearest")


def flops(name):
    """Multiplications and additions that the work cannot do without; None where that is not the measure."""
    kind, sizes = name.split(":", 1)
    gates = {"lstm": 4, "gru": 3, "rnn": 1}
    if kind in gates:
        both = sizes.endswith("/bidirectional")
        b, t, i, h = map(int, sizes.removesuffix("/bidirectional").split("/"))
        one = 2 * t * b * gates[kind] * h * (3 * (i + h) - i)
        return one * (2 if both else 1)
    if kind in ("lstm-lengths", "lstm-padded"):
        b, t, i, h = map(int, sizes.split("/"))
        tokens = sum(10 + (k * 29 % b) * (t - 10) // (b - 1) for k in range(b))
        return 2 * tokens * 4 * h * (3 * (i + h) - i)
    if kind == "autoencoder":
        batch, widths = sizes.split(":")
        w = list(map(int, widths.split("-")))
        return 2 * int(batch) * (3 * sum(a * b for a, b in zip(w, w[1:])) - w[0] * w[1])
    if kind == "sgemm":
        return 2 * int(sizes) ** 3
    return None


def busy():
    """Seconds all cores together have worked, time stolen from this machine included."""
    f = [int(v) for v in open("/proc/stat").readline().split()[1:]]
    return (f[0] + f[1] + f[2] + f[5] + f[6] + f[7]) / HERTZ


def used(pid):
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / HERTZ


def die_with_parent():
    """A worker that is stopped would never notice that the driver is gone."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Worker:
    """A process that speaks the protocol; stopped while it is not asked."""

    def __init__(self, command, data):
        threads = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "LATENTIA_THREADS"]
        env = dict(os.environ, BENCH_DATA=str(data), **{name: THREADS for name in threads})
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, preexec_fn=die_with_parent
        )
        self.stop()

    def stop(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def ask(self, line):
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.process.args[0]} ended at: {line}")
        self.stop()
        return json.loads(answer)

    def block(self, name, repetitions):
        """The median of a block, what others used of the machine meanwhile, and all of it for the record."""
        pid = self.process.pid
        b, m, d, t = busy(), used(pid), used(os.getpid()), time.perf_counter()
        answer = self.ask(f"{name} {repetitions}")
        wall = time.perf_counter() - t
        others = max(0.0, (busy() - b) - (used(pid) - m) - (used(os.getpid()) - d)) / wall
        return {"median": median(answer["ms"]), "others": others, "wall": wall, **answer}

    def end(self):
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


def median(values):
    v = sorted(values)
    n = len(v)
    return (v[n // 2] + v[(n - 1) // 2]) / 2 if n else math.nan


def make_data(folder, names):
    """A mixture of ten overlapping Gaussians in few dimensions, with noise in all: what images are like, and no two alike."""
    import numpy as np

    shapes = {n.split(":")[1] for n in names if n.split(":")[0] in FROM_DATA}
    for shape in sorted(shapes):
        rows, cols = map(int, shape.split("x"))
        rng = np.random.default_rng(0)
        inner = min(cols, 30)
        scale = np.linspace(1.5, 0.3, inner)
        centres = rng.standard_normal((10, inner)) * scale
        mix = rng.standard_normal((inner, cols)) / np.sqrt(inner)
        with open(folder / f"{shape}.f32", "wb") as file:
            for first in range(0, rows, 10_000):
                n = min(10_000, rows - first)
                z = centres[rng.integers(10, size=n)] + rng.standard_normal((n, inner)) * scale
                x = z @ mix + 0.3 * rng.standard_normal((n, cols))
                x.astype("<f4").tofile(file)


class Company:
    """Programs that want a core each, as on a machine that is shared."""

    def __init__(self, count, nice):
        start = lambda: (os.nice(nice), die_with_parent())
        self.programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=start) for _ in range(count)]

    def end(self):
        for program in self.programs:
            program.kill()


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder, self.pair, self.raw = options, folder, None, []

    def workers(self):
        if self.pair is None:
            ours = Worker([str(self.options.worker)], self.folder)
            theirs = Worker([sys.executable, str(BENCH / "peer.py")], self.folder)
            self.pair = (ours, theirs)
        return self.pair

    def release(self):
        for worker in self.pair or ():
            worker.end()
        self.pair = None

    def row(self, name):
        o = self.options
        sides = self.workers()
        # The first time sets the work up and warms it; it also tells how many repetitions fill a block.
        repetitions = []
        for side in sides:
            first = side.block(name, 1)
            seconds = first["median"] / 1e3
            if seconds < o.block:
                again = side.block(name, 3)
                seconds = again["wall"] / len(again["ms"])
            repetitions.append(max(1, min(2000, round(o.block / max(seconds, 1e-6)))))
        pairs, began = [], time.perf_counter()
        while True:
            blocks = [side.block(name, n) for side, n in zip(sides, repetitions)]
            wall = sum(b["wall"] for b in blocks)
            others = sum(b["others"] * b["wall"] for b in blocks) / wall
            pairs.append({"ours": blocks[0], "theirs": blocks[1], "others": others, "clean": o.beside > 0 or others <= OTHERS})
            clean = sum(p["clean"] for p in pairs)
            # A machine that is never quiet must not keep us for ever.
            if clean >= o.rounds or len(pairs) >= 2 * o.rounds or (clean and time.perf_counter() - began > o.patience):
                break
        peaks = [side.ask("peak")["peak_kib"] for side in sides]
        if not o.quick:
            self.release()
        kept = [p for p in pairs if p["clean"]] or sorted(pairs, key=lambda p: p["others"])[:2]
        result = {
            "name": name,
            "ours_ms": median([p["ours"]["median"] for p in kept]),
            "theirs_ms": median([p["theirs"]["median"] for p in kept]),
            "ratio": median([p["theirs"]["median"] / p["ours"]["median"] for p in kept]),
            "clean": sum(p["clean"] for p in pairs),
            "pairs": len(pairs),
            "others": median([p["others"] for p in kept]),
            "ours_peak_mib": peaks[0] / 1024,
            "theirs_peak_mib": peaks[1] / 1024,
            "notes": [kept[-1]["ours"]["note"], kept[-1]["theirs"]["note"]],
        }
        self.raw.append({**result, "blocks": pairs})
        return result


def number(ms):
    return f"{ms:.4f}" if ms < 0.1 else f"{ms:.3g}" if ms < 1000 else f"{ms:.0f}"


def machine():
    info = [line.split(":", 1) for line in open("/proc/cpuinfo") if ":" in line]
    cpu = {k.strip(): v.strip() for k, v in info}
    memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
    flags = [f for f in ("avx2", "fma", "avx512f") if f in cpu.get("flags", "").split()]
    return f"{os.cpu_count()} cores, {cpu.get('model name', platform.processor())}, {cpu.get('cpu MHz', '?')} MHz, cache {cpu.get('cache size', '?')}, {' '.join(flags)}, {memory} GiB, {platform.system()} {platform.release()}"


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", help="only rows whose name contains one of these, as lstm: or 784")
    parser.add_argument("--quick", action="store_true", help="short blocks and few of them, less than a minute in all; peaks are those of all rows before, too")
    parser.add_argument("--rounds", type=int, help="pairs of blocks a row (5; quick 1)")
    parser.add_argument("--beside", type=int, default=0, metavar="N", help="N other programs work all the time, as on a machine that is shared; every pair then counts")
    parser.add_argument("--nice", type=int, default=0, help="their priority as nice(1) has it: 0 that of the rows, 19 the lowest")
    parser.add_argument("--output", type=pathlib.Path, help="folder for the raw rows (bench/results/DATE-speed; quick: none)")
    parser.add_argument("--worker", type=pathlib.Path, default=BENCH.parent / "target" / "release" / "latentia-bench-worker", help=argparse.SUPPRESS)
    o = parser.parse_args()
    o.rounds = o.rounds or (1 if o.quick else 5)
    o.block = 0.08 if o.quick else 0.6
    o.patience = 1.0 if o.quick else 20.0
    # Whole names, or parts of them.
    asked = lambda name: not o.rows or any(r in name for r in o.rows)
    groups = [(what, [n for n in names if asked(n)], bar, aim) for what, names, bar, aim in GROUPS]
    groups = [g for g in groups if g[1]]
    if not groups:
        parser.error("no row has such a name: " + " ".join(n for _, names, _, _ in GROUPS for n in names))
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_data(folder, [n for g in groups for n in g[1]])
        bench = Bench(o, folder)
        versions = bench.workers()[1].ask("versions")
        held = [worker.ask("peak")["peak_kib"] / 1024 for worker in bench.workers()]
        company = Company(o.beside, o.nice)
        try:
            text, results = table(bench, groups, versions, held)
        finally:
            company.end()
            for worker in bench.pair or ():
                worker.process.kill()
    if all(r["clean"] for r in results):
        text += ["", f"{time.time() - began:.0f} s."]
    else:
        text += ["", f"{time.time() - began:.0f} s. A row marked ~ had no pair in which the machine was ours alone: do not believe it."]
    print("\n".join(text[-2:]))
    if not o.quick or o.output:
        keep(o, text, bench.raw, versions)


def table(bench, groups, versions, held):
    text = []

    def say(line):
        text.append(line)
        print(line, flush=True)

    say(f"machine: {machine()}")
    if bench.options.beside:
        say(f"beside {bench.options.beside} other programs that work all the time, nice {bench.options.nice}")
    say(f"threads: {THREADS} on both sides, f32. Peers: " + ", ".join(f"{k} {v}" for k, v in versions.items()))
    top = bench.row(CEILING)
    rate = flops(CEILING) / top["theirs_ms"] / 1e6
    say(f"ceiling: sgemm 2048³, peer's {rate:.0f} GF/s, ours {flops(CEILING) / top['ours_ms'] / 1e6:.0f} GF/s")
    say(f"memory: the peaks are those of whole processes; before any work ours holds {held[0]:.0f} MiB, the peer's with its libraries loaded {held[1]:.0f} MiB")
    say("")
    say("| work | ours ms | peer ms | ratio | ceiling | pairs | ours MiB | peer MiB | memory |")
    say("|---|---|---|---|---|---|---|---|---|")
    results = [top]
    for what, names, bar, aim in groups:
        rows = []
        for name in names:
            r = bench.row(name)
            rows.append(r)
            work = flops(name)
            share = f"{100 * work / r['ours_ms'] / 1e6 / rate:.0f} %" if work and not name.endswith("64-32-8-32-64") else ""
            mark = "" if r["clean"] else " ~"
            say(
                f"| {name}{mark} | {number(r['ours_ms'])} | {number(r['theirs_ms'])} | {r['ratio']:.2f} | {share} | {r['clean']}/{r['pairs']} "
                f"| {r['ours_peak_mib']:.0f} | {r['theirs_peak_mib']:.0f} | {r['ours_peak_mib'] / r['theirs_peak_mib']:.2f} |"
            )
            if any(r["notes"]):
                say(f"|   ours: {r['notes'][0].split('; ')[-1]}; peer: {r['notes'][1].split('; ')[-1]} | | | | | | | | |")
        mean = math.exp(sum(math.log(r["ratio"]) for r in rows) / len(rows))
        if bar:
            verdict = "meets" if mean >= bar else "MISSES"
            if not all(r["clean"] for r in rows):
                verdict = "the machine was not quiet"
            goal = f"bar {bar:g}" + (f", aim {aim:g}" if aim else "")
            say(f"| **{what}** | | | **{mean:.2f}** | {goal}: {verdict} | | | | |")
        results += rows
    return text, results


def keep(o, text, raw, versions):
    folder = o.output or BENCH / "results" / f"{datetime.date.today()}-speed"
    folder.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=BENCH, capture_output=True, text=True).stdout.strip()
    command = "bench/run " + " ".join(sys.argv[1:])
    (folder / "README.md").write_text("\n".join([f"`{command.strip()}` at commit {commit or 'unknown'}.", "", *text]) + "\n")
    with open(folder / "rows.jsonl", "w") as file:
        for row in raw:
            file.write(json.dumps(row) + "\n")
    print(f"raw rows: {folder}")


if __name__ == "__main__":
    main()
