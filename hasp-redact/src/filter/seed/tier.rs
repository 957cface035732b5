//! What is found in one pass over the text: the length of its windows and the distance of its
//! probes follow from its shortest piece, and from how many pieces there are.

use super::chosen::Tables;
use super::key::Key;
use super::pieces::Pieces;
use super::windows::Windows;
use super::{PIECE, SECOND_TABLE, Tier};

/// From this many pieces on their tables are built by two threads.
const THREAD_FROM: usize = 50_000;

/// Below these numbers of pieces, windows are 4 and 5 bytes long: the fewer there are, the less a
/// short one passes.
const FEW: usize = 3_000;
const MANY: usize = 60_000;

/// One tier for these pieces.
pub(super) fn tier(key: &Key, part: &[Tables]) -> Tier {
    let shortest = part.iter().map(|tables| tables.piece).min().unwrap_or(PIECE);
    let count = part.iter().map(|tables| tables.pieces.len()).sum();
    let window = window(shortest, count);
    let stride = shortest - window + 1;
    let hashes = key.for_length(window);
    let windows = || {
        let mut windows = Windows::for_count(count * stride);
        for (tables, first) in part.iter().zip([0, SECOND_TABLE]) {
            windows.extend(&hashes, &tables.texts, tables.piece, stride, first);
        }
        windows
    };
    let tables = || part.iter().map(Tables::table).collect::<Vec<Pieces>>();
    let (windows, tables) = both(count >= THREAD_FROM, windows, tables);
    Tier {
        window,
        stride,
        windows,
        longest: tables.iter().map(|t| t.length).max().unwrap_or(0),
        tables,
    }
}

/// The results of two jobs, side by side if that pays and a thread can be had.
pub(crate) fn both<A, B: Send>(
    pays: bool,
    one: impl FnOnce() -> A,
    other: impl Fn() -> B + Sync,
) -> (A, B) {
    if !pays {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, &other);
        let one = one();
        let other = thread.map_or_else(
            |_| other(),
            |t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)),
        );
        (one, other)
    })
}

/// The window length for pieces of this length, of which there are so many: short windows leave a
/// longer stride, long ones pass less.
fn window(piece: usize, count: usize) -> usize {
    match (piece, count) {
        (..PIECE, _) | (_, ..FEW) => 4,
        (_, ..MANY) => 5,
        _ => 6,
    }
}
