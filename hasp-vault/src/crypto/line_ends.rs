//! Line ends that a checkout has turned: what is compared with a hash or a signature afterwards may
//! be tried again without them.

/// The same bytes with the line ends of Unix.
pub fn lf(bytes: &[u8]) -> Vec<u8> {
    let next = |at: usize| bytes.get(at + 1);
    let kept = bytes.iter().enumerate().filter(|(at, b)| **b != b'\r' || next(*at) != Some(&b'\n'));
    kept.map(|(_, b)| *b).collect()
}
