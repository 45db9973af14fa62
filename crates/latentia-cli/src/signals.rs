//! Ctrl-C and a polite kill: first finish the step and keep what there is, then leave at once.

use std::sync::atomic::{AtomicBool, Ordering};

use latentia::run::Cancel;

use crate::INTERRUPTED;

/// Hears interrupts from now on; the first asks `cancel`, the second ends the program.
pub(crate) fn listen(cancel: &Cancel, say: &'static str, quiet: bool) {
    static LISTENING: AtomicBool = AtomicBool::new(false);
    // A verb that goes over its data twice has been listening since the first time.
    if LISTENING.swap(true, Ordering::SeqCst) {
        return;
    }
    let cancel = cancel.clone();
    let heard = ctrlc::set_handler(move || {
        if cancel.ask() > 1 {
            std::process::exit(i32::from(INTERRUPTED));
        }
        if !quiet {
            anstream::eprintln!("{say}");
        }
    });
    if let Err(e) = heard {
        tracing::warn!("interrupts end the program at once: {e}");
    }
}
