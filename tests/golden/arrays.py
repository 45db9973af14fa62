"""Writes the small array and Parquet files that crates/latentia/tests/data_formats.rs reads.

    pip install numpy==2.4.6 pyarrow==26.0.1 && python tests/golden/arrays.py

Every table holds x[i, j] = 3 i + j - 4 (5 rows, 3 columns), or its magnitude where the type has no sign.
"""

import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

out = pathlib.Path(__file__).parent / "data"
out.mkdir(exist_ok=True)

x = np.arange(15).reshape(5, 3) - 4
for name in ["<f2", "<f4", ">f4", "<f8", ">f8", "|i1", "<i2", ">i2", "<i4", "<i8", ">i8"]:
    order = "be" if name[0] == ">" else "le"
    np.save(out / f"{name[1:]}-{order}.npy", x.astype(name))
for name in ["|u1", "<u2", "<u4", ">u4", "<u8"]:
    order = "be" if name[0] == ">" else "le"
    np.save(out / f"{name[1:]}-{order}.npy", np.abs(x).astype(name))
np.save(out / "bool.npy", x > 0)
np.save(out / "fortran.npy", np.asfortranarray(x.astype("<f4")))
np.save(out / "vector.npy", np.arange(5).astype("<f4"))
images = np.arange(2 * 2 * 3).reshape(2, 2, 3).astype("u1")
np.save(out / "grey.npy", images)
np.save(out / "grey-fortran.npy", np.asfortranarray(images))
colour = np.arange(2 * 2 * 2 * 3).reshape(2, 2, 2, 3).astype("u1")
np.save(out / "colours-last.npy", colour)
np.save(out / "colours-first.npy", colour.transpose(0, 3, 1, 2).copy())
np.save(out / "objects.npy", np.array([["a", 1]], dtype=object))
np.savez(out / "plain.npz", X=x.astype("f8"), y=np.array([0, 1, 0, 1, 1]))
np.savez_compressed(out / "packed.npz", X=x.astype("f4"), y=np.array([0, 1, 0, 1, 1], dtype="u1"))
np.savez(out / "only.npz", rows=np.asfortranarray(x.astype("f4")), other=np.arange(3))

table = pa.table(
    {
        "f4": pa.array([1.5, 2.5, None, 4.5], pa.float32()),
        "f8": pa.array([0.1, 0.2, 0.3, 0.4], pa.float64()),
        "i8": pa.array([-1, 2, -3, 4], pa.int64()),
        "u1": pa.array([1, 2, 3, 255], pa.uint8()),
        "bool": pa.array([True, False, None, True]),
        "text": pa.array(["a", "b", None, "a"]),
        "kind": pa.array(["x", "y", "x", "x"]).dictionary_encode(),
        "key": pa.array([9007199254740993, 2, 3, 4], pa.int64()),
    }
)
pq.write_table(table, out / "mixed.parquet", compression="snappy")
pq.write_table(table, out / "mixed-zstd.parquet", compression="zstd", row_group_size=2)
