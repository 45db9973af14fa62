//! Rows through a model in flat memory: one thread reads ahead, one computes, one writes, in order.

use std::{
    panic,
    sync::mpsc,
    thread::{self, ScopedJoinHandle},
};

use latentia::{
    Result,
    data::{RowReader, Rows, Table},
};

use crate::{Failure, Outcome, progress, signals, sink::Sink, verbs::Context};

/// Numbers in a batch; its memory is four bytes for each, a few times over.
const BATCH_VALUES: usize = 1 << 20;
/// Rows in a batch: few enough for memory when rows are wide, enough to keep every thread busy when they are not.
const BATCH_ROWS: (usize, usize) = (64, 16_384);
/// Batches read ahead of the computation, and results ahead of the writer.
const AHEAD: usize = 2;

/// Rows of a batch for rows of this width.
pub(crate) fn batch_rows(width: usize) -> usize {
    (BATCH_VALUES / width.max(1)).clamp(BATCH_ROWS.0, BATCH_ROWS.1)
}

/// What reads a file for a model batch by batch, and the number of its rows where the file says so.
pub(crate) fn batches(
    mut reader: RowReader,
    width: usize,
) -> (impl FnMut() -> Result<Option<Rows>> + Send, Option<u64>) {
    let total = reader.rows_hint();
    (move || reader.next(batch_rows(width)), total)
}

/// Sends everything `read` gives through `compute` to `sink`.
pub(crate) fn run<T: Send>(
    read: impl FnMut() -> Result<Option<T>> + Send,
    total: Option<u64>,
    mut compute: impl FnMut(T) -> Result<Table>,
    mut sink: Sink,
    context: &Context,
) -> Outcome {
    let (to_writer, tables) = mpsc::sync_channel::<Table>(AHEAD);
    let (computed, written) = thread::scope(|scope| {
        let writer =
            scope.spawn(move || tables.iter().try_for_each(|table| sink.write(&table)).map(|()| sink));
        let computed = for_each(read, total, context, |batch| {
            let table = compute(batch)?;
            let rows = table.rows();
            // A writer that is gone has failed, and says why when it is joined.
            to_writer.send(table).map(|()| rows).map_err(|_| Failure::Unread)
        });
        drop(to_writer);
        (computed, join(writer))
    });
    let sink = written?;
    computed?;
    sink.finish()
}

/// Calls `use_batch`, which tells the number of rows, on everything `read` gives while the next batch is being read. Ends
/// early when a signal asks for it.
pub(crate) fn for_each<T: Send>(
    mut read: impl FnMut() -> Result<Option<T>> + Send,
    total: Option<u64>,
    context: &Context,
    mut use_batch: impl FnMut(T) -> std::result::Result<usize, Failure>,
) -> Outcome {
    let (to_compute, batches) = mpsc::sync_channel::<T>(AHEAD);
    signals::listen(&context.cancel, "stopping; nothing is written", context.global.quiet);
    let mut bar = progress::bars(context.global.quiet);
    bar.begin("rows", total.unwrap_or(0));
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            while let Some(batch) = read()? {
                if to_compute.send(batch).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let mut done = 0;
        let used = batches.iter().try_for_each(|batch| {
            if context.cancel.is_asked() {
                return Err(Failure::Interrupted);
            }
            done += use_batch(batch)? as u64;
            bar.advance(done, "");
            Ok(())
        });
        // The reader may wait for room in the channel: without its other end it stops.
        drop(batches);
        let read: Outcome = join(reader);
        used.and(read)
    })
}

/// The result of a thread; its panic goes on in this one.
fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|fault| panic::resume_unwind(fault))
}
