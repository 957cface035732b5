//! `add`: a new target, or more deliveries for one; what stands there already is never changed.

use std::path::Path;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, SecretName};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use crate::cli::AddArgs;
use crate::code;
use crate::manifest::Manifest;
use crate::manifest::delivery::{Channel, Delivery, check_deliveries};
use crate::manifest::dotenv::{self, Variable};
use crate::manifest::edit;
use crate::manifest::target::{Target, is_name};
use crate::manifest::template::{Template, check_variables};
use crate::manifest::text::FILE_NAME;
use crate::manifest::variable::check_variable;

/// What to add, ready to use.
struct Addition<'a> {
    target: &'a str,
    deliveries: Vec<Delivery>,
    templates: Vec<Template>,
    run: Option<Vec<String>>,
    about: Option<&'a str>,
    dir: Option<&'a str>,
}

pub(crate) fn run(args: &AddArgs, path: &Path, cx: &mut Context) -> Result<Exit> {
    let variables = args.from_env.as_deref().map(dotenv::read).transpose()?.unwrap_or_default();
    let addition = Addition {
        target: target_name(&args.target)?,
        deliveries: deliveries(args, &variables)?,
        templates: templates(args, path)?,
        run: words(args)?,
        about: args.about.as_deref(),
        dir: args.runs_in.as_deref(),
    };
    let (before, mut document) = edit::open(path)?;
    addition.check(&before)?;
    addition.write(&mut document)?;
    let text = document.to_string();
    addition.verify(&before, &Manifest::parse(text.as_bytes(), path)?)?;
    let after = edit::save(path, &text)?;
    report(&addition, &before, &after, &variables, cx);
    Ok(Exit::OK)
}

impl Addition<'_> {
    /// Refuses what would change something that stands there.
    fn check(&self, before: &Manifest) -> Result<()> {
        check_deliveries(&self.deliveries)?;
        check_variables(&self.deliveries, &self.templates)?;
        let Some(target) = before.targets.get(self.target) else { return Ok(()) };
        let other = |t: &Template| {
            target.templates.iter().any(|o| o.variable() == t.variable() && o.path() != t.path())
        };
        let value = |t: &Template| {
            target.deliveries.iter().any(|d| d.variable.as_deref() == Some(t.variable()))
        };
        let file = |d: &Delivery| {
            target.templates.iter().any(|t| d.variable.as_deref() == Some(t.variable()))
        };
        let taken = |d: &Delivery| {
            file(d) || target.deliveries.iter().any(|t| t.variable == d.variable && t != d)
        };
        let template = self.templates.iter().find(|t| other(t) || value(t)).map(Template::variable);
        let what = match () {
            () if self.run.is_some() && target.run.is_some() => "a command".to_owned(),
            () if self.about.is_some() && target.about.is_some() => "an 'about'".to_owned(),
            () if self.dir.is_some() && target.dir.is_some() => "a 'dir'".to_owned(),
            () => match (self.deliveries.iter().find(|d| taken(d)), template) {
                (Some(delivery), _) => {
                    format!("another {}", delivery.variable.as_deref().unwrap_or("stdin"))
                }
                (None, Some(variable)) => format!("another {variable}"),
                (None, None) => return Ok(()),
            },
        };
        Err(Error::new(
            Kind::Create,
            hasp_core::code::EXISTS,
            format!("target '{}' has {what} already", self.target),
        )
        .hint(format!("change it by hand in {FILE_NAME}, or choose another name")))
    }

    fn write(&self, document: &mut DocumentMut) -> Result<()> {
        let refs = child(document.as_table_mut(), "refs", Table::new)?;
        let direct = self.deliveries.iter().map(|d| &d.reference);
        for reference in direct.chain(self.templates.iter().flat_map(Template::references)) {
            if !refs.contains_key(reference.as_str()) {
                refs.insert(reference.as_str(), value(InlineTable::new()));
            }
        }
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
            .try_for_each(|(variable, path)| entry(target, "template", variable, &path))
    }

    /// Whatever form the file had, the result must say what was asked for, and the rest what it
    /// said before.
    fn verify(&self, before: &Manifest, after: &Manifest) -> Result<()> {
        let kept = before
            .targets
            .iter()
            .all(|(name, t)| name == self.target || after.targets.get(name) == Some(t));
        let refs = before.refs.iter().all(|(name, spec)| after.refs.get(name) == Some(spec));
        let said = after
            .targets
            .get(self.target)
            .is_some_and(|t| self.said(t, before.targets.get(self.target)));
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
        let templates =
            self.templates.iter().chain(before.map(|b| b.templates.as_slice()).unwrap_or_default());
        let templates = templates.into_iter().all(|t| after.templates.contains(t));
        deliveries && templates && (self.run.is_none() || after.run == self.run)
    }
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
    if table.contains_key(variable) {
        return Ok(());
    }
    table.insert(variable, Item::Value(Value::from(text)));
    Ok(())
}

fn target_name(name: &str) -> Result<&str> {
    if is_name(name) {
        return Ok(name);
    }
    Err(Error::new(Kind::Usage, hasp_core::code::BAD_NAME, "that cannot be the name of a target")
        .hint("a name has letters, digits, '.', '_' and '-', for example: test"))
}

fn deliveries(args: &AddArgs, variables: &[Variable]) -> Result<Vec<Delivery>> {
    let lists = [
        (Channel::Env, &args.env),
        (Channel::File, &args.file),
        (Channel::Fd, &args.fd),
        (Channel::Stdin, &args.stdin),
    ];
    let typed = lists
        .into_iter()
        .flat_map(|(channel, list)| list.iter().map(move |text| Delivery::parse(channel, text)));
    let mut found = typed.collect::<Result<Vec<_>>>()?;
    for variable in variables.iter().filter(|v| v.secret && check_variable(&v.name).is_ok()) {
        if !found.iter().any(|d| d.variable.as_ref() == Some(&variable.name)) {
            let reference = reference(args.prefix.as_deref(), &variable.name)?;
            found.push(Delivery {
                channel: Channel::Env,
                variable: Some(variable.name.clone()),
                reference,
            });
        }
    }
    Ok(found)
}

/// Templates below the directory of the manifest, named from the current one.
fn templates(args: &AddArgs, manifest: &Path) -> Result<Vec<Template>> {
    let here = std::env::current_dir().and_then(|d| d.canonicalize());
    let here = here.map_err(|e| Error::system("find the current directory", e))?;
    let root = manifest.parent().unwrap_or(Path::new("."));
    args.template.iter().map(|word| Template::parse(word, root, &here)).collect()
}

/// `PREFIX/VAR`: the name that `hasp-vault import --prefix PREFIX` gives the same variable.
fn reference(prefix: Option<&str>, variable: &str) -> Result<SecretName> {
    match prefix {
        None => variable.parse(),
        Some(prefix) => format!("{}/{variable}", prefix.trim_end_matches('/')).parse(),
    }
}

fn words(args: &AddArgs) -> Result<Option<Vec<String>>> {
    if args.argv.is_empty() {
        return Ok(None);
    }
    let words = args.argv.iter().map(|w| w.to_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    words.map(Some).ok_or_else(|| {
        Error::new(
            Kind::Usage,
            code::BAD_ARGV,
            format!("{FILE_NAME} is UTF-8, and a word of the command is not"),
        )
        .hint("put the command into a script, and name that")
    })
}

fn report(
    addition: &Addition<'_>,
    before: &Manifest,
    after: &Manifest,
    variables: &[Variable],
    cx: &mut Context,
) {
    let fresh: Vec<&str> = after
        .refs
        .keys()
        .filter(|r| !before.refs.contains_key(*r))
        .map(SecretName::as_str)
        .collect();
    if !fresh.is_empty() {
        cx.out.note(&format!("listed under [refs]: {}", fresh.join(", ")));
    }
    let plain =
        |v: &&Variable| !addition.deliveries.iter().any(|d| d.variable.as_ref() == Some(&v.name));
    let (refused, plain): (Vec<&Variable>, Vec<&Variable>) =
        variables.iter().filter(plain).partition(|v| v.secret && check_variable(&v.name).is_err());
    for (why, list) in [("plain settings", plain), ("names that no value is delivered in", refused)]
    {
        let names: Vec<&str> = list.into_iter().map(|v| v.name.as_str()).collect();
        if !names.is_empty() {
            cx.out.note(&format!("left out as {why}: {}", names.join(", ")));
        }
    }
    cx.out.note(&format!(
        "target {} is in {FILE_NAME}; next: hasp-bind, then hasp-grant -x -t {}",
        addition.target, addition.target
    ));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn added(text: &str, addition: &Addition<'_>) -> Result<String> {
        let path = Path::new(FILE_NAME);
        let before = Manifest::parse(text.as_bytes(), path).unwrap();
        addition.check(&before)?;
        let mut document: DocumentMut = text.parse().unwrap();
        addition.write(&mut document)?;
        let text = document.to_string();
        addition.verify(&before, &Manifest::parse(text.as_bytes(), path)?)?;
        Ok(text)
    }

    fn addition<'a>(
        target: &'a str,
        deliveries: &[(Channel, &str)],
        run: Option<&[&str]>,
    ) -> Addition<'a> {
        let deliveries = deliveries.iter().map(|(c, t)| Delivery::parse(*c, t).unwrap()).collect();
        let run = run.map(|words| words.iter().map(|w| (*w).to_owned()).collect());
        Addition { target, deliveries, templates: Vec::new(), run, about: None, dir: None }
    }

    #[test]
    fn comments_and_order_stay() {
        let text = "# head\n[refs]\n\"z/z\" = {} # last\n\"a/b\" = { about = 'x' }\n\n# the \
                    test\n[target.test]\nrun = ['t']  # exact\n";
        let more = addition("test", &[(Channel::Env, "A=a/b"), (Channel::Stdin, "new/one")], None);
        let expected = "# head\n[refs]\n\"z/z\" = {} # last\n\"a/b\" = { about = 'x' \
                        }\n\"new/one\" = {}\n\n# the test\n[target.test]\nrun = ['t']  # \
                        exact\nenv = { A = \"a/b\" }\nstdin = \"new/one\"\n";
        assert_eq!(added(text, &more).unwrap(), expected);
    }

    #[test]
    fn an_empty_file_gets_both_tables() {
        let text =
            added("", &addition("t", &[(Channel::File, "A=a/b")], Some(&["x", "..."]))).unwrap();
        assert_eq!(
            text,
            "[refs]\n\"a/b\" = {}\n\n[target.t]\nrun = [\"x\", \"...\"]\nfile = { A = \"a/b\" }\n"
        );
    }

    #[test]
    fn other_forms_of_the_same_file_can_be_added_to() {
        for text in [
            "refs = { \"a/b\" = {} }\ntarget = { t = { run = ['x'] } }\n",
            "refs.\"a/b\".about = 'x'\ntarget.t.run = ['x']\n",
            "[target.t.env]\nB = 'a/b'\n[refs.\"a/b\"]\n",
        ] {
            let text = added(text, &addition("t", &[(Channel::Env, "A=c/d")], None)).unwrap();
            added(&text, &addition("u", &[(Channel::Fd, "A=e/f")], Some(&["y"]))).unwrap();
        }
    }

    #[test]
    fn what_stands_there_is_not_changed() {
        let text = "[refs]\n\"a/b\" = {}\n[target.t]\nrun = ['x']\nenv = { A = 'a/b' }\n";
        assert_eq!(
            added(text, &addition("t", &[], Some(&["y"]))).unwrap_err().code(),
            hasp_core::code::EXISTS
        );
        assert_eq!(
            added(text, &addition("t", &[(Channel::Env, "A=c/d")], None)).unwrap_err().code(),
            hasp_core::code::EXISTS
        );
        assert_eq!(
            added(text, &addition("t", &[(Channel::File, "A=a/b")], None)).unwrap_err().code(),
            hasp_core::code::EXISTS
        );
        assert_eq!(added(text, &addition("t", &[(Channel::Env, "A=a/b")], None)).unwrap(), text);
        assert_eq!(
            added(text, &addition("u", &[], Some(&["...", "y"]))).unwrap_err().code(),
            code::MANIFEST_BAD_RUN
        );
    }

    proptest! {
        #[test]
        fn what_was_added_reads_back(
            name in "[a-z][a-z0-9._-]{0,12}[a-z0-9]",
            variables in proptest::collection::btree_set("X[A-Z]{1,8}X", 0..5),
            reference in "[a-z]{1,6}/[a-z]{1,6}",
            words in proptest::collection::vec("[a-zA-Z \\\\\"'#=\\[\\]{}\u{e9}.]{1,12}", 1..5),
        ) {
            prop_assume!(is_name(&name));
            let deliveries: Vec<(Channel, String)> =
                variables.iter().map(|v| (Channel::Env, format!("{v}={reference}"))).collect();
            let deliveries: Vec<(Channel, &str)> =
                deliveries.iter().map(|(c, t)| (*c, t.as_str())).collect();
            let mut words: Vec<&str> =
                words.iter().map(String::as_str).filter(|w| *w != "...").collect();
            words.insert(0, "run");
            let asked = addition(&name, &deliveries, Some(&words));
            let text = added("# c\n[project]\nname = 'p'\n", &asked);
            prop_assume!(!text.as_ref().is_err_and(|e| e.code() == code::MANIFEST_SECRET));
            let manifest = Manifest::parse(text.unwrap().as_bytes(), Path::new(FILE_NAME)).unwrap();
            let target = manifest.target(&name).unwrap();
            prop_assert_eq!(target.run.as_ref().unwrap(), &words);
            prop_assert_eq!(target.deliveries.len(), variables.len());
        }
    }
}
