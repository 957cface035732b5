//! The published test vectors of the signed record and the vault's keys: another implementation can
//! check itself against them.
#![allow(clippy::unwrap_used)]

use data_encoding::HEXLOWER;
use hasp_core::Secret;
use hasp_vault::Keys;
use hasp_vault::Label;
use hasp_vault::public_key;

#[test]
fn the_published_vectors_hold() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("vectors/record.json")).unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    let keys = Keys::derive(&HEXLOWER.decode(text(&vectors["root"]).as_bytes()).unwrap());
    assert_eq!(public_key::encode(&keys.record_key()), text(&vectors["record_key"]));
    assert_eq!(public_key::encode(&keys.token_key()), text(&vectors["token_key"]));
    assert_eq!(HEXLOWER.encode(keys.audit_root()), text(&vectors["audit_root"]));
    let print = &vectors["fingerprint"];
    let value = Secret::copy_of(text(&print["value"]).as_bytes()).unwrap();
    assert_eq!(keys.fingerprint(&value), text(&print["fp"]));
    let records = vectors["records"].as_array().unwrap();
    assert!(records.len() >= 3);
    for record in records {
        let (kind, name) = (text(&record["kind"]), text(&record["name"]));
        let label =
            Label { vault: text(&vectors["vault"]).parse().unwrap(), kind: &kind, name: &name };
        let (serial, body) = (record["serial"].as_u64().unwrap(), text(&record["body"]));
        assert_eq!(HEXLOWER.encode(&label.message(serial, &body)), text(&record["message"]));
        let whole = label.sign(serial, &body, |m| keys.sign_record(m));
        assert_eq!(whole, text(&record["text"]));
        let verified = label.verify(&keys.record_key(), whole.as_bytes()).unwrap();
        assert_eq!((verified.serial, verified.body), (serial, body));
    }
}
