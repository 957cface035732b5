//! Who asked: a process and its ancestors, as a record has them. What they are called is a label
//! that a program can choose, to be found by and to be read, and never a barrier.

/// What a program is called that only runs others: to say that it asked says nothing.
const SILENT: [&str; 22] = [
    "sh",
    "ash",
    "bash",
    "dash",
    "fish",
    "ksh",
    "mksh",
    "tcsh",
    "zsh",
    "busybox",
    "env",
    "nice",
    "nohup",
    "setsid",
    "stdbuf",
    "time",
    "timeout",
    "init",
    "systemd",
    "login",
    "sshd",
    "sshd-session",
];
/// What the kernel puts behind the path of a program whose file is gone.
const DELETED: &str = " (deleted)";

/// A process that asked, or one of its ancestors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker<'a> {
    /// Its pid.
    pub pid: Option<u64>,
    /// The path of its program; empty if that could not be seen.
    pub exe: &'a str,
    /// What it called itself, where that is not its program's name; empty otherwise.
    pub comm: &'a str,
}

impl<'a> Asker<'a> {
    /// From an entry of the list of a record.
    pub fn read(entry: &'a serde_json::Value) -> Asker<'a> {
        let exe = entry["exe"].as_str().unwrap_or_default();
        Asker {
            pid: entry["pid"].as_u64(),
            exe: exe.strip_suffix(DELETED).unwrap_or(exe),
            comm: entry["comm"].as_str().unwrap_or_default(),
        }
    }

    /// What it is called: the last part of its program's path, or, where an interpreter runs a
    /// script, what it called itself.
    pub fn name(&self) -> &'a str {
        let file = self.exe.rsplit('/').next().unwrap_or_default();
        if self.comm.is_empty() { file } else { self.comm }
    }

    /// Whether it is one of our own tools, which stands for whoever ran it.
    pub fn is_ours(&self) -> bool {
        self.exe.rsplit('/').next().unwrap_or_default().starts_with("hasp-")
    }

    /// Whether its name says who asked: no shell, and nothing else that only runs others.
    pub fn says(&self) -> bool {
        let name = self.name().trim_start_matches('-');
        !name.is_empty() && !self.is_ours() && !SILENT.contains(&stem(name))
    }

    /// What it can be asked for by: `exe:PATH`, `NAME`, also without the version that its name
    /// ends in, and `pid:N`.
    pub fn words(self) -> Vec<String> {
        let mut words: Vec<String> = self.pid.map(|pid| format!("pid:{pid}")).into_iter().collect();
        if !self.exe.is_empty() {
            words.push(format!("exe:{}", self.exe));
        }
        for name in [self.exe.rsplit('/').next().unwrap_or_default(), self.comm] {
            let mut name = name;
            while !name.is_empty() && !words.iter().any(|word| word == name) {
                words.push(name.to_owned());
                name = shorter(name);
            }
        }
        words
    }
}

/// The name without the last number of the version that it ends in: `python3.11`, `python3`,
/// `python`.
fn shorter(name: &str) -> &str {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if bare.len() == name.len() { name } else { bare.trim_end_matches(['.', '-']) }
}

/// The name without any version.
fn stem(name: &str) -> &str {
    let next = shorter(name);
    if next.len() == name.len() || next.is_empty() { name } else { stem(next) }
}

/// Those that say who asked, the nearest first; the caller alone if none does.
pub fn told<'a>(chain: impl Iterator<Item = Asker<'a>>) -> Vec<Asker<'a>> {
    let others: Vec<Asker> = chain.skip_while(Asker::is_ours).collect();
    let told: Vec<Asker> = others.iter().copied().filter(Asker::says).collect();
    if told.is_empty() { others.into_iter().take(1).collect() } else { told }
}

#[cfg(test)]
mod tests;
