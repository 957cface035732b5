//! What is asked for at minting, read from the command line and resolved against project, binding
//! and vault: the action with its absolute program, the versions it opens, and the strictest class
//! among them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use hasp_bind::{Binding, Project, is_everywhere};
use hasp_core::text::{printable, printable_path, shell_word};
use hasp_core::trust;
use hasp_core::{Environ, Error, Kind, Result, Runtime, SecretName, Timestamp};
use hasp_target::{
    Channel, Delivery, MAKE, MAX_TEMPLATES, RefSpec, Target, Template, check_kept, names_make,
};
use hasp_vault::{Allow, Class, Item, Vault, expiry_notice};

use crate::action::control;
use crate::action::delivery;
use crate::action::files as code;
use crate::action::pins;
use crate::action::program;
use crate::cli::Mint;
use crate::mint::swap::{self, Keeping};
use crate::token::arg::Word;
use crate::token::claims::{Action, EnvRules, Extent, Granted};

/// What a trailing word of this form stands for: any further words.
const FURTHER: &str = "...";

/// Where minting happens.
pub struct Place<'a> {
    /// The project at the current directory.
    pub project: &'a Project,
    /// The current directory.
    pub cwd: &'a Path,
    /// Its vault.
    pub vault: &'a Vault,
    /// The runtime directory.
    pub runtime: &'a Runtime,
    /// The environment, for PATH.
    pub env: &'a Environ,
    /// Now.
    pub now: Timestamp,
}

/// A resolved order, not yet consented to.
pub struct Order {
    /// What will run.
    pub action: Action,
    /// What will be opened, with the verified items.
    pub granted: Vec<(Granted, Item)>,
    /// What the project is not yet bound to.
    pub unbound: Vec<SecretName>,
    /// The target, if its consent is missing.
    pub unconsented: Option<Target>,
    /// What deserves a look before the passphrase is given.
    pub warnings: Vec<String>,
    /// Why this root cannot have the name that a first consent would give it.
    pub name_taken: Option<Error>,
    /// What is said even where `--quiet` silences the rest.
    pub loud: Vec<String>,
    /// The strictest class of all that is opened.
    pub class: Class,
}

/// Resolves what the command line asks for.
pub fn resolve(mint: &Mint, place: &Place<'_>, binding: &Binding) -> Result<Order> {
    let target =
        mint.target.as_deref().map(|name| named_target(place.project, name)).transpose()?;
    let unconsented = target.filter(|t| !binding.targets.contains_key(&t.name));
    if let (Some(target), None) = (target, unconsented) {
        binding.check_target(target)?;
    }
    let wanted = wanted(mint, target, place)?;
    let Resolved { granted, deliveries, mut warnings, unbound } =
        resolve_items(&wanted, target, place, binding)?;
    let action = resolve_action(mint, target, (deliveries, wanted.templates), place)?;
    warnings.extend(strangers(&action, place, binding.shared)?);
    warnings.extend(action_warnings(&action, place));
    // With -x it is the run that says it.
    let said = if mint.exec {
        None
    } else {
        expiry_notice(granted.iter().map(|(_, item)| item), place.now)
    };
    warnings.extend(said);
    let class = granted.iter().map(|(g, _)| g.class).max().unwrap_or(Class::Low);
    granted.iter().try_for_each(|(g, _)| control::check(&action, g.name.as_str(), g.class))?;
    let loud = control::loud(&action, &granted.iter().map(|(g, _)| g.clone()).collect::<Vec<_>>());
    let claims = binding.holds_name.is_none() && place.project.is_named();
    let name_taken = if claims { binding.check_name(place.vault).err() } else { None };
    Ok(Order {
        action,
        granted,
        unbound,
        unconsented: unconsented.cloned(),
        warnings,
        name_taken,
        loud,
        class,
    })
}

/// Who else can change the project, the files of it that this action is made of, or a directory in
/// which the command finds programs.
///
/// # Errors
/// `[foreign-file]` for a file of a project that is not bound as shared.
fn strangers(action: &Action, place: &Place<'_>, shared: bool) -> Result<Vec<String>> {
    let Project { root, stranger, .. } = place.project;
    let argv: Vec<OsString> = action.argv.iter().map(|w| w.as_os().to_owned()).collect();
    let program = action.program.as_ref().map(Word::as_path);
    let code =
        program.map(|p| code::files(p, &argv, action.dir.as_path(), root)).unwrap_or_default();
    let templates = action.templates.iter().map(|t| root.join(t.path()));
    let mut found: Vec<String> = stranger.iter().map(trust::Stranger::text).collect();
    for file in code.iter().cloned().chain(templates) {
        match program::stranger(&file, root) {
            Some(other) if file.starts_with(root) && !shared => {
                return Err(program::foreign(&other));
            }
            other => found.extend(other.map(|o| o.text())),
        }
    }
    let search = action.env.search(place.env.get("PATH")).map(std::env::split_paths);
    found.extend(
        search
            .into_iter()
            .flatten()
            .filter_map(|dir| trust::stranger_on_the_way(&dir))
            .map(|s| s.text()),
    );
    found.sort();
    found.dedup();
    Ok(found)
}

fn named_target<'a>(project: &'a Project, name: &str) -> Result<&'a Target> {
    let manifest = project.manifest.as_ref().ok_or_else(|| {
        Error::new(Kind::Missing, "no-manifest", "there is no hasp.toml here, and so no target")
            .hint("make one with: hasp-target init")
    })?;
    manifest.target(name)
}

/// What is to be delivered.
struct Wanted {
    deliveries: Vec<Delivery>,
    templates: Vec<Template>,
}

/// From the target, or from the command line.
fn wanted(mint: &Mint, target: Option<&Target>, place: &Place<'_>) -> Result<Wanted> {
    if let Some(target) = target {
        return Ok(Wanted {
            deliveries: target.deliveries.clone(),
            templates: target.templates.clone(),
        });
    }
    let mut wanted = Vec::new();
    for (channel, words) in
        [(Channel::Env, &mint.env), (Channel::File, &mint.file), (Channel::Fd, &mint.fd)]
    {
        for word in words {
            wanted.push(Delivery::parse(channel, word)?);
        }
    }
    if let Some(word) = &mint.stdin {
        wanted.push(Delivery::parse(Channel::Stdin, word)?);
    }
    let root = &place.project.root;
    let parsed = mint.template.iter().map(|word| Template::parse(word, root, place.cwd));
    let templates = parsed.collect::<Result<Vec<_>>>()?;
    refuse_twice(&wanted, &templates)?;
    if templates.iter().map(|t| t.text().len()).sum::<usize>() > MAX_TEMPLATES {
        let message =
            format!("the templates are longer than {} KiB together", MAX_TEMPLATES / 1024);
        return Err(Error::new(Kind::Usage, "manifest-too-large", message)
            .hint("deliver values by --file or --fd instead"));
    }
    if wanted.is_empty() && templates.is_empty() {
        return Err(Error::new(
            Kind::Usage,
            "nothing-granted",
            "say what to grant: a target, or values and a command",
        )
        .hint("hasp-grant -x -t TARGET")
        .hint("hasp-grant -x -e DATABASE_URL=db/url -- ./migrate up"));
    }
    Ok(Wanted { deliveries: wanted, templates })
}

fn refuse_twice(wanted: &[Delivery], templates: &[Template]) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    let direct = wanted.iter().filter_map(|d| d.variable.as_deref());
    match direct.chain(templates.iter().map(Template::variable)).find(|v| !seen.insert(*v)) {
        None => Ok(()),
        Some(variable) => Err(Error::new(
            Kind::Usage,
            "delivered-twice",
            format!("{variable} is to hold two values"),
        )
        .hint(format!(
            "give each value a variable of its own: -e {variable}=REF -e {variable}_2=REF"
        ))),
    }
}

struct Resolved {
    granted: Vec<(Granted, Item)>,
    deliveries: Vec<Delivery>,
    warnings: Vec<String>,
    unbound: Vec<SecretName>,
}

/// Each reference once, with the item that the binding (or, unbound, its own name) leads to.
fn resolve_items(
    wanted: &Wanted,
    target: Option<&Target>,
    place: &Place<'_>,
    binding: &Binding,
) -> Result<Resolved> {
    let direct = wanted.deliveries.iter().map(|d| &d.reference);
    let references: BTreeSet<_> =
        direct.chain(wanted.templates.iter().flat_map(Template::references)).collect();
    let (mut granted, mut warnings, mut unbound) = (Vec::new(), Vec::new(), Vec::new());
    for reference in references {
        let bound = binding.refs.get(reference);
        let secret = bound.unwrap_or(reference);
        if let Some(found) = find_item(reference, secret, target, (place, binding), &mut warnings)?
        {
            granted.push(found);
            unbound.extend(bound.is_none().then(|| reference.clone()));
        }
    }
    let version = |reference: &SecretName| {
        granted
            .iter()
            .find(|(g, _)| g.reference == *reference)
            .and_then(|(_, item)| item.current_version())
    };
    // What is optional and not stored has no version, and is left out.
    let deliveries: Vec<Delivery> =
        wanted.deliveries.iter().filter(|d| version(&d.reference).is_some()).cloned().collect();
    for (delivery, version) in deliveries.iter().filter_map(|d| Some((d, version(&d.reference)?))) {
        delivery::check(delivery, version, place.runtime)?;
    }
    wanted
        .templates
        .iter()
        .try_for_each(|t| delivery::check_template(t, version, place.runtime))?;
    Ok(Resolved { granted, deliveries, warnings, unbound })
}

/// The deliverable item behind a reference; `None` for one that the manifest calls optional and the
/// vault does not have.
fn find_item(
    reference: &SecretName,
    secret: &SecretName,
    target: Option<&Target>,
    (place, binding): (&Place<'_>, &Binding),
    warnings: &mut Vec<String>,
) -> Result<Option<(Granted, Item)>> {
    let spec = place.project.manifest.as_ref().and_then(|m| m.refs.get(reference));
    let item = match place.vault.item(secret) {
        Err(e) if e.code() == "secret-unknown" && spec.is_some_and(|s| !s.required) => {
            warnings
                .push(format!("{reference} is optional and not in the vault: it is left out, and empty in a template"));
            return Ok(None);
        }
        other => other?,
    };
    warnings.extend(check_scope(&item, target, (place, binding))?);
    let class = item.class.max(manifest_class(spec)?);
    let current = item.deliverable(place.now)?;
    let granted = Granted {
        reference: reference.clone(),
        name: secret.clone(),
        version: current.number,
        file: current.file.clone(),
        sha256: current.sha256.clone(),
        class,
    };
    Ok(Some((granted, item)))
}

fn manifest_class(spec: Option<&RefSpec>) -> Result<Class> {
    spec.and_then(|s| s.class.as_deref()).map_or(Ok(Class::Low), str::parse)
}

/// The scope given at generation: a project, by its root or by the name that this root has, or one
/// target of it. The name in a manifest is a stranger's word and opens nothing. Says what a first
/// consent gives away.
fn check_scope(
    item: &Item,
    target: Option<&Target>,
    (place, binding): (&Place<'_>, &Binding),
) -> Result<Option<String>> {
    let target = target.map(|t| t.name.as_str());
    // A root that is not UTF-8 cannot be a scope, and what it looks like must not be one either.
    let root = binding.root.to_str().unwrap_or_default();
    if item.allow.is_empty() || item.allow.iter().any(|a| a.admits(root, root, target)) {
        return Ok(None);
    }
    let project = &binding.project;
    let named = |a: &&Allow| !is_everywhere(&a.project) && a.admits(project, "", target);
    if item.allow.iter().find(named).is_none() {
        return Err(not_allowed(item, project));
    }
    binding.check_name(place.vault)?;
    let first = binding.holds_name.is_none();
    let text = format!(
        "{} may go to the project called {}: from now on that is",
        item.name,
        printable(project.as_bytes())
    );
    Ok(first.then(|| format!("{text} {}", printable_path(&place.project.root))))
}

fn not_allowed(item: &Item, project: &str) -> Error {
    let name = &item.name;
    let message = format!(
        "{name} may not be granted to this action of project '{}'",
        printable(project.as_bytes())
    );
    let error = Error::new(Kind::Denied, "not-allowed", message);
    match item.allow.iter().find(|a| is_everywhere(&a.project)) {
        Some(word) => error.hint(format!(
            "'{word}' is taken as a project's name and admits none: name a project, for example: hasp-vault set {name} --allow {}",
            shell_word(project.as_ref())
        )),
        None => error.hint(format!("see where it may go: hasp-vault show {name}")),
    }
}

fn resolve_action(
    mint: &Mint,
    target: Option<&Target>,
    (deliveries, templates): (Vec<Delivery>, Vec<Template>),
    place: &Place<'_>,
) -> Result<Action> {
    let dir = match target.and_then(|t| t.dir.as_ref()) {
        Some(below) => place.project.root.join(below),
        None if target.is_some() => place.project.root.clone(),
        None => place.cwd.to_owned(),
    };
    let (argv, fixed, extent) = approved_words(mint, target)?;
    let program = match argv.first() {
        Some(first) => {
            let found = program::find(first, &dir, place.env.get("PATH"))?;
            program::check(&found)?;
            Some(Word::from(&found))
        }
        None => None,
    };
    let env = environment(mint, target, place)?;
    Ok(Action {
        target: target.map(|t| t.name.clone()),
        program,
        argv: argv.iter().map(Word::from).collect(),
        fixed,
        extent,
        dir: Word::from(&dir),
        env,
        deliveries,
        templates,
        no_new_privs: target.is_some_and(|t| t.no_new_privs),
        raw: mint.raw,
    })
}

fn environment(mint: &Mint, target: Option<&Target>, place: &Place<'_>) -> Result<EnvRules> {
    mint.keep_env.iter().try_for_each(|name| check_kept(name))?;
    let typed = BTreeSet::from_iter(&mint.keep_env).into_iter().cloned().collect();
    let (clean, pass, keep) = match target {
        Some(target) => (target.clean_env, target.pass_env.clone(), target.keep_env.clone()),
        None => (false, Vec::new(), typed),
    };
    let clean = mint.clean_env || clean;
    let pinned = pins::pin(place.env, |name| !clean || pass.iter().any(|p| p == name));
    Ok(EnvRules { clean, pass, keep, pinned: Some(pinned) })
}

/// The approved words, how many of them are the target's, and what may follow.
fn approved_words(mint: &Mint, target: Option<&Target>) -> Result<(Vec<OsString>, usize, Extent)> {
    let run = target.and_then(|t| t.run.as_ref());
    if mint.any_command {
        return if run.is_some() || !(mint.argv.is_empty() || mint.exec) {
            Err(Error::new(
                Kind::Usage,
                "command-twice",
                "--any-command goes with neither a target's run nor a command after --",
            ))
        } else {
            Ok((Vec::new(), 0, Extent::Any))
        };
    }
    let Some(run) = run else {
        return split_further(mint.argv.clone()).and_then(|(words, extent)| {
            match words.is_empty() {
                true => Err(Error::new(Kind::Usage, "no-command", "say which command to grant")
                    .hint("add it after --, for example: -- ./migrate up")
                    .hint("or let hasp-exec name it: --any-command")),
                false => Ok((words, 0, extent)),
            }
        });
    };
    let (fixed_words, extent) = split_further(run.iter().map(OsString::from).collect())?;
    let fixed = fixed_words.len();
    if mint.argv.is_empty() {
        return Ok((fixed_words, fixed, extent));
    }
    if extent == Extent::Exact {
        return Err(Error::new(
            Kind::Usage,
            "command-fixed",
            "this target's command takes no further words",
        )
        .hint("end its run with \"...\" in hasp.toml, then consent again with: hasp-bind"));
    }
    let (more, extent) = split_further(mint.argv.clone())?;
    Ok((fixed_words.into_iter().chain(more).collect(), fixed, extent))
}

/// A last word `...` stands for any further words.
fn split_further(mut words: Vec<OsString>) -> Result<(Vec<OsString>, Extent)> {
    let open = words.last().is_some_and(|w| w == FURTHER);
    if open {
        words.pop();
    }
    Ok((words, if open { Extent::Open } else { Extent::Exact }))
}

fn action_warnings(action: &Action, place: &Place<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(program) = &action.program {
        let argv: Vec<OsString> = action.argv.iter().map(|w| w.as_os().to_owned()).collect();
        let (dir, root) = (action.dir.as_path(), &place.project.root);
        warnings.extend(program::writable_warnings(program.as_path(), &argv, dir, root));
        if !argv[0].as_encoded_bytes().contains(&b'/') {
            warnings.extend(program::search_warnings(place.env.get("PATH"), program.as_path()));
        }
    }
    if !action.env.keep.is_empty() {
        let names = action.env.keep.join(", ");
        warnings.push(format!(
            "keeps {names}: whoever uses this grant can make the command load other code"
        ));
    }
    let words: Vec<&OsStr> = action.argv.iter().map(Word::as_os).collect();
    if !action.env.clean && names_make(&words) {
        warnings.push(MAKE.to_owned());
    }
    if action.raw {
        warnings.push("the output will not be redacted".to_owned());
    }
    if place.runtime.on_disk() {
        warnings.push(
            "HASP_RUNTIME is on a disk: half of this grant's key will be written there".to_owned(),
        );
    }
    warnings.extend(swap_warning());
    warnings
}

/// Memory that is swapped out is on a disk.
fn swap_warning() -> Option<String> {
    let plain = swap::devices().into_iter().find(|s| s.keeping == Keeping::Plain)?;
    let shown = printable_path(&plain.path);
    Some(format!("swap on {shown} may not be encrypted: memory that holds keys can reach it"))
}
