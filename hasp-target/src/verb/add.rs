//! `add`: a new target, or more deliveries for one; the first one makes the file.

use std::path::Path;

use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, SecretName};
use serde_json::json;

use crate::cli::AddArgs;
use crate::code;
use crate::edit::addition::Addition;
use crate::edit::env_file::{self, EnvFile, Variable};
use crate::edit::{self, Opened};
use crate::manifest::delivery::{Channel, Delivery};
use crate::manifest::target::is_name;
use crate::manifest::template::Template;
use crate::manifest::text::FILE_NAME;
use crate::manifest::variable::check_variable;
use crate::verb::{examples, init};

/// `path` is the nearest manifest, or where one will be.
pub(crate) fn run(args: &AddArgs, path: &Path, cx: &mut Context) -> Result<Exit> {
    let file = args.from_env.as_deref().map(env_file::read).transpose()?.unwrap_or_default();
    let addition = Addition {
        target: target_name(&args.target)?,
        deliveries: deliveries(args, &file.variables)?,
        templates: templates(args, path)?,
        run: words(args)?,
        about: args.about.as_deref(),
        dir: args.runs_in.as_deref(),
    };
    let opened = if path.symlink_metadata().is_ok() {
        edit::open(path)?
    } else {
        Opened::new(path, init::starter(path.parent().unwrap_or(Path::new("."))))?
    };
    let text = addition.apply(&opened.text, &opened.manifest, path)?;
    let after = opened.save(&text)?;
    let report = Report {
        addition: &addition,
        path,
        wrote: opened.is_new,
        fresh: after.refs.keys().filter(|r| !opened.manifest.refs.contains_key(*r)).collect(),
        left_out: LeftOut::of(&file, &addition),
        next: next(&after, addition.target),
    };
    file.remarks.iter().for_each(|remark| cx.out.note(remark));
    report.print(cx)
}

/// Variables of a `.env` that are not delivered.
struct LeftOut<'a> {
    plain: Vec<&'a str>,
    refused: Vec<&'a str>,
}

impl LeftOut<'_> {
    fn of<'a>(file: &'a EnvFile, addition: &Addition<'_>) -> LeftOut<'a> {
        let delivered = |v: &&Variable| {
            addition.deliveries.iter().any(|d| d.variable.as_ref() == Some(&v.name))
        };
        let (mut plain, mut refused) = (Vec::new(), Vec::new());
        for variable in file.variables.iter().filter(|v| !delivered(v)) {
            let list = if variable.secret { &mut refused } else { &mut plain };
            list.push(variable.name.as_str());
        }
        LeftOut { plain, refused }
    }
}

struct Report<'a> {
    addition: &'a Addition<'a>,
    path: &'a Path,
    wrote: bool,
    fresh: Vec<&'a SecretName>,
    left_out: LeftOut<'a>,
    next: [String; 2],
}

impl Report<'_> {
    fn print(&self, cx: &mut Context) -> Result<Exit> {
        let (target, LeftOut { plain, refused }) = (self.addition.target, &self.left_out);
        if cx.out.json {
            let object = json!({
                "v": 1, "target": target, "manifest": printable_path(self.path),
                "wrote": self.wrote, "references": self.fresh, "plain": plain,
                "refused": refused, "next": self.next,
            });
            return cx.out.object(&object).map(|()| Exit::OK);
        }
        if self.wrote {
            cx.out.note(&format!("wrote {}", printable_path(self.path)));
        }
        if !self.fresh.is_empty() {
            let names: Vec<&str> = self.fresh.iter().map(|r| r.as_str()).collect();
            cx.out.note(&format!("listed under [refs]: {}", names.join(", ")));
        }
        for (why, names) in
            [("plain settings", plain), ("names that no value is delivered in", refused)]
        {
            if !names.is_empty() {
                cx.out.note(&format!("left out as {why}: {}", names.join(", ")));
            }
        }
        let [bind, grant] = &self.next;
        cx.out.note(&format!("target {target} is in {FILE_NAME}; next: {bind}, then {grant}"));
        Ok(Exit::OK)
    }
}

/// The lines to type now.
fn next(manifest: &crate::Manifest, target: &str) -> [String; 2] {
    let words = manifest.targets.get(target).map_or("", examples::words);
    ["hasp-bind".to_owned(), format!("hasp-grant -x -t {target}{words}")]
}

fn target_name(name: &str) -> Result<&str> {
    if is_name(name) {
        return Ok(name);
    }
    Err(Error::new(Kind::Usage, hasp_core::code::BAD_NAME, "that cannot be the name of a target")
        .hint("a name has letters, digits, '.', '_' and '-', for example: test"))
}

fn deliveries(args: &AddArgs, variables: &[Variable]) -> Result<Vec<Delivery>> {
    let typed = |channel| match channel {
        Channel::Env => &args.env,
        Channel::File => &args.file,
        Channel::Fd => &args.fd,
        Channel::Stdin => &args.stdin,
    };
    let words = Channel::ALL.iter().flat_map(|c| typed(*c).iter().map(move |text| (*c, text)));
    let parsed = words.map(|(channel, text)| Delivery::parse(channel, text));
    let mut found = parsed.collect::<Result<Vec<_>>>()?;
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
