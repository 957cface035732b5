//! Programs that run what their words name, in one table: with further words that whoever uses a
//! grant adds, such a command is any command. hasp-grant(1) describes the rule.
//!
//! A list of names cannot know every program; it errs towards refusing, and counts for a program
//! under the name that was typed and under that of the file that it leads to.

use std::path::{Component, Path, PathBuf};

/// A kind of program that runs what its words name.
struct Row {
    /// Names without a version, with blanks between them; a `*` at the end stands for any letters.
    names: &'static str,
    /// Where further words belong to a fixed script: the options before its name that take no
    /// argument, each a word.
    script: Option<&'static str>,
}

/// The table. Names that are in no row run what they are.
///
/// An interpreter with `script` reads no options after the script's name. Options that read code
/// from elsewhere as well (`-i`, `-s`, `-c`, `-m`, `-x`) are in no list.
const TABLE: &[Row] = &[
    interpreter(
        "sh bash rbash dash ash ksh ksh93 mksh lksh pdksh yash posh zsh rzsh",
        "-e -u -x -v -f -n -a -b -eu -ex -ux -eux -euf",
    ),
    interpreter("fish", "-n -P"),
    interpreter(
        "python pypy pypy-c micropython",
        "-b -bb -B -d -E -I -O -OO -P -q -s -S -u -v -IB -uB -Bu",
    ),
    interpreter("perl", "-w -W -T -t -Tw -wT"),
    interpreter("ruby jruby truffleruby", "-w"),
    interpreter(
        "node nodejs",
        "--no-warnings --no-deprecation --trace-warnings --enable-source-maps",
    ),
    interpreter("php php-cli", "-n -q"),
    interpreter("lua luajit tclsh", ""),
    interpreter("java", "-jar -server"),
    // Shells and interpreters whose options go on, that take several programs, or that ask for a
    // subcommand first.
    runner(
        "awk gawk mawk nawk original-awk bun deno tsx ts-node elvish nu xonsh pwsh rc es csh tcsh \
            bsd-csh expect wish guile racket sbcl clisp ecl ghci runghc stack cabal ocaml erl \
            escript elixir iex mix groovy scala kotlin jshell julia R Rscript octave gnuplot irb \
            pry ipython jupyter m4 dc sed ed ex forth gforth swipl hhvm jjs osascript",
    ),
    // What makes a process from its words.
    runner(
        "env command exec nice ionice nohup setsid stdbuf time timeout flock script setpriv sudo \
            sudo-rs sudoedit doas su su-rs runuser pkexec run0 chroot unshare nsenter chrt \
            taskset numactl cpulimit setarch linux32 linux64 i386 x86_64 uname26 prlimit \
            softlimit ulimit capsh choom cgexec systemd-run systemd-inhibit systemd-nspawn \
            machinectl dbus-run-session dbus-launch start-stop-daemon daemonize daemon runit \
            chpst runsv s6-* execlineb envdir setuidgid setlock unbuffer rlwrap watch entr \
            watchexec parallel xargs rush find fd fdfind busybox toybox fakeroot fakechroot \
            faketime bwrap firejail proot pseudo tini dumb-init gosu su-exec catatonit strace \
            ltrace gdb gdbserver lldb rr perf valgrind bpftrace bpftool catchsegv xvfb-run xinit \
            startx xterm gnome-terminal konsole alacritty kitty foot tmux screen dtach abduco \
            byobu at batch cron crontab ip vrf-exec lxc lxc-attach lxc-execute incus docker \
            podman nerdctl buildah ctr crictl kubectl oc nomad vagrant flatpak snap toolbox \
            distrobox apptainer singularity qemu-* ld-linux* ld-musl* ld.so ld64.so* ssh-agent \
            gpg-agent direnv dotenv chamber aws-vault vault-env op doppler sops hasp-exec \
            hasp-grant hasp-redact",
    ),
    // What has a word for a command, a plugin or a file of commands.
    runner(
        "git gitk hg svn cvs bzr jj tig lazygit ssh scp sftp sshfs mosh autossh sshpass rsync \
            rclone rsh socat nc ncat openssl gpg gpgsm tar bsdtar gtar star cpio pax zip split \
            sort wget lftp ftp curlftpfs aria2c mail mailx mutt vi vim vim.basic vim.tiny vim.nox \
            vim.gtk vim.gtk3 vimdiff view rview rvim ex.vim gvim nvim emacs emacs-nox emacs-gtk \
            emacsclient nano pico joe jed mg micro kak hx helix code less more most pg man info \
            bat batcat fzf vipe sensible-editor sensible-pager editor pager xdg-open run-mailcap \
            run-parts psql mysql mariadb sqlite sqlite3 mongosh redis-cli isql sqlplus duckdb \
            usql tcpdump dumpcap tshark nmap mount umount borg restic restore dump groff troff \
            nroff tex latex pdftex pdflatex luatex lualatex xetex xelatex latexmk gs dvips cc gcc \
            c++ g++ clang clang++ cpp ld rustc tcc go javac",
    ),
    // What builds, installs and runs from files that a word names.
    runner(
        "make gmake bmake pmake remake ninja samu cmake ctest meson scons waf bazel bazelisk buck \
            just task mage rake thor invoke fab nox tox ant mvn mvnw gradle gradlew sbt lein \
            cargo rustup cross npm npm-cli.js npx npx-cli.js yarn yarn.js yarnpkg pnpm pnpm.cjs \
            pnpx corepack lerna nx turbo gulp grunt uv uvx pip pipx pipenv poetry pdm hatch conda \
            mamba micromamba pyenv rbenv nvm asdf mise bundle bundler gem composer opam nix \
            nix-shell nix-build guix dotnet msbuild mono terraform tofu terragrunt pulumi packer \
            ansible ansible-* helm helmfile skaffold tilt devenv pre-commit foreman honcho \
            overmind supervisord pm2 nodemon concurrently dune rebar3",
    ),
];

const fn interpreter(names: &'static str, plain: &'static str) -> Row {
    Row { names, script: Some(plain) }
}

const fn runner(names: &'static str) -> Row {
    Row { names, script: None }
}

/// Words that Node takes for no script: the script comes behind them.
const SUBCOMMANDS: [&str; 2] = ["inspect", "debug"];

/// Programs that are what they are called, whatever file they lead to.
const MANY_IN_ONE: [&str; 5] = ["busybox", "toybox", "coreutils", "sbase-box", "ubase-box"];

/// Whether the program's name, without a version such as in python3.11, is that of an interpreter
/// or of a runner.
pub fn runs_its_words(program: &Path) -> bool {
    rows(&[program]).next().is_some()
}

/// Whether a program of one of these names with these words is an interpreter without a script, or
/// a program that runs what its words name: with further words it is any command.
pub fn any_code(names: &[&Path], words: &[&Path], dir: &Path) -> bool {
    rows(names).any(|row| match row.script {
        None => true,
        Some(plain) => !script_is_fixed(plain, words, dir),
    })
}

/// Whether a script stands where the interpreter takes no more options, and is no such program
/// itself.
fn script_is_fixed(plain: &str, words: &[&Path], dir: &Path) -> bool {
    let is_plain =
        |word: &&&Path| plain.split_whitespace().any(|option| Path::new(option) == **word);
    let before = words.iter().take_while(is_plain).count();
    let Some((script, rest)) = words[before..].split_first() else { return false };
    let first = script.as_os_str().as_encoded_bytes().first();
    let option = first.is_none_or(|sign| b"-+@".contains(sign))
        || SUBCOMMANDS.iter().any(|c| Path::new(c) == *script);
    // /dev/stdin and descriptors are what whoever uses the grant puts there.
    let path = plain_path(&dir.join(script));
    let real = path.canonicalize().unwrap_or_else(|_| path.clone());
    let elsewhere = ["/dev", "/proc"].iter().any(|d| path.starts_with(d) || real.starts_with(d));
    !option && !elsewhere && !any_code(&[script, &path], rest, dir)
}

/// Without `.` and `..`, by its words alone: what stands on a descriptor now is not what will.
fn plain_path(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            _ => plain.push(part),
        }
        plain
    })
}

/// The rows of these names and of the files that they lead to.
fn rows(paths: &[&Path]) -> impl Iterator<Item = &'static Row> {
    let mut names: Vec<String> = paths.iter().map(|p| bare_name(p)).collect();
    let real = paths.iter().filter_map(|p| p.canonicalize().ok()).map(|p| bare_name(&p));
    names.extend(real.filter(|name| !MANY_IN_ONE.contains(&name.as_str())));
    TABLE
        .iter()
        .filter(move |row| row.names.split_whitespace().any(|p| names.iter().any(|n| fits(p, n))))
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// The file's name without a version at its end; a login shell's argv\[0\] begins with a dash.
fn bare_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let whole = name.trim_start_matches('-');
    let built = ["-dbg", "-static"].iter().find_map(|how| whole.strip_suffix(how)).unwrap_or(whole);
    let bare = built.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let stands =
        |name: &str| TABLE.iter().any(|row| row.names.split_whitespace().any(|p| p == name));
    // sqlite3 and linux32 are names with digits; python3.11 is one with a version.
    (if stands(whole) { whole } else { bare }).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn takes(line: &str) -> bool {
        let words: Vec<&Path> = line.split(' ').map(Path::new).collect();
        any_code(&words[..1], &words[1..], Path::new("/p"))
    }

    #[test]
    fn a_runner_is_any_command_whatever_its_options() {
        for line in "flock /tmp/l|env -u X|env -C /|env A=b|stdbuf -o L|xargs -I {}|busybox \
            sh|find . -exec|awk -f x|gdb -p 1|vim x|git -c|git push|tar -x|ssh host|unshare \
            -r|nsenter -t 1|su -c|runuser -u x|watch -n 1|taskset 1|chrt 1|setarch x86_64|prlimit \
            --nofile=1|capsh --|systemd-run --user|fakeroot x|ip netns exec x|npx x|npm exec|nice \
            -n 5|timeout 5|timeout 5 ls|/lib64/ld-linux-x86-64.so.2 \
            /bin/ls|/lib/ld-musl-x86_64.so.1|gdb-12|make all|sqlite3 x|linux32|s6-setuidgid \
            x|psql -q|mawk x|vim.basic x"
            .split('|')
        {
            assert!(takes(line), "{line}");
        }
    }

    #[test]
    fn an_interpreter_is_one_command_only_with_a_script_that_is_no_options_word() {
        for line in "sh|sh -c x|sh -o nounset|bash -O extglob|bash -s x|bash -i x|python3 -m \
            runpy|python3 -X dev|python3 -W x|python3.11 -u|python3 -i x.py|python3 -|sh -c \
            eval|node -r x|node --require x|perl -I x|ruby -r x|sh /dev/stdin|sh \
            /dev/fd/0|sh ../dev/stdin|node /usr/bin/npx x|sh +o x|python3.11-dbg -x x|-sh \
            -c|java -cp x Main|php -r x|node inspect|node debug x|java @options|Rscript x.R|ruby "
            .split('|')
        {
            assert!(takes(line), "{line}");
        }
        for line in "python3 script.py|python3.11 -u script.py --for|node app.js|sh ./x.sh|sh -eu \
                x.sh|bash -e deploy/x.sh|perl -w x.pl|ruby x.rb|java -jar \
                x.jar|ls|./deploy|pytest|python-config|echo -e|true|shellcheck x"
            .split('|')
        {
            assert!(!takes(line), "{line}");
        }
    }

    #[test]
    fn a_link_is_what_it_leads_to_and_a_name_is_what_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let (mytool, ours) = (dir.path().join("mytool"), dir.path().join("ours"));
        symlink("/bin/sh", &mytool).unwrap();
        std::fs::write(dir.path().join("deploy"), "").unwrap();
        symlink(dir.path().join("deploy"), &ours).unwrap();
        assert!(any_code(&[&mytool], &[], dir.path()));
        assert!(!any_code(&[&mytool], &[&ours], dir.path()));
        assert!(any_code(&[&mytool], &[Path::new("mytool")], dir.path()));
        assert!(!any_code(&[&ours], &[], dir.path()));
        let (boxed, ls) = (dir.path().join("busybox"), dir.path().join("ls"));
        std::fs::write(&boxed, "").unwrap();
        symlink(&boxed, &ls).unwrap();
        assert!(!any_code(&[&ls], &[], dir.path()) && any_code(&[&boxed], &[], dir.path()));
    }

    #[test]
    fn each_name_stands_once() {
        let mut names: Vec<&str> =
            TABLE.iter().flat_map(|row| row.names.split_whitespace()).collect();
        let count = names.len();
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0]).collect();
        names.dedup();
        assert_eq!(names.len(), count, "{twice:?}");
    }
}
