//! `init`: a manifest to start from, with the rules as comments and, if there is a `.env`, its
//! names; never a value.

use std::path::Path;

use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, SecretName};
use serde_json::json;

use crate::edit::{self, env_file};
use crate::manifest::Manifest;
use crate::manifest::text::FILE_NAME;
use crate::manifest::variable::check_variable;

const RULES: &str = "\
# What this project needs from hasp, by name. It holds no values and grants nothing:
#   hasp-vault set NAME     stores a value
#   hasp-bind               consents to what is asked for here
#   hasp-grant -x -t NAME   runs a target
# See hasp.toml(5).
";

const SAMPLE: &str = "
[refs]
# \"db/url\" = { about = \"Postgres, app role\", class = \"high\" }

# [target.test]
# about = \"integration tests\"
# run   = [\"pytest\", \"...\"]          # a last \"...\" stands for any further words
# env   = { DATABASE_URL = \"db/url\" }  # also: file, fd, stdin
";

/// The line to type now.
const NEXT: &str = "hasp-target add NAME -e VAR=REF -- COMMAND";

pub(crate) fn run(dir: &Path, cx: &mut Context) -> Result<Exit> {
    let path = dir.join(FILE_NAME);
    if path.symlink_metadata().is_ok() {
        return Err(edit::exists(&path));
    }
    let text = text(dir)?;
    Manifest::parse(text.as_bytes(), &path)?;
    edit::create(&path, &text)?;
    if cx.out.json {
        let object = json!({"v": 1, "manifest": printable_path(&path), "next": [NEXT]});
        return cx.out.object(&object).map(|()| Exit::OK);
    }
    cx.out.note(&format!("wrote {}", printable_path(&path)));
    cx.out.note(&format!("next: {NEXT}"));
    Ok(Exit::OK)
}

fn text(dir: &Path) -> Result<String> {
    Ok(starter(dir) + &found_names(&dir.join(".env"))?)
}

/// The text that a manifest begins with.
pub(crate) fn starter(dir: &Path) -> String {
    let project = format!("\n[project]\nname = \"{}\"\n", project_name(dir));
    [RULES, &project, SAMPLE].concat()
}

/// The directory's name with everything else made '-'.
fn project_name(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(48).collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.parse::<SecretName>().is_ok() { name.to_owned() } else { "project".to_owned() }
}

/// Comments that name what a `.env` holds; nothing if there is none, or it cannot be read as one.
fn found_names(path: &Path) -> Result<String> {
    if !path.is_file() {
        return Ok(String::new());
    }
    let variables = env_file::read(path).unwrap_or_default().variables;
    let secrets: Vec<&str> =
        variables.iter().filter(|v| v.secret).map(|v| v.name.as_str()).collect();
    let secrets: Vec<&str> =
        secrets.into_iter().filter(|name| check_variable(name).is_ok()).collect();
    if secrets.is_empty() {
        return Ok(String::new());
    }
    let list: String = secrets.iter().map(|name| format!("#   {name}\n")).collect();
    Ok(format!(
        "\n# .env holds what looks like secrets by name:\n{list}# To deliver them from the vault \
         instead: hasp-target add NAME --from-env .env -- COMMAND\n"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_is_a_manifest_with_names_and_without_values() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".env"), "API_KEY=hunter2\nPORT=1\nLD_PRELOAD_KEY=x\n")
            .unwrap();
        let text = text(dir.path()).unwrap();
        let manifest = Manifest::parse(text.as_bytes(), Path::new(FILE_NAME)).unwrap();
        assert!(manifest.project.is_some() && manifest.targets.is_empty());
        assert!(
            text.contains("API_KEY")
                && !text.contains("hunter2")
                && !text.contains("PORT")
                && !text.contains("LD_PRELOAD")
        );
    }

    #[test]
    fn the_sample_without_its_comment_signs_is_a_manifest() {
        let sample: String =
            SAMPLE.lines().map(|l| l.strip_prefix("# ").unwrap_or(l).to_owned() + "\n").collect();
        assert_eq!(
            Manifest::parse(sample.as_bytes(), Path::new(FILE_NAME)).unwrap().targets.len(),
            1
        );
    }

    #[test]
    fn any_directory_gives_a_name() {
        for (dir, name) in [
            ("/a/api", "api"),
            ("/a/My App", "My-App"),
            ("/", "project"),
            ("/.x", "x"),
            ("/a.toml", "project"),
        ] {
            assert_eq!(project_name(Path::new(dir)), name);
        }
    }
}
