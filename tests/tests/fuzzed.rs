//! What the fuzz targets run, for a few hundred inputs each: no text makes a reader of it panic.
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/bodies/dotenv.rs"]
mod dotenv;
#[path = "../../fuzz/bodies/manifest.rs"]
mod manifest;
#[path = "../../fuzz/bodies/policy.rs"]
mod policy;
#[path = "../../fuzz/bodies/record.rs"]
mod record;
#[path = "../../fuzz/bodies/scan.rs"]
mod scan;
#[path = "../../fuzz/bodies/stanza.rs"]
mod stanza;
#[path = "../../fuzz/bodies/tar.rs"]
mod tar;
#[path = "../../fuzz/bodies/token.rs"]
mod token;

use proptest::prelude::*;

/// Tables and keys of a manifest, most of them unknown.
const MANIFEST: &str = "(\\[[a-z.]{1,12}\\]\n\
    |[a-z_]{1,8} = (\"[^\n]{0,12}\"|\\[[a-z\", ]{0,12}\\]|[0-9]{1,3})\n){0,8}";

/// Tables and keys of a policy, some of them known.
const POLICY: &str = "(\\[(class\\.(low|high|critical)|retention|unlock|audit|[a-z]{1,5})\\]\n\
    |(window|uses|deliver|raw|any-command|consumer|reason|hours|confirm|[a-z]{1,8}) = \
    (\"[0-9a-zA-Z:, /-]{0,20}\"|\\[(\"(env|file|user|pid)\",?){0,3}\\]|true|[0-9]{1,3})\n){0,6}";

/// Assignments, quoted or not, and what is nearly one.
const DOTENV: &str = "((export )?[A-Z_]{0,6}=?[^\n]{0,6}['\"`$\\\\#]{0,3}\
    [a-z ]{0,8}['\"`]?\r?\n){0,8}";

/// One field of a record, with a value of any kind.
const RECORD: &str = "\\{\"(n|event|time|fp|uses)\": ?\
    (\"[^\n]{0,10}\"|[0-9]{1,20}|\\[[0-9,\"]{0,8}\\]|null)\\}?";

/// Stanzas of an age file, the end of its header, and what is nearly that.
const STANZAS: &str = "(-> (X25519|scrypt|ssh-ed25519|[a-z]{1,6})( [A-Za-z0-9+/]{0,43}){0,2}\
    ( [0-9]{1,3})?\n[A-Za-z0-9+/]{0,64}\n){0,3}--- ?[A-Za-z0-9+/]{0,43}\n[^\n]{0,40}";

/// What files begin with that are packed.
const HEADS: [&[u8]; 7] = [
    b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0",
    b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"PK\x03\x04\x14\0\0\0\x08\0",
    b"PK\x05\x06",
    b"\x28\xb5\x2f\xfd",
    b"\x78\x9c",
    b"BZh9",
];

/// The content of a file in an archive.
const CONTENT: &str = "[ -~]{0,600}";

/// An archive of these files, all bytes of it as they should be.
fn archive(files: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, content) in files {
        hasp_vault::tar::write_entry(&mut out, path, content.as_bytes(), 0).unwrap();
    }
    hasp_vault::tar::write_end(&mut out).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes(data: Vec<u8>) {
        token::token(&data);
        manifest::manifest(&data);
        dotenv::dotenv(&data);
        record::record(&data);
        stanza::stanza(&data);
        tar::tar(&data);
        scan::scan(&data);
    }

    #[test]
    fn age_files(text in STANZAS) {
        stanza::stanza(text.as_bytes());
    }

    #[test]
    fn archives(
        files in prop::collection::vec(("[a-z/.]{1,120}", CONTENT), 0..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut: prop::sample::Index,
    ) {
        let files: Vec<_> = files.into_iter().filter(|(path, _)| path.len() <= 100).collect();
        let mut bytes = archive(&files);
        tar::tar(&bytes);
        scan::scan(&bytes);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        tar::tar(&bytes);
        scan::scan(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        tar::tar(&bytes);
        scan::scan(&bytes);
    }

    #[test]
    fn packed_files(head in prop::sample::select(&HEADS[..]), rest: Vec<u8>) {
        scan::scan(&[head, &rest].concat());
    }

    #[test]
    fn tokens(body in "v4\\.public\\.[A-Za-z0-9_=-]{0,120}(\\.[A-Za-z0-9_-]{0,40})?\n?") {
        token::token(body.as_bytes());
    }

    #[test]
    fn manifests(text in MANIFEST) {
        manifest::manifest(text.as_bytes());
    }

    #[test]
    fn policies(text in POLICY) {
        policy::policy(text.as_bytes());
    }

    #[test]
    fn dotenv_files(text in DOTENV) {
        dotenv::dotenv(text.as_bytes());
    }

    #[test]
    fn records(text in RECORD) {
        record::record(text.as_bytes());
    }
}
