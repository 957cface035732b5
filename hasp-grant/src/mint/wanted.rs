//! What is to be delivered, from the target of `hasp.toml` or from the command line.

use std::collections::BTreeSet;

use hasp_bind::Project;
use hasp_core::{Error, Kind, Result, SecretName};
use hasp_target::{Channel, Delivery, MAX_TEMPLATES, Target, Template};

use crate::cli::Mint;
use crate::code;
use crate::mint::context::MintContext;
use crate::mint::items::version::{self, Versions};

/// What is to be delivered.
pub struct Wanted {
    /// Values.
    pub deliveries: Vec<Delivery>,
    /// Files with values in them.
    pub templates: Vec<Template>,
    /// What is meant in a version that may not be the current one.
    pub versions: Versions,
}

/// The target of this name.
///
/// # Errors
/// `[no-manifest]`; the codes of the manifest.
pub fn named_target<'a>(project: &'a Project, name: &str) -> Result<&'a Target> {
    let manifest = project.manifest.as_ref().ok_or_else(|| {
        Error::new(
            Kind::Missing,
            hasp_target::code::NO_MANIFEST,
            "there is no hasp.toml here, and so no target",
        )
        .hint("make one with: hasp-target init")
    })?;
    manifest.target(name)
}

/// The words of the options that deliver a value, each with its channel.
pub fn typed(mint: &Mint) -> impl Iterator<Item = (Channel, &str)> {
    let words = |channel| match channel {
        Channel::Env => &mint.env[..],
        Channel::File => &mint.file[..],
        Channel::Fd => &mint.fd[..],
        Channel::Stdin => mint.stdin.as_slice(),
    };
    Channel::ALL.iter().flat_map(move |c| words(*c).iter().map(move |word| (*c, word.as_str())))
}

/// From the target, or from the command line.
pub fn wanted(mint: &Mint, target: Option<&Target>, at: &MintContext<'_>) -> Result<Wanted> {
    let mut versions = Versions::new();
    version::read(&mint.at, &mut versions)?;
    let (deliveries, templates) = match target {
        Some(target) => (target.deliveries.clone(), target.templates.clone()),
        None => by_options(mint, at, &mut versions)?,
    };
    let wanted = Wanted { deliveries, templates, versions };
    wanted.has_all_versions().map(|()| wanted)
}

/// What stands on the command line.
fn by_options(
    mint: &Mint,
    at: &MintContext<'_>,
    versions: &mut Versions,
) -> Result<(Vec<Delivery>, Vec<Template>)> {
    let mut wanted = Vec::new();
    for (channel, word) in typed(mint) {
        let (word, named) = version::split(word);
        let delivery = Delivery::parse(channel, word)?;
        if let Some(named) = named {
            version::remember(versions, delivery.reference.clone(), named)?;
        }
        wanted.push(delivery);
    }
    let root = &at.project.root;
    let parsed = mint.template.iter().map(|word| Template::parse(word, root, at.cwd));
    let templates = parsed.collect::<Result<Vec<_>>>()?;
    refuse_twice(&wanted, &templates)?;
    if templates.iter().map(|t| t.text().len()).sum::<usize>() > MAX_TEMPLATES {
        let message =
            format!("the templates are longer than {} KiB together", MAX_TEMPLATES / 1024);
        return Err(Error::new(Kind::Usage, hasp_target::code::MANIFEST_TOO_LARGE, message)
            .hint("deliver values by --file or --fd instead"));
    }
    if wanted.is_empty() && templates.is_empty() {
        return Err(Error::new(
            Kind::Usage,
            code::NOTHING_GRANTED,
            "say what to grant: a target, or values and a command",
        )
        .hint("hasp-grant -x -t TARGET")
        .hint("hasp-grant -x -e DATABASE_URL=db/url -- ./migrate up"));
    }
    Ok((wanted, templates))
}

impl Wanted {
    /// Every reference, once.
    pub fn references(&self) -> BTreeSet<&SecretName> {
        let direct = self.deliveries.iter().map(|d| &d.reference);
        direct.chain(self.templates.iter().flat_map(Template::references)).collect()
    }

    /// A version of what is not delivered was meant otherwise.
    fn has_all_versions(&self) -> Result<()> {
        let references = self.references();
        match self.versions.keys().find(|name| !references.contains(name)) {
            None => Ok(()),
            Some(name) => {
                let message = format!("{name} has a version and is not delivered");
                Err(Error::new(Kind::Usage, code::BAD_VERSION, message)
                    .hint(format!("deliver it, for example: -e VAR={name}")))
            }
        }
    }
}

fn refuse_twice(wanted: &[Delivery], templates: &[Template]) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    let direct = wanted.iter().filter_map(|d| d.variable.as_deref());
    match direct.chain(templates.iter().map(Template::variable)).find(|v| !seen.insert(*v)) {
        None => Ok(()),
        Some(variable) => Err(Error::new(
            Kind::Usage,
            code::DELIVERED_TWICE,
            format!("{variable} is to hold two values"),
        )
        .hint(format!(
            "give each value a variable of its own: -e {variable}=REF -e {variable}_2=REF"
        ))),
    }
}
