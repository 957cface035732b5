//! Values that are no values: what another program has encrypted, and what only names a value that
//! another store keeps. They are taken as they stand, and that has to be said.

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It was encrypted by this program.
    Encrypted(&'static str),
    /// It names a value in this store.
    Reference(&'static str),
}

/// Beginnings of what programs encrypt.
const ENCRYPTED: [(&str, &str); 9] = [
    ("ENC[", "sops"),
    ("encrypted:", "dotenvx"),
    ("$ANSIBLE_VAULT;", "Ansible Vault"),
    ("vault:v1:", "Vault's transit engine"),
    ("-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    ("age-encryption.org/v1", "age"),
    ("-----BEGIN PGP MESSAGE-----", "OpenPGP"),
    ("-----BEGIN PKCS7-----", "eyaml"),
    ("\0GITCRYPT\0", "git-crypt"),
];

/// Beginnings of what names a value elsewhere.
const REFERENCES: [(&str, &str); 12] = [
    ("op://", "1Password"),
    ("vault:", "Vault"),
    ("ref+", "vals"),
    ("arn:aws:secretsmanager:", "AWS Secrets Manager"),
    ("arn:aws:ssm:", "AWS Parameter Store"),
    ("awssm://", "AWS Secrets Manager"),
    ("ssm://", "AWS Parameter Store"),
    ("@Microsoft.KeyVault(", "Azure Key Vault"),
    ("gcpsm://", "Google Secret Manager"),
    ("infisical://", "Infisical"),
    ("doppler://", "Doppler"),
    ("bws://", "Bitwarden"),
];

/// What a value looks like, if it looks like none.
pub fn foreign(value: &[u8]) -> Option<Foreign> {
    let begins = |(start, _): &&(&str, &str)| value.starts_with(start.as_bytes());
    if let Some((_, program)) = ENCRYPTED.iter().find(begins) {
        return Some(Foreign::Encrypted(program));
    }
    REFERENCES.iter().find(begins).map(|(_, store)| Foreign::Reference(store))
}
