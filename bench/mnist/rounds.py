"""Fits the recipe by the program and by the peer, turn by turn; see bench/mnist/run."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def peak_mb(pid):
    try:
        lines = open(f"/proc/{pid}/status").read().splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)
    except OSError:
        return None


def written(checkpoint):
    """When the folder of the checkpoint last changed; None while there is none."""
    try:
        return max((p.stat().st_mtime for p in checkpoint.iterdir() if p.is_dir()), default=None)
    except OSError:
        return None


def ours(model, epochs):
    """Fits; the model is trained when the checkpoint of the last epoch is complete."""
    command = [f"{os.environ.get('CARGO_TARGET_DIR', 'target')}/release/latentia", "fit", "recipes/mnist-autoencoder.toml", "-o", str(model), "--threads", "2", "--json", "--quiet",
               "--set", f"train.epochs={epochs}", "--set", f"train.checkpoint-epochs={epochs}", "--set", "train.checkpoint-minutes=0"]
    began, wall = time.perf_counter(), time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    trained = peak = None
    while process.poll() is None:
        at = written(model / "checkpoint")
        if trained is None and at:
            trained, peak = at - wall, peak_mb(process.pid)
        time.sleep(0.02)
    whole = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(process.returncode)
    answer = json.loads(process.stdout.read())
    if trained is None:
        raise SystemExit("no checkpoint was seen: was it removed within 20 ms?")
    error = answer["figures"]["parts"][-1]["squared_error"]
    print(f"latentia: trained in {trained:.1f} s, peak {peak:.0f} MB, test squared error {error:.3f}; with baselines and report {whole:.1f} s", flush=True)


def main(python, epochs, rounds):
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            ours(pathlib.Path(folder) / "model", epochs)
            subprocess.run([python, "bench/mnist/peer.py", str(epochs), f"{folder}/model.pt"], check=True)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
