//! What the fuzz targets run, for a few hundred inputs each: no text makes a reader of it panic.

#[path = "../../fuzz/bodies/dotenv.rs"]
mod dotenv;
#[path = "../../fuzz/bodies/manifest.rs"]
mod manifest;
#[path = "../../fuzz/bodies/record.rs"]
mod record;
#[path = "../../fuzz/bodies/token.rs"]
mod token;

use proptest::prelude::*;

/// Tables and keys of a manifest, most of them unknown.
const MANIFEST: &str = "(\\[[a-z.]{1,12}\\]\n\
    |[a-z_]{1,8} = (\"[^\n]{0,12}\"|\\[[a-z\", ]{0,12}\\]|[0-9]{1,3})\n){0,8}";

/// Assignments, quoted or not, and what is nearly one.
const DOTENV: &str = "((export )?[A-Z_]{0,6}=?[^\n]{0,6}['\"`$\\\\#]{0,3}\
    [a-z ]{0,8}['\"`]?\r?\n){0,8}";

/// One field of a record, with a value of any kind.
const RECORD: &str = "\\{\"(n|event|time|fp|uses)\": ?\
    (\"[^\n]{0,10}\"|[0-9]{1,20}|\\[[0-9,\"]{0,8}\\]|null)\\}?";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes(data: Vec<u8>) {
        token::token(&data);
        manifest::manifest(&data);
        dotenv::dotenv(&data);
        record::record(&data);
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
    fn dotenv_files(text in DOTENV) {
        dotenv::dotenv(text.as_bytes());
    }

    #[test]
    fn records(text in RECORD) {
        record::record(text.as_bytes());
    }
}
