//! Programs that are given a value or asked for a passphrase: whoever can change one, or put another in its place, gets both.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hasp_core::text::printable_path;

/// What such a program sees of the environment; all else may be a source of values.
pub const KEPT: [&str; 11] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE"];

/// Why a program is not to be trusted; nothing if only we or root can change it and every directory on the way to it.
pub fn fault(program: &Path) -> Option<String> {
    if !program.is_absolute() {
        return Some("it is not an absolute path".to_owned());
    }
    let Ok(real) = program.canonicalize() else { return Some("it is not there".to_owned()) };
    real.ancestors().enumerate().find_map(|(depth, path)| changeable(path, depth > 0))
}

/// In a sticky directory others can add files and not replace ours.
fn changeable(path: &Path, is_dir: bool) -> Option<String> {
    let shown = printable_path(path);
    let Ok(meta) = path.metadata() else { return Some(format!("{shown} cannot be looked at")) };
    let sticky = is_dir && meta.mode() & 0o1000 != 0;
    let foreign = meta.uid() != rustix::process::geteuid().as_raw() && meta.uid() != 0;
    (foreign || (meta.mode() & 0o022 != 0 && !sticky)).then(|| format!("others can change {shown}"))
}
