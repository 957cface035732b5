//! The events of the record: names and fields that several tools must agree on, since questions are
//! answered from them.
//!
//! Fields of every kind of event (each is left out where there is nothing to say):
//!
//! | field | content |
//! |---|---|
//! | `secret`, `version`, `fp`, `class` | one secret: its name, version number, keyed fingerprint
//! (32 hex digits), class |
//! | `parts` | a list of keyed fingerprints: those of the parts of the value that are secret by
//! themselves |
//! | `secrets` | a list of objects with `name`, `version` and, where known, `ref`, `fp`, `class`,
//! `channel` (`env file fd stdin`), `var` |
//! | `grant` | the id (`jti`) of a grant |
//! | `project` | the real path of the project's root |
//! | `target` | the name of a target |
//! | `consumer` | who: `session:PID`, `process:PID`, `user:UID`, `exe:PATH`, or a registered name |
//! | `argv` (`argc`, `argv_sha256`) | a command line with values redacted; see
//! [`crate::Event::argv`] |
//! | `code` | the code of a denial, as on stderr without its brackets |
//! | `reason` | what a person said it is for |
//!
//! | event | fields besides |
//! |---|---|
//! | `vault.set generate rotate revoke destroy accept deposit reveal export ...` | `secret`
//! `version` `fp` `class`; `reveal` and `export` let a value out |
//! | `vault.rotate-begin stage test promote retire abort` | the same; `was` (the version before),
//! `why` |
//! | `vault.parts` | `secret` `version` `fp` `parts`: what `hasp-vault watch rebuild` found in a
//! value that was stored before |
//! | `vault.rotate-program`, `vault.rotate-failed` | `secret` `version` `step` (`run test retire`)
//! `program` `code`: a program was given that version's value, or failed |
//! | `bind.add remove drop consent name shared ...` | `project`, `ref`, `secret`, `target` |
//! | `consumer.add remove` | `consumer`, `exe` |
//! | `grant.mint` | `grant` `project` `target` `program` `argv` `consumer` `secrets` `uses` `exp`
//! `reason` `kept` `keep` `raw` |
//! | `grant.revoke`, `grant.sweep` | `grant`, `why` |
//! | `grant.deny`, `exec.deny` | `code`, and `grant` `project` `target` `consumer` where they are
//! known |
//! | `exec.start` | `grant` `project` `target` `program` `program_sha256` `argv` `consumer`
//! `secrets` `asker`, a list of `{pid, start, exe}` from the caller upwards |
//! | `exec.end` | `start` (the number of its `exec.start`) `grant` `status` or `signal` `ms`
//! `redactions` `stragglers`, `lost` (`unwritten unread`) where output was lost, `left` where the
//! command outlived its terminal; or `failed`, why it never ran |
//! | `exec.item`, `grant.item`, ... | `of` and `for` (number and event of a record) and a part of
//! one of its lists |
//! | `redact.hit` | `count`, and `grant` or `secret` |
//! | `scan.*` | from `hasp-audit append`, marked `"via":"append"` |
//! | `audit.open` | the first record: `log` `vault` `previous` (head of the log before) |
//! | `audit.torn` | `segment` `offset` `bytes` `sha256` `kept`: what a crash left was set aside |
//! | `audit.loss` | `first` `last`: records that are missing, and somebody accepted that; or `log`,
//! the log before this one, all of which is missing |
//! | `audit.recover` | the key state was rebuilt from the vault's key |
//! | `audit.copy` | `to` (`syslog journald`) and `state`: `failing` with `why`, or `back` with
//! `missed`, a count |

/// Whether an event of this name is a denial.
pub fn is_denial(event: &str) -> bool {
    event.ends_with(".deny")
}

/// Whether a record of this event means that values left the vault.
pub fn releases(event: &str) -> bool {
    matches!(event, "exec.start" | "vault.reveal" | "vault.export")
}
