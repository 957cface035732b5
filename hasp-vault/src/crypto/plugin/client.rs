//! The two things that are asked of a plugin: to wrap a file key, and to unwrap one. What it wants
//! to know meanwhile is asked on the terminal.

use std::collections::HashSet;
use std::path::Path;

use age::secrecy::ExposeSecret;
use age_core::format::{FileKey, Stanza};
use data_encoding::BASE64_NOPAD;
use hasp_core::terminal::Terminal;
use hasp_core::text::printable;
use hasp_core::{Error, Kind, Result, cause_text};
use zeroize::Zeroize;

use super::wire::Wire;

use crate::code;

/// The length of a file key.
const KEY_BYTES: usize = 16;

/// A conversation with one plugin.
pub struct PluginClient<'a> {
    name: &'a str,
    wire: Wire,
    /// From the first question to the end: what is typed between two of them is not shown.
    terminal: Option<Terminal>,
}

impl PluginClient<'_> {
    /// Starts the plugin.
    ///
    /// # Errors
    /// `[plugin-failed]`, as for all that follows.
    pub fn begin<'a>(name: &'a str, program: &Path, machine: &str) -> Result<PluginClient<'a>> {
        let wire = Wire::open(program, machine)
            .map_err(|e| failed(name, &format!("it cannot be run: {}", cause_text(&e))))?;
        Ok(PluginClient { name, wire, terminal: None })
    }

    /// The stanzas from which the plugin can unwrap this file key for this recipient, and the
    /// labels that go with them.
    pub fn wrap(
        mut self,
        recipient: &str,
        key: &FileKey,
    ) -> Result<(Vec<Stanza>, HashSet<String>)> {
        self.send("add-recipient", &[recipient], b"")?;
        self.send("extension-labels", &[], b"")?;
        self.send("wrap-file-key", &[], key.expose_secret())?;
        self.send("done", &[], b"")?;
        let (mut stanzas, mut labels) = (Vec::new(), HashSet::new());
        while let Some(mut stanza) = self.next(&["recipient-stanza", "labels"])? {
            if stanza.tag == "labels" {
                labels.extend(stanza.args);
            } else if stanza.args.len() >= 2 && stanza.args[0] == "0" {
                stanza.tag = stanza.args.remove(1);
                stanza.args.remove(0);
                stanzas.push(stanza);
            } else {
                return Err(failed(self.name, "it wrapped the key of another file"));
            }
            self.send("ok", &[], b"")?;
        }
        if stanzas.is_empty() {
            return Err(failed(self.name, "it wrapped nothing"));
        }
        Ok((stanzas, labels))
    }

    /// The file key out of these stanzas, if the identity opens one of them.
    pub fn unwrap(mut self, identity: &str, stanzas: &[Stanza]) -> Result<Option<FileKey>> {
        self.send("add-identity", &[identity], b"")?;
        for stanza in stanzas {
            let words: Vec<&str> = ["0", &stanza.tag]
                .into_iter()
                .chain(stanza.args.iter().map(String::as_str))
                .collect();
            self.send("recipient-stanza", &words, &stanza.body)?;
        }
        self.send("done", &[], b"")?;
        let mut key = None;
        while let Some(mut stanza) = self.next(&["file-key"])? {
            let is_key = stanza.args == ["0"] && stanza.body.len() == KEY_BYTES && key.is_none();
            if is_key {
                key = Some(FileKey::init_with_mut(|bytes| bytes.copy_from_slice(&stanza.body)));
            }
            stanza.body.zeroize();
            if !is_key {
                return Err(failed(self.name, "it gave back what is no file key"));
            }
            self.send("ok", &[], b"")?;
        }
        Ok(key)
    }

    /// What the plugin says next of what is wanted, its questions having been answered; `None` at
    /// its end.
    fn next(&mut self, wanted: &[&str]) -> Result<Option<Stanza>> {
        loop {
            let stanza = self.wire.receive().map_err(|e| match e.kind() {
                std::io::ErrorKind::UnexpectedEof => failed(self.name, "it ended too early"),
                _ => failed(self.name, "it does not keep to the protocol"),
            })?;
            match stanza.tag.as_str() {
                "done" => return Ok(None),
                "error" => return Err(failed(self.name, &printable(&stanza.body))),
                "msg" | "confirm" | "request-public" | "request-secret" => self.ask(&stanza)?,
                tag if wanted.contains(&tag) => return Ok(Some(stanza)),
                _ => self.send("unsupported", &[], b"")?,
            }
        }
    }

    /// Shows or asks what the plugin wants on the terminal; without one it is told that nobody
    /// answered.
    fn ask(&mut self, stanza: &Stanza) -> Result<()> {
        self.terminal = self.terminal.take().or_else(Terminal::open);
        let Some(terminal) = &mut self.terminal else { return self.send("fail", &[], b"") };
        let text = format!("age-plugin-{}: {}", self.name, printable(&stanza.body));
        match stanza.tag.as_str() {
            "msg" => {
                terminal.show(&format!("{text}\n"))?;
                self.send("ok", &[], b"")
            }
            "request-public" => {
                let answer = terminal.ask(&format!("{text}: "))?;
                self.send("ok", &[], answer.as_bytes())
            }
            "request-secret" => {
                // A PIN does what a passphrase does.
                terminal.introduce()?;
                let answer = terminal.ask_hidden_first(&format!("{text}: "))?;
                terminal.nothing_behind()?;
                self.send("ok", &[], answer.expose())
            }
            _ => {
                let words: Vec<String> = stanza
                    .args
                    .iter()
                    .filter_map(|a| Some(printable(&BASE64_NOPAD.decode(a.as_bytes()).ok()?)))
                    .collect();
                let answer = match &words[..] {
                    [yes, no, ..] => terminal.confirm(&format!("{text}\ny: {yes}, n: {no}"))?,
                    [yes] => terminal.ask(&format!("{text}\nEnter: {yes} ")).map(|_| true)?,
                    [] => return self.send("fail", &[], b""),
                };
                self.send("ok", &[if answer { "yes" } else { "no" }], b"")
            }
        }
    }

    fn send(&mut self, tag: &str, args: &[&str], body: &[u8]) -> Result<()> {
        self.wire.send(tag, args, body).map_err(|_| failed(self.name, "it ended too early"))
    }
}

fn failed(name: &str, why: &str) -> Error {
    Error::new(Kind::Io, code::PLUGIN_FAILED, format!("age-plugin-{name}: {why}"))
        .hint("try it by itself, with age: age -r RECIPIENT, age -d -i IDENTITY")
}
