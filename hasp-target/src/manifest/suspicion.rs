//! Does this text look like a secret? A manifest holds names only, so a value that slipped into one
//! is refused before it is committed; the rules are few and fixed, because a false alarm blocks a
//! build.
//!
//! 1. a prefix that issuers put on their credentials, with a body behind it;
//! 2. armour of a private key;
//! 3. a URL with a password;
//! 4. `password=...` and its like, unless what follows is a variable, a placeholder or plain words;
//! 5. a run of characters that changes between capitals, small letters and digits as only random
//!    text does.
//!
//! Exempt from 5: digests behind `sha256:` and the like, commit ids (40 small hex digits), UUIDs,
//! paths of the Nix store.

/// Which rule matched; the text itself is never part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// A known prefix of credentials.
    Prefix(&'static str),
    /// A private key in armour.
    PrivateKey,
    /// A URL with a password in it.
    UrlPassword,
    /// An assignment to a word like `password`.
    Assignment,
    /// Random-looking characters.
    Random,
}

impl Suspicion {
    /// In words: "it ...".
    pub fn words(self) -> String {
        match self {
            Suspicion::Prefix(prefix) => format!("it begins like a credential ({prefix}...)"),
            Suspicion::PrivateKey => "it begins like a private key".to_owned(),
            Suspicion::UrlPassword => "it is a URL with a password".to_owned(),
            Suspicion::Assignment => "it assigns a value to a word like 'password'".to_owned(),
            Suspicion::Random => "it is long and looks random".to_owned(),
        }
    }
}

/// Prefixes of issued credentials, and how many characters of a token must follow at least.
const PREFIXES: [(&str, usize); 43] = [
    ("sk-ant-", 16),
    ("sk-proj-", 16),
    ("sk-", 20),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("rk_live_", 10),
    ("rk_test_", 10),
    ("whsec_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("gldt-", 16),
    ("glrt-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("GOCSPX-", 16),
    ("npm_", 30),
    ("pypi-AgE", 20),
    ("hf_", 30),
    ("dop_v1_", 32),
    ("SG.", 30),
    ("eyJ", 40),
    ("AGE-SECRET-KEY-1", 20),
    ("hvs.", 20),
    ("shpat_", 20),
    ("dckr_pat_", 16),
    ("rubygems_", 20),
    ("tskey-", 16),
    ("lin_api_", 20),
    ("glsa_", 20),
    ("v4.local.", 20),
    ("v4.public.", 20),
];
/// Words whose assigned value is a secret (rule 4).
const SECRET_WORDS: [&str; 12] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "secret_key",
    "private_key",
];
/// What a digest announces itself by.
const DIGESTS: [&str; 8] =
    ["sha1", "sha224", "sha256", "sha384", "sha512", "md5", "blake2", "blake3"];

/// Why this text looks like a secret, if it does.
pub fn suspicion(text: &str) -> Option<Suspicion> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY") {
        return Some(Suspicion::PrivateKey);
    }
    prefixed(text)
        .or_else(|| url_password(text).then_some(Suspicion::UrlPassword))
        .or_else(|| assignment(text).then_some(Suspicion::Assignment))
        .or_else(|| random(text).then_some(Suspicion::Random))
}

fn prefixed(text: &str) -> Option<Suspicion> {
    let words = text.split(|c: char| !is_token(c));
    let found = words.filter_map(|w| PREFIXES.iter().find(|(p, body)| issued(w, p, *body)));
    found.map(|(prefix, _)| Suspicion::Prefix(prefix)).next()
}

/// A body of one repeated character or of words without a digit is an example in a comment, not a
/// credential.
fn issued(word: &str, prefix: &str, body: usize) -> bool {
    let Some(rest) = word.strip_prefix(prefix) else { return false };
    rest.len() >= body && rest.bytes().any(|b| b.is_ascii_digit()) && distinct(rest) >= 6
}

fn distinct(text: &str) -> usize {
    let mut seen = [false; 256];
    text.bytes().for_each(|b| seen[usize::from(b)] = true);
    seen.iter().filter(|s| **s).count()
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.+/".contains(c)
}

/// RFC 3986: `scheme://user:password@host`, the password neither empty nor a placeholder.
fn url_password(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let authority =
            text[at + 3..].split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        let userinfo = authority.rsplit_once('@').map(|(u, _)| u);
        userinfo.and_then(|u| u.split_once(':')).is_some_and(|(_, password)| !placeholder(password))
    })
}

fn assignment(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.match_indices(['=', ':']).any(|(at, _)| {
        let named = SECRET_WORDS.iter().any(|w| lower[..at].trim_end().ends_with(w));
        named && assigned(text[at + 1..].trim_start())
    })
}

/// Letters with digits or signs among them, from 6 characters on: `hunter2`, but neither `prompt`
/// nor `id=mysecret` nor a path.
fn assigned(rest: &str) -> bool {
    let value = rest.trim_start_matches(['"', '\'']);
    let value = value.split([' ', '"', '\'', '&', ';', ',']).next().unwrap_or_default();
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    let others = value.bytes().any(|b| b.is_ascii_digit() || b"!#%^*@?~+".contains(&b));
    let named = ["id=", "env:", "fd:", "file:", "vault:", "op:", "/", "./"]
        .iter()
        .any(|p| value.starts_with(p));
    value.len() >= 6 && letters && others && !named && !placeholder(value)
}

/// `$VAR`, `${VAR}`, `%s`, `{{x}}`, `<password>`, `***`, `xxxx`.
fn placeholder(text: &str) -> bool {
    text.is_empty() || text.starts_with(['$', '%', '{', '<', '[', '@']) || distinct(text) == 1
}

fn random(text: &str) -> bool {
    let mut at = 0;
    while let Some(start) = text[at..].find(is_blob).map(|found| at + found) {
        let end = text[start..].find(|c| !is_blob(c)).map_or(text.len(), |length| start + length);
        if random_word(&text[start..end], &text[..start]) {
            return true;
        }
        at = end;
    }
    false
}

fn is_blob(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/_-=".contains(c)
}

fn random_word(word: &str, before: &str) -> bool {
    if is_digest(word, before) || is_commit(word) || word.starts_with("/nix/store/") {
        return false;
    }
    let parts = || word.split(|c: char| !c.is_ascii_alphanumeric());
    parts().any(random_part) || (word.len() >= 32 && mixed(&parts().collect::<String>(), 32))
}

fn random_part(part: &str) -> bool {
    mixed(part, 20) || small(part)
}

/// Capitals, small letters and digits: random base62 changes class at 62 % of its steps, CamelCase2
/// names at 30 %.
fn mixed(part: &str, least: usize) -> bool {
    let has = |test: fn(&u8) -> bool| part.as_bytes().iter().any(test);
    part.len() >= least
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && changes(part) * 100 >= (part.len() - 1) * 42
}

/// Letters of one case and digits: random hexadecimal changes class at 47 % of its steps, names
/// with numbers at far fewer.
fn small(part: &str) -> bool {
    let has = |test: fn(&u8) -> bool| part.as_bytes().iter().any(test);
    let one_case = has(u8::is_ascii_uppercase) != has(u8::is_ascii_lowercase);
    part.len() >= 28
        && one_case
        && has(u8::is_ascii_digit)
        && changes(part) * 100 >= (part.len() - 1) * 28
}

fn changes(part: &str) -> usize {
    let class = |b: u8| (b.is_ascii_uppercase(), b.is_ascii_digit());
    part.as_bytes().windows(2).filter(|w| class(w[0]) != class(w[1])).count()
}

/// `image@sha256:<hex>`, `sha512-<base64>` (W3C subresource integrity).
fn is_digest(word: &str, before: &str) -> bool {
    DIGESTS.iter().any(|digest| {
        let behind = word.strip_prefix(digest).is_some_and(|rest| rest.starts_with(['-', '=']));
        behind || before.strip_suffix(':').is_some_and(|b| b.ends_with(digest))
    })
}

fn is_commit(word: &str) -> bool {
    let word = word.rsplit('/').next().unwrap_or_default();
    word.len() == 40 && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made up for this test, in the form of the real thing.
    const SECRETS: [&str; 27] = [
        "sk-proj-a8Kd93jfLs02kfPq81mz",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "AKIAIOSFODNN7EXAMPLQ",
        "xoxb-2345678901-abcdefGHIJ",
        "glpat-9s8df7g6h5j4k3l2m1n0",
        "AIzaSyD4x8Kz9Qw3Er5Ty7Ui1Op2As4Df6Gh8Jk",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "hvs.CAESIJ7x9Qw3Er5Ty7Ui1Op2",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "AGE-SECRET-KEY-1QL3Z7HJY54PW3HYWW5AYYFG7ZQGVC7W3J2ELW8ZMRJ2",
        "postgres://app:hunter2@db.example.org/app",
        "redis://:s3cr3t@localhost:6379/0",
        "--dsn=mysql://u:p4ss@h",
        "--password=hunter2",
        "PASSWORD: 'correct4horse'",
        "api_key=test1234",
        "--auth-token=abc123def",
        "db_password=p@ss!word",
        "password = hunter2",
        "q83vEjRWeJq83vEjRWeJq7zu",
        "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=",
        "c2f1a09b3d4e5f60718293a4b5c6d7e8",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "k9X2mQ7vB4nL1pR8sT5w",
        "x7k2m9q4w1e8r5t3y6u0i2o7p4a1s8d5",
        "curl -H 'Authorization: Bearer q83vEjRWeJq83vEjRWeJq7zu'",
        "dop_v1_0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d",
    ];

    const INNOCENT: [&str; 49] = [
        "integration tests",
        "pytest",
        "...",
        "-x",
        "--maxfail=1",
        "db/url",
        "openai/key",
        "apps/server",
        "Postgres, app role",
        "cargo test --workspace --all-targets",
        "--password-stdin",
        "--password-file=/run/x1/password",
        "--secret",
        "id=npmrc,src=/home/me/.npmrc",
        "--secret=id=npm1,env=NPM_TOKEN",
        "--token=$TOKEN1",
        "--token=${API_TOKEN_2}",
        "password=<password1>",
        "token: {{ token1 }}",
        "--token-type=bearer2",
        "password=prompt",
        "key=value1",
        "postgres://app@db.example.org:5432/app",
        "postgres://app:$PGPASSWORD@db/app",
        "postgres://app:***@db/app",
        "https://example.org:8443/a@b",
        "git@github.com:acme/widgets.git",
        "ssh://git@host:2222/x",
        "registry.example.org/app@sha256:\
         9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "sha512-q83vEjRWeJq83vEjRWeJq7zuq83vEjRWeJq83vEjRWeJq7zu",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "https://github.com/a/b/commit/da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "123e4567-e89b-12d3-a456-426614174000",
        "/nix/store/0c1wz4f5kq8c8nd2wb2jbv9klmx3l4p0-python3-3.12",
        "com.example.MyVeryLongApplicationContextFactoryBean2",
        "GenericWebApplicationContextIntegrationTest42",
        "/usr/local/lib/python3.12/site-packages/MyPackage2/__init__.py",
        "app-server-integration-tests-2026-11-23",
        "s3://Bucket-Name-1/Path/To/Object2/File3.TXT",
        "2026-01-31T12:00:00Z",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
        "00000000000000000000000000000000",
        "sk-learn",
        "SG.x",
        "npm_config_cache",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "us-east-1.elb.amazonaws.com",
        "x86_64-unknown-linux-gnu",
        "eyJ",
    ];

    #[test]
    fn secrets_are_seen() {
        for (index, secret) in SECRETS.iter().enumerate() {
            assert!(suspicion(secret).is_some(), "secret {index} passes");
        }
    }

    #[test]
    fn ordinary_words_are_not() {
        for text in INNOCENT {
            assert_eq!(suspicion(text), None, "{text}");
        }
    }

    #[test]
    fn the_words_never_repeat_the_text() {
        for secret in SECRETS {
            let words = suspicion(secret).unwrap().words();
            assert!(!words.contains(&secret[secret.len() - 6..]));
        }
    }

    #[test]
    fn random_keys_are_seen_99_times_of_100() {
        use sha2::{Digest, Sha256};
        let random = |seed: u32| Sha256::digest(seed.to_le_bytes());
        let hex = |seed| data_encoding::HEXLOWER.encode(&random(seed));
        let base64 = |seed| data_encoding::BASE64URL_NOPAD.encode(&random(seed));
        let seen = |make: &dyn Fn(u32) -> String| {
            (0..1000).filter(|seed| suspicion(&make(*seed)).is_some()).count()
        };
        assert!(seen(&hex) >= 990 && seen(&base64) >= 990, "{} {}", seen(&hex), seen(&base64));
        let short =
            |seed| base64(seed).chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        assert!(seen(&short) >= 900, "{}", seen(&short));
    }

    proptest! {
        #[test]
        fn plain_prose_passes(words in proptest::collection::vec("[a-z]{1,14}", 0..20)) {
            prop_assert_eq!(suspicion(&words.join(" ")), None);
            prop_assert_eq!(suspicion(&words.join("-")), None);
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text: String) {
            let _ = suspicion(&text);
        }
    }
}
