//! What a terminal prints appears at once: lines there end in CR LF, and the last character of a
//! line must not wait for the next one only because some encoding of some value could go on behind
//! a line break.
//!
//! Found by the terminal tests of hasp-exec: with one value of 52 bytes, `hello\r\n` once showed
//! `hell` and kept `o\r\n` back, and a pause let nothing out.

use std::sync::Arc;

use hasp_redact::{Filter, Pattern, Patterns};

#[test]
fn a_line_of_a_terminal_is_not_held_back() {
    let value = b"postgres://app:Zx81-Quartz-Fjord@db.internal:5432/app";
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "db/url", value }]));
    for line in [
        "hello\r\n",
        "waiting\r\n",
        "x\r\n",
        "total 12\r\n",
        "drwxr-xr-x 2 root\r\n",
        "1\r\n2\r\n3\r\n",
        "$ ",
        "ok\r\n\r\n",
    ] {
        let mut filter = Filter::new(Arc::clone(&patterns));
        let mut out = Vec::new();
        filter.push(line.as_bytes(), false, &mut out);
        assert_eq!((String::from_utf8_lossy(&out).as_ref(), filter.held()), (line, 0));
    }
}

#[test]
fn what_is_held_is_let_out_in_part_after_a_pause() {
    let value = b"postgres://app:Zx81-Quartz-Fjord@db.internal:5432/app";
    let patterns = Arc::new(Patterns::compile(&[Pattern { name: "db/url", value }]));
    for begun in ["p", "po", "post", "cG9zdGdy", "o\r\n", "706f"] {
        let mut filter = Filter::new(Arc::clone(&patterns));
        let mut out = Vec::new();
        filter.push(begun.as_bytes(), false, &mut out);
        let held = filter.held();
        filter.idle(&mut out);
        assert_eq!(held - filter.held(), held.min(3), "of {begun:?}");
    }
}
