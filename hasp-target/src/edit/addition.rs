//! What is added to a manifest: a new target, or more deliveries for one. Nothing that stands there
//! is changed and comments stay where they were: a new target stands behind everything else, with
//! one variable a line from the second on.

use std::path::Path;

use hasp_core::{Error, Kind, Result};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use crate::code;
use crate::edit::lines::keep_ends;
use crate::manifest::Manifest;
use crate::manifest::delivery::{Channel, Delivery, check_deliveries};
use crate::manifest::target::Target;
use crate::manifest::template::{Template, check_variables};
use crate::manifest::text::FILE_NAME;

/// What to add, ready to use.
pub(crate) struct Addition<'a> {
    pub(crate) target: &'a str,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) templates: Vec<Template>,
    pub(crate) run: Option<Vec<String>>,
    pub(crate) about: Option<&'a str>,
    pub(crate) dir: Option<&'a str>,
}

impl Addition<'_> {
    /// The text of the manifest with the addition; `before` is what stands in `text`.
    ///
    /// # Errors
    /// `[exists]` for what would change something; `[cannot-edit]`; the codes of a manifest.
    pub(crate) fn apply(&self, text: &str, before: &Manifest, path: &Path) -> Result<String> {
        self.check(before)?;
        let good = |after: String| -> Result<String> {
            self.verify(before, &Manifest::parse(after.as_bytes(), path)?)?;
            Ok(after)
        };
        // A file in which `target` is one value cannot be appended to.
        self.append(text).and_then(good).or_else(|_| self.insert(text).and_then(good))
    }

    /// Refuses what would change something that stands there.
    fn check(&self, before: &Manifest) -> Result<()> {
        check_deliveries(&self.deliveries)?;
        check_variables(&self.deliveries, &self.templates)?;
        let Some(target) = before.targets.get(self.target) else { return Ok(()) };
        let Some(what) = self.taken(target) else { return Ok(()) };
        Err(Error::new(
            Kind::Create,
            hasp_core::code::EXISTS,
            format!("target '{}' has {what} already", self.target),
        )
        .hint(format!("change it by hand in {FILE_NAME}, or choose another name")))
    }

    /// What the target has in another form.
    fn taken(&self, target: &Target) -> Option<String> {
        let other = |t: &Template| {
            target.templates.iter().any(|o| o.variable() == t.variable() && o.path() != t.path())
        };
        let value = |t: &Template| {
            target.deliveries.iter().any(|d| d.variable.as_deref() == Some(t.variable()))
        };
        let file = |d: &Delivery| {
            target.templates.iter().any(|t| d.variable.as_deref() == Some(t.variable()))
        };
        let delivered = |d: &Delivery| {
            file(d) || target.deliveries.iter().any(|t| t.variable == d.variable && t != d)
        };
        let another = |variable: Option<&str>| format!("another {}", variable.unwrap_or("stdin"));
        let delivery = self.deliveries.iter().find(|d| delivered(d)).map(|d| d.variable.as_deref());
        let template = self.templates.iter().find(|t| other(t) || value(t)).map(Template::variable);
        match () {
            () if self.run.is_some() && target.run.is_some() => Some("a command".to_owned()),
            () if self.about.is_some() && target.about.is_some() => Some("an 'about'".to_owned()),
            () if self.dir.is_some() && target.dir.is_some() => Some("a 'dir'".to_owned()),
            () => delivery.map(another).or_else(|| template.map(|t| another(Some(t)))),
        }
    }

    /// What is new stands behind everything else; only what has its place already is put there.
    fn append(&self, text: &str) -> Result<String> {
        let (mut document, mut fresh) = (parse(text)?, DocumentMut::new());
        let has_refs = document.contains_key("refs");
        self.write_refs(if has_refs { &mut document } else { &mut fresh })?;
        let there = document.get("target").and_then(|targets| targets.get(self.target));
        let (has_target, is_table) = (there.is_some(), there.is_none_or(Item::is_table));
        self.write_target(if has_target { &mut document } else { &mut fresh }, is_table)?;
        Ok(keep_ends(text, &joined(document.to_string(), &fresh.to_string())))
    }

    /// Everything is put into the tables that are there, whatever their form.
    fn insert(&self, text: &str) -> Result<String> {
        let mut document = parse(text)?;
        self.write_refs(&mut document)?;
        self.write_target(&mut document, false)?;
        Ok(keep_ends(text, &document.to_string()))
    }

    fn write_refs(&self, document: &mut DocumentMut) -> Result<()> {
        let direct = self.deliveries.iter().map(|d| &d.reference);
        for reference in direct.chain(self.templates.iter().flat_map(Template::references)) {
            let refs = child(document.as_table_mut(), "refs", Table::new)?;
            if !refs.contains_key(reference.as_str()) {
                refs.insert(reference.as_str(), value(InlineTable::new()));
            }
        }
        Ok(())
    }

    /// With `spreads`, several variables of one channel become a table of their own.
    fn write_target(&self, document: &mut DocumentMut, spreads: bool) -> Result<()> {
        let targets = child(document.as_table_mut(), "target", implicit)?;
        let target = child(targets, self.target, spaced)?;
        self.about.iter().for_each(|about| drop(target.insert("about", value(*about))));
        if let Some(run) = &self.run {
            target.insert("run", value(run.iter().collect::<Array>()));
        }
        self.dir.iter().for_each(|dir| drop(target.insert("dir", value(*dir))));
        self.deliveries.iter().try_for_each(|d| deliver(target, d))?;
        let paths = self.templates.iter().map(|t| (t.variable(), t.path().to_string_lossy()));
        paths
            .into_iter()
            .try_for_each(|(variable, path)| entry(target, "template", variable, &path))?;
        if spreads {
            let tables = Channel::ALL.iter().filter(|channel| channel.has_variable());
            let keys = tables.map(|channel| channel.as_str()).chain(["template"]);
            keys.for_each(|key| spread(target, key));
        }
        Ok(())
    }

    /// Whatever form the file had, the result must say what was asked for, and the rest what it
    /// said before.
    fn verify(&self, before: &Manifest, after: &Manifest) -> Result<()> {
        let mut others = before.targets.iter().filter(|(name, _)| *name != self.target);
        let kept = others.all(|(name, t)| after.targets.get(name) == Some(t));
        let refs = before.refs.iter().all(|(name, spec)| after.refs.get(name) == Some(spec));
        let target = after.targets.get(self.target);
        let said = target.is_some_and(|t| self.said(t, before.targets.get(self.target)));
        if kept && refs && said && after.project == before.project {
            return Ok(());
        }
        Err(Error::new(
            Kind::Create,
            code::CANNOT_EDIT,
            format!("{FILE_NAME} is written in a form that cannot be added to"),
        )
        .hint(format!(
            "write [refs] and [target.{}] as tables of their own, then add again",
            self.target
        )))
    }

    fn said(&self, after: &Target, before: Option<&Target>) -> bool {
        let old = before.map(|b| b.deliveries.as_slice()).unwrap_or_default();
        let deliveries = self.deliveries.iter().chain(old).all(|d| after.deliveries.contains(d));
        let old = before.map(|b| b.templates.as_slice()).unwrap_or_default();
        let templates = self.templates.iter().chain(old).all(|t| after.templates.contains(t));
        deliveries && templates && (self.run.is_none() || after.run == self.run)
    }
}

/// A manifest that loaded is UTF-8 and TOML; it may only have changed since.
fn parse(text: &str) -> Result<DocumentMut> {
    text.parse::<DocumentMut>().map_err(|_| Error::bug("a manifest that loads cannot be edited"))
}

/// One text behind the other, with a blank line between.
fn joined(mut text: String, behind: &str) -> String {
    let behind = behind.trim_start_matches('\n');
    if !behind.is_empty() && !text.is_empty() {
        while !text.ends_with("\n\n") {
            text.push('\n');
        }
    }
    text + behind
}

/// The table of this name in another one, made if there is none.
fn child<'a>(
    parent: &'a mut dyn TableLike,
    key: &str,
    make: fn() -> Table,
) -> Result<&'a mut dyn TableLike> {
    if !parent.contains_key(key) {
        parent.insert(key, Item::Table(make()));
    }
    let found = parent.get_mut(key).and_then(Item::as_table_like_mut);
    found.ok_or_else(|| Error::bug(format!("'{key}' is no table in a manifest that loads")))
}

/// `[target.x]` needs no `[target]` before it.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

fn spaced() -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    table
}

fn deliver(target: &mut dyn TableLike, delivery: &Delivery) -> Result<()> {
    let (key, reference) = (delivery.channel.as_str(), delivery.reference.as_str());
    let Some(variable) = &delivery.variable else {
        if !target.contains_key(key) {
            target.insert(key, value(reference));
        }
        return Ok(());
    };
    entry(target, key, variable, reference)
}

/// `key = { variable = "text" }`, beside what stands in that table.
fn entry(target: &mut dyn TableLike, key: &str, variable: &str, text: &str) -> Result<()> {
    if !target.contains_key(key) {
        target.insert(key, value(InlineTable::new()));
    }
    let table = target.get_mut(key).and_then(Item::as_table_like_mut);
    let table =
        table.ok_or_else(|| Error::bug(format!("'{key}' is no table in a manifest that loads")))?;
    if !table.contains_key(variable) {
        table.insert(variable, Item::Value(Value::from(text)));
    }
    Ok(())
}

/// An inline table of several becomes a table of its own, with the comment that stands above it.
/// One that has a comment behind it stays as it is.
fn spread(target: &mut dyn TableLike, key: &str) {
    let above = target.key(key).and_then(|k| k.leaf_decor().prefix()?.as_str());
    let above = above.unwrap_or_default().trim_start_matches('\n').to_owned();
    let Some(item) = target.get_mut(key) else { return };
    let Some(inline) = item.as_inline_table().filter(|t| t.len() > 1 && !t.is_dotted()) else {
        return;
    };
    let behind = inline.decor().suffix().and_then(|s| s.as_str()).unwrap_or_default();
    if behind.contains('#') {
        return;
    }
    let mut table = inline.clone().into_table();
    table.decor_mut().set_prefix(format!("\n{above}"));
    *item = Item::Table(table);
    if let Some(mut key) = target.key_mut(key) {
        key.leaf_decor_mut().clear();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
