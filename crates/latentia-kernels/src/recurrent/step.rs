use super::forward::{Run, check_states, recur};
use super::panels::{pack_forward, panels_len};
use super::workspace::{Buffer, gate_len, row_len};
use super::{Cell, Layer, Workspace, for_cell};
use crate::gemm::Shared;
use crate::simd::{self, Kernel, Level, Simd};

/// A layer with its weights packed once, for sequences that arrive step by step. After the first step of a batch size
/// nothing is allocated.
pub struct Stepper {
    cell: Cell,
    inputs: usize,
    hidden: usize,
    level: Level,
    panels: Buffer,
    bias: Buffer,
    workspace: Workspace,
}

impl Stepper {
    /// Packs the weights of a layer.
    ///
    /// # Panics
    /// If a shape does not fit.
    #[track_caller]
    pub fn new(layer: &Layer) -> Self {
        layer.check();
        let Layer { cell, inputs, hidden, .. } = *layer;
        let mut stepper = Self {
            cell,
            inputs,
            hidden,
            level: simd::level(),
            panels: Buffer::default(),
            bias: Buffer::default(),
            workspace: Workspace::new(),
        };
        stepper.panels.need(panels_len(cell.gates(), inputs + hidden, hidden));
        stepper.bias.need((cell.gates() + 1) * hidden);
        stepper.pack(layer);
        stepper
    }

    /// Takes new weights of the same layer.
    ///
    /// # Panics
    /// If the cell or a shape differs.
    #[track_caller]
    pub fn update(&mut self, layer: &Layer) {
        layer.check();
        assert!(
            (layer.cell, layer.inputs, layer.hidden) == (self.cell, self.inputs, self.hidden),
            "Stepper holds {:?} {} x {}, the new weights are for {:?} {} x {}",
            self.cell,
            self.inputs,
            self.hidden,
            layer.cell,
            layer.inputs,
            layer.hidden
        );
        self.pack(layer);
    }

    fn pack(&mut self, layer: &Layer) {
        layer.fill_bias(self.bias.floats_mut());
        let panels = self.panels.shared();
        for_cell!(self.cell, pack(_, self.level, layer, panels));
    }

    /// One step: `x [B, I]`, and `h [B, H]` (and the LSTM's `c [B, H]`) before and after it.
    ///
    /// # Panics
    /// If a shape does not fit, or `c` is missing for an LSTM or given for another cell.
    #[track_caller]
    pub fn step(&mut self, x: &[f32], h: &mut [f32], c: Option<&mut [f32]>) {
        let (hidden, rows) = (self.hidden, self.cell.gates() * self.hidden);
        let batch = h.len() / hidden;
        assert_eq!(x.len(), batch * self.inputs, "recurrent step: x is [B, I]");
        check_states(self.cell, [Some(h), c.as_deref()], batch * hidden);
        assert!(c.is_some() || self.cell != Cell::Lstm, "recurrent step: an LSTM needs its cell states");
        let workspace = &mut self.workspace;
        workspace.order.set(1, batch, None, false);
        let gate_len = gate_len(self.cell.gates(), hidden);
        workspace.gates.need(batch * gate_len);
        let row_len = row_len(self.inputs, hidden);
        workspace.rows.need(batch * row_len);
        workspace.last.need(batch * hidden);
        workspace.memory.need(2 * batch * hidden);
        workspace.bias.need(rows + hidden);
        workspace.bias.floats_mut()[..rows + hidden].copy_from_slice(&self.bias.floats()[..rows + hidden]);
        let beside = workspace.rows.floats_mut().chunks_exact_mut(row_len).take(batch);
        for (i, (row, h)) in beside.zip(h.chunks_exact(hidden)).enumerate() {
            row[..hidden].copy_from_slice(h);
            row[hidden..][..self.inputs].copy_from_slice(&x[i * self.inputs..][..self.inputs]);
        }
        if let Some(c) = &c {
            workspace.memory.floats_mut()[..c.len()].copy_from_slice(c);
        }
        if self.inputs == 0 {
            workspace.gates.floats_mut()[..batch * gate_len].fill(0.0);
        }
        let run = Run {
            inputs: self.inputs,
            inner: self.inputs,
            hidden,
            weights: None,
            level: self.level,
            y: Shared(h.as_mut_ptr()),
        };
        let panels = self.panels.shared();
        for_cell!(self.cell, recur(_, run, workspace, panels));
        if let Some(c) = c {
            c.copy_from_slice(&workspace.memory.floats()[batch * hidden..][..batch * hidden]);
        }
    }
}

fn pack<C: super::cell::Pointwise>(_cell: C, level: simd::Level, layer: &Layer, panels: Shared) {
    simd::dispatch_at(level, Pack::<C> { layer, panels, cell: std::marker::PhantomData });
}

struct Pack<'a, C> {
    layer: &'a Layer<'a>,
    panels: Shared,
    cell: std::marker::PhantomData<C>,
}

impl<C: super::cell::Pointwise> Kernel for Pack<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let groups = 0..self.layer.hidden.div_ceil(C::VECTORS * S::LANES);
        // SAFETY: the caller's panels have `panels_len` floats and nobody else uses them.
        unsafe {
            let weights = [self.layer.weight_ih, self.layer.weight_hh];
            pack_forward::<S, C>(s, weights, (self.layer.inputs, self.layer.hidden), groups, self.panels);
        }
    }
}
