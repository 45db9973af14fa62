use super::forward::{Run, check_states, recur};
use super::product::{pack_forward, panels_len};
use super::workspace::Buffer;
use super::{Cell, Layer, Workspace, for_cell};
use crate::gemm::{Epilogue, PackedB, Shared, gemm_packed};
use crate::simd::{self, Kernel, Simd};
use crate::{MatMut, MatRef};

/// A layer with its weights packed once, for sequences that arrive step by step. After the first step of a batch size
/// nothing is allocated.
pub struct Stepper {
    cell: Cell,
    inputs: usize,
    hidden: usize,
    weight_ih: PackedB,
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
        let weight_ih = PackedB::new(MatRef::new(layer.weight_ih, cell.gates() * hidden, inputs).t());
        let mut stepper = Self {
            cell,
            inputs,
            hidden,
            weight_ih,
            panels: Buffer::default(),
            bias: Buffer::default(),
            workspace: Workspace::new(),
        };
        stepper.panels.need(panels_len(cell.gates(), hidden));
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
        let rows = self.cell.gates() * self.hidden;
        self.weight_ih.update(MatRef::new(layer.weight_ih, rows, self.inputs).t());
        self.pack(layer);
    }

    fn pack(&mut self, layer: &Layer) {
        layer.fill_bias(self.bias.floats_mut());
        let panels = self.panels.shared();
        for_cell!(self.cell, pack(_, self.weight_ih.level(), layer, panels));
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
        let width = self.inputs + hidden;
        workspace.order.set(1, batch, None, false);
        workspace.gates.need(batch * rows);
        workspace.rows.need(batch * width);
        workspace.last.need(batch * hidden);
        workspace.memory.need(2 * batch * hidden);
        workspace.bias.need(rows + hidden);
        for operand in &mut workspace.operands {
            operand.need(batch * hidden);
        }
        workspace.bias.floats_mut()[..rows + hidden].copy_from_slice(&self.bias.floats()[..rows + hidden]);
        for (row, h) in workspace.rows.floats_mut().chunks_exact_mut(width).zip(h.chunks_exact(hidden)) {
            row[self.inputs..].copy_from_slice(h);
        }
        if let Some(c) = &c {
            workspace.memory.floats_mut()[..c.len()].copy_from_slice(c);
        }
        let gates = MatMut::new(workspace.gates.floats_mut(), batch, rows);
        let x = MatRef::new(x, batch, self.inputs);
        gemm_packed(x, &self.weight_ih, gates, false, Epilogue::default());
        let run = Run {
            inputs: self.inputs,
            hidden,
            weight: None,
            level: self.weight_ih.level(),
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
        unsafe { pack_forward::<S, C>(s, self.layer.weight_hh, self.layer.hidden, groups, self.panels) };
    }
}
