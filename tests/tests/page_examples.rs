//! Promise: every line under EXAMPLES in a manual page and every shell line of the README runs as
//! it stands, in the situation that it is written for. A line that is added there and not here
//! fails, and so does one that is gone.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use hasp_tests::{API_KEY, DB_URL, PASSPHRASE, World, peer};

/// A line of the manual with what must be so before it, what a person answers, and what it says.
struct Example {
    line: &'static str,
    /// A line that prepares the world of [`world`].
    before: &'static str,
    /// The steps of a person at a terminal; none for a script.
    person: &'static [&'static str],
    status: i32,
    /// Part of what it prints, on either stream.
    says: &'static str,
}

const fn runs(line: &'static str, before: &'static str, says: &'static str) -> Example {
    Example { line, before, person: &[], status: 0, says }
}

const fn asks(
    line: &'static str,
    before: &'static str,
    person: &'static [&'static str],
    says: &'static str,
) -> Example {
    Example { line, before, person, status: 0, says }
}

const KEEP: &str = "hasp-grant -q -t test --for 1h --keep --consumer user";
const LEAKED: &str = "hasp-grant -q -x -t test --consumer user >/dev/null";
/// What an agent called claude does: a program of its own, whatever it is made of.
const TOUCHED: &str = "printf prod-Token-4711 | hasp-vault set prod/token -q
    hasp-bind -q add prod/token; cp $(command -v bash) claude
    ./claude -c 'hasp-grant -q -x --consumer user -e T=prod/token -- make; exit $?' >/dev/null";
const EMPTY: &str = "mv $HASP_HOME ../old; cp ../old/identity identity";
const PROGRAMS: &str = "printf 'Old-Password-4711' | hasp-vault set db/password -q
    printf '#!/bin/sh\\nprintf New-Password-4712' >new; printf '#!/bin/sh\\ntrue' >try
    cp try drop; chmod 700 new try drop";

const REPOSITORY: &str = "git init -q --bare ../origin.git; rm -rf .git; git init -q .
    git config user.name t; git config user.email t@t; cp -R $HASP_HOME/vault vault
    git add -A; git commit -qm one; git remote add origin ../origin.git
    git push -q -u origin HEAD; hasp-redact hooks install -q; echo x >y; git add y
    git config core.editor \"sh -c 'echo two >\\$1' -\"";
const CONFLICT: &str = "git init -q .; git config user.name t; git config user.email t@t
    cp -R $HASP_HOME/vault vault; export HASP_VAULT=$PWD/vault; git add -A; git commit -qm one
    cp -R $HASP_HOME ../theirs; git checkout -q -b theirs
    printf Theirs-Value-4711 | HASP_HOME=$PWD/../theirs hasp-vault set db/url -q
    git add -A; git commit -qm two; git checkout -q -; printf Ours-Value-4711 | hasp-vault set \
    db/url -q
    git add -A; git commit -qm three; ! git merge -q theirs 2>/dev/null >&2
    unset HASP_VAULT; hasp-bind -q --yes --vault vault";
const REDACT: &str = "cat >>hasp.toml <<'END'
[target.redact]
run = [\"hasp-redact\", \"--env\", \"API_KEY\"]
env = { API_KEY = \"api/key\" }
END
    hasp-bind -q --yes; hasp-grant -q -t redact --for 1h --keep --consumer user";

/// Lines that have a test of their own: they build everything.
const ELSEWHERE: [&str; 3] = ["make demo", "make check", "make install"];

const EXAMPLES: &[Example] = &[
    // A vault, its identity, its copies.
    asks(
        "hasp-vault init",
        EMPTY,
        &[
            "see:assphrase",
            "type:a long one of 4 words\\n",
            "see:once more",
            "type:a long one of 4 words\\n",
        ],
        "ready",
    ),
    asks("hasp-vault set db/url", "", &["see:not shown", "type:postgres://a:b@c/d-4711\\n"], ""),
    asks("hasp-vault set openai/key", "", &["see:not shown", "type:sk-another-4711\\n"], ""),
    runs(
        "HASP_PASSPHRASE=fd:3 hasp-vault set db/url 3<pass <url",
        "printf 'a long one of 4 words' >pass; printf postgres://a:b@c/d-4711 >url
         HASP_PASSPHRASE=fd:3 hasp-vault passphrase --new file:pass 3</dev/null ||
             hasp-vault passphrase --new pass",
        "",
    ),
    runs("hasp-vault generate db/password --kind password --rotate-every 30d", "", ""),
    runs("hasp-vault backup > backup.age", "", ""),
    runs("hasp-vault backup >vault.backup", "", ""),
    runs(
        "HASP_HOME=/new/home HASP_IDENTITY=identity hasp-vault restore < backup.age",
        "hasp-vault backup >backup.age; cp $HASP_HOME/identity identity",
        "",
    ),
    runs(
        "age -d -i identity backup.age | tar -x",
        "hasp-vault backup >backup.age; cp $HASP_HOME/identity identity",
        "",
    ),
    runs(
        "age -d -i identity vault/items/db/url/1.age",
        "cp -R $HASP_HOME/vault vault; cp $HASP_HOME/identity identity",
        "postgres://",
    ),
    asks(
        "age -d identity.age > id",
        "printf 'a long one of 4 words' >pass; hasp-vault passphrase --new pass
         cp $HASP_HOME/identity.age .",
        &["see:assphrase", "type:a long one of 4 words\\n"],
        "",
    ),
    runs(
        "age -d -i id vault/items/db/url/1.age",
        "cp -R $HASP_HOME/vault vault; cp $HASP_HOME/identity id",
        "postgres://",
    ),
    runs("hasp-vault recipients add age1...", "age-keygen -o friend 2>/dev/null", ""),
    runs(
        "hasp-vault recipients add \"$(cat colleague.pub)\"",
        "ssh-keygen -q -t ed25519 -N '' -f colleague",
        "",
    ),
    // Rotation.
    runs(
        "hasp-vault rotate db/password --run ./new --test ./try --retire ./drop --overlap 24h \
         --rotate-every 30d",
        PROGRAMS,
        "",
    ),
    runs("hasp-vault rotate --due -q", "", ""),
    runs("hasp-vault list --due", "", ""),
    runs("hasp-vault list --due || hasp-vault rotate --due", "", ""),
    // A vault in a repository.
    runs("git pull", REPOSITORY, ""),
    runs("hasp-vault resolve db/url --theirs", CONFLICT, ""),
    runs("git add -A vault && git commit", REPOSITORY, ""),
    // The project.
    runs("hasp-target init", "rm hasp.toml", ""),
    runs(
        "hasp-target add test -e DATABASE_URL=db/url -- pytest ...",
        "rm hasp.toml; hasp-target init",
        "",
    ),
    runs("hasp-target add dev --from-env .env --prefix api -- npm start", "", ""),
    runs("hasp-target check test && hasp-grant -x -t test", "", "[hasp:db/url]"),
    asks(
        "hasp-bind",
        "sed -i 's/^.refs./&\\n\"openai\\/key\" = {}/' hasp.toml",
        &["see:[y/N]", "type:y\\n"],
        "bound",
    ),
    runs(
        "hasp-bind add db/url=staging/db",
        "printf v4711-staging | hasp-vault set staging/db -q",
        "",
    ),
    runs(
        "HASP_PASSPHRASE=fd:3 hasp-bind --yes 3<passphrase-file",
        "printf 'a long one of 4 words' >passphrase-file; hasp-vault passphrase --new \
         passphrase-file",
        "",
    ),
    runs("hasp-bind list --all", "", "api"),
    // Who asks.
    runs("hasp-consumer whoami", "", ""),
    runs("hasp-consumer add claude --exe \"$(command -v claude)\"", "", ""),
    runs(
        "hasp-grant -t test --for 1h --keep --consumer claude",
        "hasp-consumer -q add claude --exe \"$PWD/../bin/claude\"",
        "",
    ),
    // Grants and what they run.
    runs("hasp-grant -x -e DATABASE_URL=db/url -- ./migrate up", "", "ran pytest up"),
    runs("hasp-grant -x -t test", "", "[hasp:db/url]"),
    runs("hasp-grant -x -t test -- -k login", "", "[hasp:db/url]"),
    runs("hasp-grant -t test | hasp-exec", "", "[hasp:db/url]"),
    asks("hasp-grant -t test --for 1h --keep", "", &["see:until"], ""),
    asks("hasp-grant -t test --for 8h --keep", "", &["see:until"], ""),
    asks("hasp-grant -t test --for 1h -o hand", "", &["see:until"], ""),
    runs(
        "hasp-grant narrow -g hand --only db/url --for 10m | hasp-exec",
        "hasp-grant -q -t test --for 1h --consumer user -o hand",
        "[hasp:db/url]",
    ),
    runs("hasp-grant why -t test", KEEP, "the caller may use it"),
    runs(
        "hasp-grant -x -e DATABASE_URL=db/url@prev -- ./migrate down",
        "printf postgres://a:Other-4712@c/d | hasp-vault set -q db/url",
        "is not the current version",
    ),
    runs("hasp-grant suggest --since 7d", LEAKED, "[target."),
    runs("hasp-exec -t test", KEEP, "[hasp:db/url]"),
    runs("hasp-exec -t test -- -k login", KEEP, "[hasp:db/url]"),
    runs("hasp-exec -t test --explain", KEEP, "would run"),
    runs("hasp-exec --doctor", "", ""),
    runs("hasp-grant revoke --all", KEEP, ""),
    // The record.
    runs("hasp-audit log", LEAKED, "exec.start"),
    runs("hasp-audit touched prod/token --asker claude", TOUCHED, ", asked by claude"),
    runs("hasp-audit exposed --since 24h --asker claude", LEAKED, ""),
    runs("hasp-audit exposed --since 24h --asker claude | hasp-vault rotate -", LEAKED, ""),
    asks(
        "hasp-audit exposed --since 24h | hasp-vault rotate -",
        LEAKED,
        &[
            "see:api/key (not shown)",
            "type:key-Another-4711\\n",
            "see:db/url (not shown)",
            "type:postgres://a:Another-4712@c/d\\n",
        ],
        "",
    ),
    runs("hasp-audit --event vault --since 1h", "", "vault."),
    runs(
        "hasp-audit exposed --since 24h | sed 's/@.*//' | sort -u | xargs hasp-vault revoke",
        LEAKED,
        "",
    ),
    runs("hasp-audit head | ssh elsewhere 'cat >> heads.txt'", "", ""),
    runs(
        "hasp-audit verify --expect \"$(ssh elsewhere tail -n 1 heads.txt)\"",
        "hasp-audit head >$HOME/heads.txt",
        "whole",
    ),
    runs(
        "hasp-audit who --from suspect.txt",
        "hasp-grant -q -x -t test >/dev/null; hasp-vault reveal --force db/url >suspect.txt",
        "",
    ),
    // The filter and the watch.
    runs("make 2>&1 | hasp-redact --env API_KEY", "", ""),
    runs("make 2>&1 | hasp-exec -t redact", REDACT, ""),
    runs(
        "hasp-redact --values fd:3 3<values.env0 <build.log",
        "printf 'V=Zx8-Quartz-4711\\0' >values.env0; echo Zx8-Quartz-4711 >build.log",
        "[hasp:V]",
    ),
    runs("hasp-redact scan --history --all && hasp-redact hooks install", REPOSITORY, ""),
    runs("hasp-redact hooks install", REPOSITORY, ""),
    runs("HASP_SKIP_SCAN='a test value' git commit", REPOSITORY, ""),
];

/// A home with values, a project with a manifest and a Makefile, and stand-ins for the programs
/// that examples name.
fn world() -> World {
    let world = World::with_project();
    world.store("openai/key", "sk-Heron-Velvet-Cask-4711");
    let stand_ins = "mkdir ../bin; cd ../bin
        for p in pytest npm psql claude; do printf '#!/bin/sh\\necho ran %s \"$@\"\\n' $p >$p; done
        printf '#!/bin/sh\\nshift; cd \"$HOME\" && eval \"$*\"\\n' >ssh
        chmod 755 *; cd ../project; cp ../bin/pytest migrate
        printf 'all:\\n\\t@echo building with $$API_KEY\\n' >Makefile
        printf 'PORT=3000\\n' >.env";
    world.sh(stand_ins).ok();
    world
}

/// The lines under EXAMPLES of a page, continued lines as one, without indentation; scripts and
/// files that stand there are no lines.
fn lines_of(page: &str) -> Vec<String> {
    let text = page.split_once(".Sh EXAMPLES\n").map_or("", |(_, rest)| rest);
    let text = text.split("\n.Sh ").next().unwrap_or_default();
    let mut lines = Vec::new();
    let mut block: Option<Vec<&str>> = None;
    for line in text.lines() {
        if let Some(line) = line.strip_prefix(".Dl ") {
            lines.push(line.to_owned());
        } else if line.starts_with(".Bd -literal") {
            block = Some(Vec::new());
        } else if line.starts_with(".Ed") {
            let block = block.take().unwrap_or_default();
            if !block.first().is_some_and(|first| first.starts_with(['#', '['])) {
                lines.extend(block.join("\n").replace("\\e\n", "").lines().map(str::to_owned));
            }
        } else if let Some(block) = &mut block {
            block.push(line);
        }
    }
    lines.iter().map(|line| single_spaces(&line.replace("\\&", ""))).collect()
}

/// The lines of the README's shell blocks without their remarks.
fn lines_of_readme(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" # ").next().unwrap());
    lines.map(single_spaces).filter(|line| !line.is_empty()).collect()
}

fn single_spaces(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every line that the papers have.
fn told() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut told = BTreeSet::new();
    for page in std::fs::read_dir(root.join("man")).unwrap() {
        told.extend(lines_of(&std::fs::read_to_string(page.unwrap().path()).unwrap()));
    }
    let is_here = |line: &String| !ELSEWHERE.contains(&line.as_str());
    told.extend(
        lines_of_readme(&std::fs::read_to_string(root.join("README.md")).unwrap())
            .into_iter()
            .filter(is_here),
    );
    told
}

#[test]
fn the_lines_of_the_papers_are_those_that_run_here() {
    let told = told();
    let here: BTreeSet<String> = EXAMPLES.iter().map(|e| e.line.to_owned()).collect();
    let missing: Vec<_> = told.difference(&here).collect();
    let gone: Vec<_> = here.difference(&told).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not run here: {missing:#?}; gone: {gone:#?}");
}

#[test]
fn every_example_runs_as_it_stands() {
    if !["python3", "age", "git", "make", "script"].iter().all(|program| peer(program)) {
        return;
    }
    let wrong: Vec<String> = EXAMPLES.iter().filter_map(|example| example.run().err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Example {
    /// Runs it in a world of its own; why it is not as it should be.
    fn run(&self) -> Result<(), String> {
        let world = world();
        let before = world.sh(self.before);
        // What a reader puts there, and a build that knows the key.
        let line = self
            .line
            .replace("age1...", "$(age-keygen -y friend)")
            .replace("/new/home", "$PWD/../new");
        let line = format!("export PATH=$PWD/../bin:$PATH API_KEY={API_KEY}\n{line}\nexit $?");
        let (status, said) = if before.status != 0 {
            (before.status, format!("before it: {}", before.stderr))
        } else if self.person.is_empty() {
            let outcome = world.sh(&line);
            outcome.civil();
            (outcome.status, format!("{}{}", outcome.stdout, outcome.stderr))
        } else {
            let person = || world.type_at(&line, self.person);
            let shown = catch_unwind(AssertUnwindSafe(person));
            let shown = shown.map_err(|_| format!("{}: a step did not come about", self.line))?;
            (i32::try_from(shown.status).unwrap(), shown.text)
        };
        // Stock age prints what it opens; of ours only a reveal does.
        let is_open = self.line.starts_with("age ");
        let is_told = !is_open && (said.contains(DB_URL) || said.contains(PASSPHRASE));
        if status == self.status && said.contains(self.says) && !is_told {
            return Ok(());
        }
        Err(format!("{}: {status}, not {} with '{}':\n{said}", self.line, self.status, self.says))
    }
}
