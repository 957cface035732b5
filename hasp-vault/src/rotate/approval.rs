//! Which programs this home may run for a secret. A record is signed by the vault, and a vault can
//! be shared: what another member wrote into it must not choose the programs that run here.

use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result, SecretName};

use super::program::Step;
use crate::format::rotation::{Program, Recipe};
use crate::item::revoke::remove;
use crate::open::vault::Vault;

/// The longest list.
const MAX_FILE: usize = 1 << 20;

impl Vault {
    /// Remembers the programs of a plan that was typed or agreed to here. The caller has the lock
    /// of the secret.
    pub fn approve_programs(&self, name: &SecretName, plan: &Recipe) -> Result<()> {
        let mut lines = self.approved_lines(name)?;
        let wanted = steps(plan).map(|(step, program)| line(step, program));
        let fresh: Vec<String> = wanted.filter(|l| !lines.contains(l)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        lines.extend(fresh);
        files::ensure_dirs(self.home().root(), &self.programs_dir())?;
        files::replace(&self.programs_path(name), (lines.join("\n") + "\n").as_bytes())
    }

    /// The programs of a plan that nobody has agreed to in this home.
    pub fn unapproved_programs(&self, name: &SecretName, plan: &Recipe) -> Result<Vec<Program>> {
        let known = self.approved_lines(name)?;
        let unknown = steps(plan).filter(|(step, program)| !known.contains(&line(*step, program)));
        Ok(unknown.map(|(_, program)| program.clone()).collect())
    }

    pub(crate) fn forget_programs(&self, name: &SecretName) -> Result<()> {
        remove(self.programs_path(name))
    }

    fn approved_lines(&self, name: &SecretName) -> Result<Vec<String>> {
        let path = self.programs_path(name);
        let content = files::read_if_present(&path, Guard::Private, MAX_FILE)?.unwrap_or_default();
        let text = String::from_utf8(content)
            .map_err(|e| Error::io("read", &path, std::io::Error::other(e)))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn programs_dir(&self) -> PathBuf {
        Path::new("programs").join(self.id().to_string())
    }

    /// One flat file a secret: `%` is no character of a name.
    fn programs_path(&self, name: &SecretName) -> PathBuf {
        self.home().join(self.programs_dir()).join(name.as_str().replace('/', "%"))
    }
}

/// The programs of a plan, each with what it is for.
fn steps(plan: &Recipe) -> impl Iterator<Item = (Step, &Program)> {
    let all = [(Step::Run, &plan.run), (Step::Test, &plan.test), (Step::Retire, &plan.retire)];
    all.into_iter().filter_map(|(step, program)| program.as_ref().map(|p| (step, p)))
}

fn line(step: Step, program: &Program) -> String {
    format!("{} {program}", step.as_str())
}
