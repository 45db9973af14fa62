"""Compares builds of our worker, turn by turn: what a change is worth.

    python3 bench/turns.py WORKER WORKER... --names NAME...

A worker is target/release/latentia-bench-worker of a commit, copied elsewhere; a name is one of the rows of bench/run, such as
lstm:20/35/200/200. Every round runs a block of each build, another one first each time. Printed are the median of the blocks'
medians in milliseconds and the median of the first build's ratio to each, round by round: above one, the other is faster.
"""

import argparse
import pathlib
import tempfile

from driver import Worker, make_data, median


def compare(workers, name, rounds, seconds):
    once = [worker.ask(f"{name} 3")["ms"] for worker in workers]
    repetitions = max(3, round(seconds * 1e3 / min(map(min, once))))
    blocks = []
    for turn in range(rounds):
        times = [None] * len(workers)
        for i in range(len(workers)):
            i = (i + turn) % len(workers)
            times[i] = median(workers[i].ask(f"{name} {repetitions}")["ms"])
        blocks.append(times)
    for i in range(len(workers)):
        yield median([block[i] for block in blocks]), median([block[0] / block[i] for block in blocks])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workers", nargs="+", type=pathlib.Path, help="builds of the worker")
    parser.add_argument("--names", nargs="+", required=True, help="rows of bench/run")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--block", type=float, default=0.15, help="seconds of a block")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_data(folder, options.names)
        for name in options.names:
            workers = [Worker([str(path)], folder) for path in options.workers]
            results = compare(workers, name, options.rounds, options.block)
            print(name, "  ".join(f"{ms:.4g} ms x{ratio:.3f}" for ms, ratio in results), flush=True)
            for worker in workers:
                worker.end()


if __name__ == "__main__":
    main()
