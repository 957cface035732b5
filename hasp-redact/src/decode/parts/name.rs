//! What the name of a field says of its value. Host names, users, ports and identifiers stand in
//! any log, and must stay readable.

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// The value is secret.
    Secret,
    /// The value is none.
    Public,
    /// Neither.
    Nothing,
}

/// A name with one of these in it is that of a secret, unless it ends as those below do.
const SECRET: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "accountkey",
    "sharedkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "secretkey",
    "authkey",
    "masterkey",
    "storagekey",
    "credential",
    "authorization",
    "connectionstring",
];

/// And one that ends so.
const SECRET_ENDS: [&str; 9] =
    ["pwd", "pass", "pw", "sas", "sig", "signature", "auth", "psk", "pat"];

/// A name that ends so is about a secret at most.
const PUBLIC_ENDS: [&str; 42] = [
    "id",
    "name",
    "url",
    "uri",
    "path",
    "file",
    "dir",
    "type",
    "host",
    "server",
    "port",
    "user",
    "email",
    "mail",
    "expires",
    "expiresin",
    "expiry",
    "ttl",
    "length",
    "size",
    "count",
    "version",
    "region",
    "scope",
    "scopes",
    "issuer",
    "audience",
    "algorithm",
    "alg",
    "endpoint",
    "provider",
    "method",
    "format",
    "mode",
    "policy",
    "domain",
    "address",
    "enabled",
    "required",
    "fingerprint",
    "thumbprint",
    "digest",
];

/// Identifiers that open something.
const SECRET_IDS: [&str; 2] = ["secretid", "sessionid"];

/// Words that stand where a secret could, and are settings.
const SETTINGS: [&str; 24] = [
    "require",
    "required",
    "optional",
    "prefer",
    "preferred",
    "allowed",
    "disable",
    "verify-ca",
    "verify-full",
    "trusted",
    "integrated",
    "scram-sha-256",
    "bearer",
    "basic",
    "digest",
    "negotiate",
    "service_account",
    "authorized_user",
    "external_account",
    "client_secret_post",
    "client_secret_basic",
    "private_key_jwt",
    "refresh_token",
    "access_token",
];

/// Words before the secret in a header.
const SCHEMES: [&str; 6] = ["bearer ", "basic ", "token ", "apikey ", "digest ", "negotiate "];

/// The longest name that is looked at.
const MAX_NAME: usize = 128;

/// What this name says; only its last word counts, so that a URL before a field is no part of its
/// name.
pub(super) fn says(name: &[u8]) -> Says {
    let word = |b: &u8| b.is_ascii_alphanumeric() || b"_-. ".contains(b);
    let start = name.iter().rposition(|b| !word(b)).map_or(0, |at| at + 1);
    let name = &name[start.max(name.len().saturating_sub(MAX_NAME))..];
    let name: Vec<u8> =
        name.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    let name = String::from_utf8(name).unwrap_or_default();
    let ends = |list: &[&str]| list.iter().any(|end| name.ends_with(end));
    if ends(&SECRET_IDS) {
        Says::Secret
    } else if ends(&PUBLIC_ENDS) || name.contains("public") || name.contains("cert") {
        Says::Public
    } else if ends(&SECRET_ENDS) || SECRET.iter().any(|word| name.contains(word)) {
        Says::Secret
    } else {
        Says::Nothing
    }
}

/// The value of a header without the word for its scheme.
pub(super) fn without_scheme<'v>(name: &[u8], value: &'v [u8]) -> &'v [u8] {
    let header = name.to_ascii_lowercase().ends_with(b"authorization");
    let scheme = SCHEMES
        .iter()
        .find(|s| value.get(..s.len()).is_some_and(|v| v.eq_ignore_ascii_case(s.as_bytes())));
    scheme.filter(|_| header).map_or(value, |s| value[s.len()..].trim_ascii())
}

/// Whether this is the word of a setting, or stands where a value is still to be put in.
pub(super) fn is_setting(value: &[u8]) -> bool {
    let between = |open: &[u8], close: &[u8]| value.starts_with(open) && value.ends_with(close);
    let to_fill = between(b"${", b"}")
        || between(b"{{", b"}}")
        || between(b"<", b">")
        || between(b"%(", b")s");
    to_fill || SETTINGS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}
