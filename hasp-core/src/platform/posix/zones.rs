//! The time zones that the system knows, from its own files.

use std::path::Path;

/// Where every Unix keeps them.
const ZONES: &str = "/usr/share/zoneinfo";
const LOCAL: &str = "/etc/localtime";
/// What stands before the name in the path that the machine's own zone is a link to.
const MARK: &str = "zoneinfo/";

/// The file of a zone, by its name: `Europe/Berlin`.
pub fn zone(name: &str) -> Option<Vec<u8>> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | '/');
    let sound = !name.is_empty() && !name.starts_with('/') && name.chars().all(plain);
    std::fs::read(Path::new(ZONES).join(name)).ok().filter(|_| sound)
}

/// The machine's own zone, with its name where the link tells it.
pub fn local_zone() -> Option<(String, Vec<u8>)> {
    let data = std::fs::read(LOCAL).ok()?;
    let link = std::fs::canonicalize(LOCAL).ok();
    let named = link.as_deref().and_then(Path::to_str).and_then(|p| p.split_once(MARK));
    Some((named.map_or("local time", |(_, name)| name).to_owned(), data))
}
