//! How many bytes of text were looked at in runs, which are no steps of the matcher: for a test, so
//! that a run that is compared again and again is seen. Only debug builds count.

#[cfg(debug_assertions)]
thread_local! {
    static COMPARED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts a run of so many bytes, which it gives back, and where it ended.
#[inline]
pub(crate) fn run(bytes: usize) -> usize {
    #[cfg(debug_assertions)]
    COMPARED.with(|compared| compared.set(compared.get() + bytes as u64 + 1));
    bytes
}

/// How many bytes this thread has compared in runs so far; nothing if they are not counted.
#[doc(hidden)]
pub fn compared() -> Option<u64> {
    #[cfg(debug_assertions)]
    return Some(COMPARED.with(std::cell::Cell::get));
    #[cfg(not(debug_assertions))]
    None
}
