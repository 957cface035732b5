//! What a sibling says, and what is made of it.

use super::*;

#[test]
fn an_error_of_another_tool_is_ours_with_its_hints() {
    let error = Error::new(Kind::Locked, code::LOCKED, "the vault is locked").hint("unlock it");
    let stderr =
        format!("hasp-vault: a note\n{{\"warning\":{{\"message\":\"w\"}}}}\n{}\n", error.to_json());
    let said = Said::of("hasp-vault", stderr.as_bytes());
    assert_eq!(
        (&said.notes[..], &said.warnings[..]),
        (&["a note".to_owned()][..], &["w".to_owned()][..])
    );
    assert_eq!(said.error(), Some(error));
    let foreign = br#"{"error":{"kind":"missing","code":"no-vault","message":"m","hints":["h"]}}"#;
    let error = Said::of("hasp-vault", foreign).error();
    let shown = error.as_ref().map(|e| (e.kind(), e.code().as_str(), e.hints()));
    assert_eq!(shown, Some((Kind::Missing, "no-vault", &["h".to_owned()][..])));
}

#[test]
fn what_is_no_error_is_a_note() {
    for text in ["", "\n", "{}", "[1]", r#"{"error":1}"#, r#"{"error":{"kind":"x"}}"#] {
        assert_eq!(Said::of("hasp-vault", text.as_bytes()).error(), None, "{text}");
    }
}
