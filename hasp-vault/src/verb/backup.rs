//! `backup` and `restore`: through stdout and stdin, so that a backup goes wherever a pipe goes.
//! What is restored is trusted as a joined vault is: by its key.

use std::io::{BufReader, IsTerminal, Write};
use std::path::Path;

use hasp_core::lock::{self, Lock};
use hasp_core::terminal::Terminal;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Here, Home, Kind, Result, files, output};

use super::{own, progress, recovery};
use crate::backup::{Report, Staged};
use crate::cli::RestoreArgs;
use crate::code;
use crate::format::{known, public_key};
use crate::open::identity::Identity;
use crate::open::vault::Vault;
use crate::recipients::pin::{self, Keeper};

pub fn backup(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if cx.out.stdout_is_terminal() {
        return Err(Error::new(
            Kind::Usage,
            code::TERMINAL,
            "a backup is not written to a terminal",
        )
        .hint("hasp-vault backup > FILE"));
    }
    let bar = progress::bar(vault.names()?.len(), "secrets", cx);
    let secrets = vault.backup(&mut Stdout, cx.now, &|| bar.inc(1));
    bar.finish_and_clear();
    let secrets = secrets.map_err(|e| match e.kind() {
        Kind::Io => e.hint("what was written so far is no backup: remove it"),
        _ => e,
    })?;
    cx.out.note(&format!("{secrets} secrets are in the backup, for whoever can open the vault"));
    cx.out.note(recovery::ADVICE);
    Ok(Exit::OK)
}

/// Unbuffered: age writes chunks of 64 KiB.
struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        output::write_all(rustix::stdio::stdout(), bytes).map(|()| bytes.len()).map_err(|e| match e
            .kind()
        {
            Kind::ClosedPipe => std::io::ErrorKind::BrokenPipe.into(),
            _ => std::io::Error::other(e.message().to_owned()),
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn restore(args: &RestoreArgs, cx: &mut Context) -> Result<Exit> {
    refuse_stdin(cx)?;
    let home = Home::locate(&cx.env)?;
    if args.merge { merge(&home, cx) } else { fresh(args, &home, cx) }
}

fn refuse_stdin(cx: &Context) -> Result<()> {
    if std::io::stdin().is_terminal() {
        return Err(Error::new(
            Kind::Usage,
            code::TERMINAL,
            "a backup is read from stdin, not from a terminal",
        )
        .hint("hasp-vault restore < FILE"));
    }
    super::input::refuse_two_readers(&hasp_core::Source::Stdin, cx)
}

/// Into a home without a vault.
fn fresh(args: &RestoreArgs, home: &Home, cx: &mut Context) -> Result<Exit> {
    let target = Vault::dir_of(&Here::within(home, &cx.env))?.to_owned();
    // Echo stays off from the passphrase to the question.
    let asking = Terminal::open();
    asking.iter().for_each(Terminal::more_follows);
    let (identity, keeper) = pin::open(home, cx)?;
    home.create()?;
    let _lock = exclusive(home)?;
    refuse_beside(&target)?;
    let staged = Staged::unpack(
        BufReader::with_capacity(1 << 17, std::io::stdin().lock()),
        &identity,
        &target,
    )?;
    let keeps = trust(args, &staged, home, &identity, &keeper)?;
    drop(asking);
    refuse_older(args, &staged, home)?;
    if let Some((name, content)) = keeps {
        files::replace(&home.join(name), &content)?;
    }
    let (secrets, made) = (staged.items.len(), staged.about.created);
    own::take_over(home, &identity, &keeper, *staged.vault.id(), cx)?;
    let had = known::find(home, *staged.vault.id())?.map(|k| k.log);
    let vault = staged.install(home, &target, &identity, cx.now)?;
    let key = public_key::encode(vault.record_key());
    if cx.out.json {
        cx.out.object(&serde_json::json!({
            "v": 1, "vault": vault.id(), "public_key": key, "dir": printable_path(&target),
            "secrets": secrets, "made": made,
        }))?;
    } else {
        cx.out.note(&format!(
            "the vault {} is back as of {}: {secrets} secrets, trusted by its key {key}",
            vault.id(),
            made.local()
        ));
    }
    if had.as_ref() != Some(vault.log_id()) {
        cx.out.note(
            "a backup does not hold the record: a new one began, and its first line says where \
             the old one had come to",
        );
    }
    Ok(Exit::OK)
}

fn refuse_beside(target: &Path) -> Result<()> {
    crate::init::refuse_existing(target).map_err(|e| {
        e.hint("to merge the backup into the vault that is here: hasp-vault restore --merge < FILE")
    })
}

fn exclusive(home: &Home) -> Result<Lock> {
    lock::lock(&files::ensure_dirs(home.root(), Path::new("locks"))?.join("init"))
}

/// The home's pin, the identity's, the key that was given, or a person: one of them has to know the
/// key. Gives the identity's file again, if its pin has to change because the key was given.
fn trust(
    args: &RestoreArgs,
    staged: &Staged,
    home: &Home,
    identity: &Identity,
    keeper: &Keeper,
) -> Result<Option<(String, Vec<u8>)>> {
    let (id, key) = (*staged.vault.id(), staged.key());
    let shown = public_key::encode(key);
    if let Some(expected) = &args.key {
        if *expected != shown {
            let message = format!(
                "the vault in the backup has the key {shown}, not the one given; nothing was \
                 restored"
            );
            return Err(Error::new(Kind::Denied, code::OTHER_KEY, message));
        }
        keeper.refuse_foreign_pin(identity, id, key)?;
        return keeper.repinned(identity, id, key);
    }
    let pinned = known::find(home, id)?.map(|k| k.key);
    if pinned.is_some_and(|p| p != *key) || identity.pins_otherwise(id, key) {
        return Err(Error::new(
            Kind::Data,
            code::KEY_CHANGED,
            "the vault in the backup has another key than the one that was pinned",
        )
        .hint(
            "it is from before a recipient was removed, or somebody else made it; a member \
             reads the key from: hasp-vault status",
        )
        .hint(format!("if it is the right one all the same: hasp-vault restore --key {shown}")));
    }
    if pinned.is_none() && !identity.pins(id) {
        confirm(staged, &shown)?;
    }
    Ok(None)
}

fn confirm(staged: &Staged, key: &str) -> Result<()> {
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(
            Kind::Locked,
            code::NO_TERMINAL,
            "there is no terminal to ask whether the key of the backup is right",
        )
        .hint("give the key that it must have: hasp-vault restore --key BASE64")
    })?;
    terminal.show(&format!(
        "vault  {}\nkey    {key}\nmade   {}\nCompare the key with what a member reads from: \
         hasp-vault status\n",
        staged.vault.id(),
        staged.about.created.local()
    ))?;
    if terminal.confirm("Trust this vault?")? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was restored"))
}

fn refuse_older(args: &RestoreArgs, staged: &Staged, home: &Home) -> Result<()> {
    let (count, one) = staged.behind(home)?;
    if count == 0 || args.older {
        return Ok(());
    }
    let example = one.map(|n| format!(", such as {n}")).unwrap_or_default();
    let message = format!(
        "this home has seen {count} newer records than the backup holds{example}; nothing was \
         restored"
    );
    Err(Error::new(Kind::Denied, code::OLDER_THAN_SEEN, message).hint(
        "take a newer backup, or say that this one is the newest there is: hasp-vault restore \
         --older < FILE",
    ))
}

/// Into the vault that is there.
fn merge(home: &Home, cx: &mut Context) -> Result<Exit> {
    let vault = Vault::here(&Here::find(&cx.env)?)?;
    let (identity, keeper) = pin::open(home, cx)?;
    let unlocked = vault.unlock_opened(identity, cx)?;
    let _lock = exclusive(home)?;
    let input = BufReader::with_capacity(1 << 17, std::io::stdin().lock());
    let staged = Staged::unpack(input, unlocked.identity(), &home.join("restored"))?;
    let bar = progress::bar(staged.items.len(), "secrets", cx);
    let report = unlocked.merge(&staged, cx.now, &|| bar.inc(1));
    bar.finish_and_clear();
    let report = report?;
    own::take_over(home, unlocked.identity(), &keeper, *vault.id(), cx)?;
    tell(&report, cx)
}

fn tell(report: &Report, cx: &mut Context) -> Result<Exit> {
    let Report { added, updated, kept, conflicts } = report;
    for (what, names) in
        [("added", added), ("updated", updated), ("kept", kept), ("conflict", conflicts)]
    {
        for name in names {
            if cx.out.json {
                cx.out.object(&serde_json::json!({"v": 1, "secret": name, "outcome": what}))?;
            } else if what != "kept" {
                cx.out.line(&format!("{what:8}  {name}"))?;
            }
        }
    }
    let (added, updated, kept) = (added.len(), updated.len(), kept.len());
    cx.out.note(&format!(
        "{added} added, {updated} updated, {kept} kept as they are, {} in conflict",
        conflicts.len()
    ));
    if conflicts.is_empty() {
        return Ok(Exit::OK);
    }
    cx.out.note(
        "what is in conflict went on differently here and in the backup, and is left as it is here",
    );
    Ok(Exit::NO)
}
