//! Recurrent layers allocate nothing per step: neither in the loop over time nor when a sequence arrives step by step.

use latentia_kernels::recurrent::{
    Cell, Gradients, LastStates, Layer, OutputGradients, Sequences, States, Stepper, Workspace, backward,
    forward,
};
use latentia_kernels::threads;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a call, the fewest of several: the first ones may fill what is kept, and so may a later one on a busy machine,
/// where a thread that has been late joins in for the first time.
fn allocations(mut f: impl FnMut()) -> usize {
    let mut count = || {
        let before = COUNT.load(Relaxed);
        f();
        COUNT.load(Relaxed) - before
    };
    (0..8).map(|_| count()).min().unwrap_or_default()
}

#[test]
fn no_step_allocates() {
    let (batch, inputs, hidden) = (8, 3, 16);
    for cell in [Cell::Lstm, Cell::Gru { reset_before: false }, Cell::Gru { reset_before: true }] {
        let rows = cell.gates() * hidden;
        let (weight_ih, weight_hh) = (vec![0.1; rows * inputs], vec![0.1; rows * hidden]);
        let layer = Layer {
            cell,
            inputs,
            hidden,
            weight_ih: &weight_ih,
            weight_hh: &weight_hh,
            bias_ih: None,
            bias_hh: None,
        };

        let mut stepper = Stepper::new(&layer);
        let (x, mut h, mut c) =
            (vec![0.5; batch * inputs], vec![0.0; batch * hidden], vec![0.0; batch * hidden]);
        let step = || stepper.step(&x, &mut h, (cell == Cell::Lstm).then_some(&mut c[..]));
        assert_eq!(allocations(step), 0, "a step of {cell:?}");

        let of_steps = |steps: usize| {
            let (x, dy) = (vec![0.5; steps * batch * inputs], vec![0.1; steps * batch * hidden]);
            let mut y = dy.clone();
            let (mut dw_ih, mut dw_hh) = (weight_ih.clone(), weight_hh.clone());
            let mut workspace = Workspace::new();
            allocations(|| {
                let sequences = Sequences { x: &x, steps, batch, lengths: None, reverse: false };
                forward(&layer, sequences, States::default(), &mut y, LastStates::default(), &mut workspace);
                let outputs = OutputGradients { dy: Some(&dy), ..OutputGradients::default() };
                let gradients = Gradients {
                    weight_ih: Some(&mut dw_ih),
                    weight_hh: Some(&mut dw_hh),
                    ..Gradients::default()
                };
                backward(&layer, outputs, gradients, &mut workspace);
            })
        };
        let alone = |steps| threads::with_limit(1, || of_steps(steps));
        assert_eq!(alone(100), alone(200), "{cell:?}, twice the steps");
        // A thread of the team takes its scratch memory when it first has work, which may be in either pass.
        let (once, twice) = (of_steps(100), of_steps(200));
        assert!(twice < once + 20, "{cell:?}: {once} allocations for 100 steps, {twice} for 200");
    }
}
