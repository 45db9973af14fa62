/// Methods whose body is one intrinsic (or a line of them).
macro_rules! intrinsics {
    ($($(#[$attr:meta])* fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? { $body:expr })*) => {
        $(
            $(#[$attr])*
            #[inline(always)]
            fn $name(self, $($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the token is the proof that the processor has the instructions.
                unsafe { $body }
            }
        )*
    };
}
/// The same for loads and stores.
macro_rules! memory {
    ($(unsafe fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? { $body:expr })*) => {
        $(
            #[inline(always)]
            unsafe fn $name(self, $($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the token is the proof of the instructions, the caller's contract that of the memory.
                unsafe { $body }
            }
        )*
    };
}
pub(super) use {intrinsics, memory};
