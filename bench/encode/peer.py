"""The peer of `latentia encode`: the same rows through the same encoder in PyTorch with pyarrow.

Usage: python peer.py make ROWS FILE.parquet      writes rows of 64 float32 columns
       python peer.py encode MODEL FILE.parquet OUT.parquet
Needs torch, pyarrow, numpy, safetensors.
"""

import json
import resource
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = 64


def make(rows, path):
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((8, COLUMNS)).astype(np.float32)
    schema = pa.schema([(f"x{i}", pa.float32()) for i in range(COLUMNS)])
    with pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=False) as writer:
        for start in range(0, rows, 100_000):
            n = min(100_000, rows - start)
            x = np.tanh(rng.standard_normal((n, 8), dtype=np.float32) @ mix)
            x += 0.1 * rng.standard_normal((n, COLUMNS), dtype=np.float32)
            writer.write_table(pa.table([pa.array(x[:, i]) for i in range(COLUMNS)], schema=schema))


def encode(model, path, out):
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(2)
    manifest = json.load(open(f"{model}/model.json"))
    features = manifest["preprocess"]["features"]
    names = [f["name"] for f in features]
    offset = torch.tensor([f["number"]["offset"] if "number" in f else f["offset"] for f in features])
    scale = torch.tensor([f["number"]["scale"] if "number" in f else f["scale"] for f in features])
    weights = load_file(f"{model}/weights.safetensors")
    layers = [(weights[f"encoder.layers.{i}.weight"], weights[f"encoder.layers.{i}.bias"]) for i in range(2)]
    begin, rows, writer = time.perf_counter(), 0, None
    with torch.inference_mode():
        for batch in pq.ParquetFile(path).iter_batches(batch_size=65_536, columns=names):
            x = torch.from_numpy(np.stack([c.to_numpy(zero_copy_only=False) for c in batch.columns], axis=1))
            h = (x - offset) / scale
            h = torch.nn.functional.elu(torch.nn.functional.linear(h, *layers[0]))
            h = torch.nn.functional.linear(h, *layers[1]).numpy()
            table = pa.table({f"code{j + 1}": h[:, j] for j in range(h.shape[1])})
            writer = writer or pq.ParquetWriter(out, table.schema)
            writer.write_table(table)
            rows += len(h)
    writer.close()
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"pytorch {torch.__version__}: {rows} rows, {seconds:.2f} s, {rows / seconds:.0f} rows/s, peak {peak:.0f} MB")


if sys.argv[1] == "make":
    make(int(sys.argv[2]), sys.argv[3])
else:
    encode(*sys.argv[2:5])
