//! The variables that hasp reads: a name that is not here is none of ours, and a misspelt one must
//! be told, since it would be without effect.

/// A variable of hasp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Var {
    /// The home.
    Home,
    /// The vault's directory.
    Vault,
    /// The runtime directory.
    Runtime,
    /// The age identity that opens the vault.
    Identity,
    /// The passphrase of the identity.
    Passphrase,
    /// The program that asks for a passphrase.
    Askpass,
    /// The token of a grant.
    Grant,
    /// Why the hooks do not scan this time.
    SkipScan,
}

/// What a variable of hasp holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The path of a directory or a program.
    Place,
    /// A source: `fd:N`, `env:VAR`, a path.
    Source,
    /// Words for people.
    Text,
}

impl Var {
    /// All of them.
    pub const ALL: [Var; 8] = [
        Var::Home,
        Var::Vault,
        Var::Runtime,
        Var::Identity,
        Var::Passphrase,
        Var::Askpass,
        Var::Grant,
        Var::SkipScan,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Var::Home => "HASP_HOME",
            Var::Vault => "HASP_VAULT",
            Var::Runtime => "HASP_RUNTIME",
            Var::Identity => "HASP_IDENTITY",
            Var::Passphrase => "HASP_PASSPHRASE",
            Var::Askpass => "HASP_ASKPASS",
            Var::Grant => "HASP_GRANT",
            Var::SkipScan => "HASP_SKIP_SCAN",
        }
    }

    /// What it holds.
    pub const fn holds(self) -> Holds {
        match self {
            Var::Home | Var::Vault | Var::Runtime | Var::Askpass => Holds::Place,
            Var::Identity | Var::Passphrase | Var::Grant => Holds::Source,
            Var::SkipScan => Holds::Text,
        }
    }

    /// What it means, in a phrase.
    pub const fn meaning(self) -> &'static str {
        match self {
            Var::Home => "the home",
            Var::Vault => "the directory of the vault",
            Var::Runtime => "the runtime directory",
            Var::Identity => "the identity that opens the vault",
            Var::Passphrase => "the passphrase of the identity",
            Var::Askpass => "the program that asks for a passphrase",
            Var::Grant => "the token of a grant",
            Var::SkipScan => "why the hooks do not scan this time",
        }
    }
}

impl std::fmt::Display for Var {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
