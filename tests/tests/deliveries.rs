//! Programs that we did not write take our deliveries as they take them from anybody: by variable,
//! file, descriptor and standard input, each against the real server where there is one.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use hasp_tests::{Postgres, Screen, Server, World, doors, peer, sshd, wait_until};

const PASSWORD: &str = "Marble-Otter-Kiln-42";

/// A world with one secret `s` that the project may ask for.
fn world(value: &str) -> World {
    let world = World::new();
    add(&world, "s", value);
    world
}

fn add(world: &World, name: &str, value: &str) {
    world.store(name, value);
    world.sh(&format!("hasp-bind add {name}")).ok();
}

/// Grants one run with these deliveries and runs it at once: what it printed.
#[track_caller]
fn run(world: &World, delivery: &str, command: &str) -> String {
    let outcome = world.sh(&format!("hasp-grant -q -x {delivery} -- {command}"));
    assert_eq!(outcome.status, 0, "{}\n{}", outcome.stdout, outcome.stderr);
    outcome.stdout
}

#[test]
fn psql_takes_its_password_file_and_a_url() {
    if !peer("psql") || !peer("tmux") || !Postgres::installed() {
        return;
    }
    let server = Postgres::start(PASSWORD);
    let (socket, port) = (server.socket(), server.port);
    let screen = Screen::open("psql");
    let world = &screen.world;
    add(world, "pgpass", &format!("*:{port}:*:app:{PASSWORD}\n"));
    add(world, "url", &format!("postgresql://app:{PASSWORD}@127.0.0.1:{port}/postgres"));
    add(world, "password", PASSWORD);
    let psql = format!("psql -w -h {socket} -p {port} -U app postgres");
    assert_eq!(
        world.sh(&format!("{psql} -c 'select 1'")).status,
        2,
        "the server asks for no password"
    );
    assert_eq!(
        run(world, "--file PGPASSFILE=pgpass", &format!("{psql} -Atc 'select 6 * 7'")),
        "42\n"
    );
    // The server says the password, in two halves that make a whole only in the answer.
    let (first, second) = PASSWORD.split_at(9);
    let query = format!(
        "#!/bin/sh\nexec psql -w \"$DATABASE_URL\" -Atc \"select session_user, '{first}' || \
         '{second}'\"\n"
    );
    world.script("query", &query);
    assert_eq!(
        run(world, "-e DATABASE_URL=url -e PGPASSWORD=password", "./query"),
        "app|[hasp:password]\n"
    );
    screen.enter(&format!("hasp-grant -q -x --file PGPASSFILE=pgpass -- {psql}"));
    screen.see("postgres=#");
    screen.enter("select 'by', 'hand' as col");
    screen.see("postgres-#");
    screen.enter(";");
    screen.see("by       | hand");
    screen.enter("\\q");
    screen.see("ready>");
}

#[test]
fn openssl_takes_a_descriptor_a_variable_a_file_and_standard_input() {
    if !peer("openssl") {
        return;
    }
    let world = world(PASSWORD);
    world.write("plain", "the plain text\n");
    let cipher = "openssl enc -aes-256-cbc -pbkdf2 -iter 1000";
    world.sh(&format!("{cipher} -in plain -out sealed -pass 'pass:{PASSWORD}'")).ok();
    let read = format!("{cipher} -d -in sealed -pass");
    assert_eq!(run(&world, "--fd FD=s", &format!("sh -c '{read} fd:$FD'")), "the plain text\n");
    assert_eq!(run(&world, "-e PASS=s", &format!("{read} env:PASS")), "the plain text\n");
    assert_eq!(
        run(&world, "--file PASS=s", &format!("sh -c '{read} file:$PASS'")),
        "the plain text\n"
    );
    assert_eq!(run(&world, "--stdin s", &format!("{read} stdin")), "the plain text\n");
}

#[test]
fn curl_takes_its_configuration_from_a_descriptor_and_its_trace_is_redacted() {
    if !peer("curl") || !peer("python3") {
        return;
    }
    let world = world(&format!("header = \"Authorization: Bearer {PASSWORD}\"\n"));
    add(&world, "token", PASSWORD);
    let (_server, port) = doors(&world, PASSWORD, "nobody:at-all");
    let url = format!("http://127.0.0.1:{port}/token");
    assert_eq!(world.sh(&format!("curl -s {url}")).ok(), "closed\n");
    let curl = format!("sh -c 'curl -sS -v -K /dev/fd/$CONFIG {url}'");
    let outcome = world.sh(&format!("hasp-grant -q -x --fd CONFIG=s -e TOKEN=token -- {curl}"));
    assert_eq!(outcome.ok(), "open\n", "{}", outcome.stderr);
    assert!(outcome.stderr.contains("> Authorization: Bearer [hasp:token]"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Otter"), "{}", outcome.stderr);
    let piped = format!("curl -sS -K - {url}");
    assert_eq!(run(&world, "--stdin s", &piped), "open\n");
}

#[test]
fn ssh_takes_a_key_file_and_the_agent_a_key_on_standard_input() {
    if !peer("ssh-keygen") || !peer("ssh-agent") || !peer("tmux") || !peer("/usr/sbin/sshd") {
        return;
    }
    let screen = Screen::open("ssh");
    let world = &screen.world;
    let made = world.sh("hasp-vault generate deploy --kind ssh-ed25519 && hasp-bind add deploy");
    let public = made.ok().lines().find(|l| l.starts_with("ssh-ed25519 ")).unwrap().to_owned();
    let (_sshd, port) = sshd(world, &public);
    let base = world.base().display();
    let ssh = format!(
        "ssh -F /dev/null -p {port} -o BatchMode=yes -o UserKnownHostsFile={base}/hosts -o \
         StrictHostKeyChecking=accept-new 127.0.0.1"
    );
    assert_eq!(world.sh(&format!("{ssh} echo in")).status, 255, "the server wants no key");
    assert_eq!(
        run(world, "--file KEY=deploy", &format!("sh -c 'exec {ssh} -i $KEY echo in'")),
        "in\n"
    );
    assert_eq!(
        world
            .sh("hasp-grant -x --file KEY=deploy -- sh -c 'ssh-keygen -y -f $KEY'")
            .ok()
            .trim_end(),
        public
    );
    let agent = format!("{base}/agent");
    let _agent = Server::start(Command::new("ssh-agent").args(["-D", "-a", &agent]));
    wait_until(Duration::from_secs(5), || std::path::Path::new(&agent).exists());
    let through = format!(
        "export SSH_AUTH_SOCK={agent}; hasp-grant -q -x --stdin deploy -- ssh-add -q - && {ssh} \
         echo in"
    );
    assert_eq!(world.sh(&through).ok(), "in\n");
    // A login by hand: the far terminal has our size, follows it, and ^C stays there.
    screen.enter(&format!(
        "hasp-grant -q -x --file KEY=deploy -- sh -c 'exec {ssh} -i $KEY -t \"env PS1=far: sh\"'"
    ));
    screen.see("far:");
    screen.enter_until("stty size", "30 100");
    // What cat has written stands there twice, once as an echo: it runs.
    screen.enter("cat");
    screen.enter("still");
    wait_until(Duration::from_secs(20), || screen.shown().matches("still").count() == 2);
    screen.key("C-c");
    screen.tmux(&["resize-window", "-t", "t", "-x", "90", "-y", "25"]);
    screen.enter_until("stty size", "25 90");
    screen.enter("exit");
    screen.see("ready>");
}

#[test]
fn git_asks_a_program_and_a_credential_helper() {
    if !peer("git") || !peer("python3") {
        return;
    }
    let world = world(PASSWORD);
    let (_server, port) = doors(&world, "none", &format!("deploy:{PASSWORD}"));
    let make = "git init -q ../served/api && cd ../served/api && git -c user.name=t -c \
                user.email=t@t commit -q --allow-empty -m one && \
                git update-server-info";
    world.sh(make).ok();
    let clone = format!("clone -q http://deploy@127.0.0.1:{port}/git/api/.git");
    let quiet = "export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_GLOBAL=/dev/null;";
    assert_eq!(
        world.sh(&format!("{quiet} git {clone} none")).status,
        128,
        "the server asks for no password"
    );
    world.script("ask-file", "#!/bin/sh\ncat \"$TOKEN_FILE\"\n");
    world.script("ask-env", "#!/bin/sh\necho \"$TOKEN\"\n");
    world.script(
        "helper",
        "#!/bin/sh\n[ \"$1\" = get ] || exit 0\necho username=deploy\necho \"password=$TOKEN\"\n",
    );
    for (delivery, set, keep, options) in [
        ("--file TOKEN_FILE=s", "GIT_ASKPASS=$PWD/ask-file", "--keep-env GIT_ASKPASS", ""),
        ("-e TOKEN=s", "GIT_ASKPASS=$PWD/ask-env", "--keep-env GIT_ASKPASS", ""),
        ("-e TOKEN=s", "A=b", "", "-c credential.helper=\"$PWD/helper\""),
    ] {
        world.sh("rm -rf copy").ok();
        world
            .sh(&format!(
                "{quiet} {set} hasp-grant -q -x {delivery} {keep} -- git {options} {clone} copy"
            ))
            .ok();
        assert_eq!(world.sh("git -C copy log --format=%s").ok(), "one\n");
        // Git asks for what is kept in its own files by name; nothing of ours may be in them.
        assert_eq!(world.sh(&format!("grep -r '{PASSWORD}' copy .; true")).ok(), "");
    }
    let fill = format!(
        "{quiet} printf 'url=http://127.0.0.1:{port}/\\n\\n' | GIT_ASKPASS=true hasp-grant -q -x \
         -e TOKEN=s -- git -c credential.helper=\"$PWD/helper\" credential fill"
    );
    assert!(world.sh(&fill).ok().ends_with("username=deploy\npassword=[hasp:s]\n"));
}

#[test]
fn a_registry_login_reads_its_password_from_standard_input() {
    if !peer("skopeo") || !peer("python3") {
        return;
    }
    let world = world(PASSWORD);
    let (_server, port) = doors(&world, "none", &format!("robot:{PASSWORD}"));
    let login = format!(
        "skopeo login --tls-verify=false --authfile $HASP_RUNTIME/auth.json --username robot \
         --password-stdin 127.0.0.1:{port}"
    );
    assert_ne!(world.feed(&login, "wrong").status, 0, "the registry takes any password");
    assert_eq!(run(&world, "--stdin s", &login), "Login Succeeded!\n");
}

#[test]
fn redis_takes_its_password_from_a_variable() {
    if !peer("redis-server") || !peer("redis-cli") {
        return;
    }
    let world = world(PASSWORD);
    let socket = world.beside("redis").display().to_string();
    let config = format!("port 0\nunixsocket {socket}\nrequirepass {PASSWORD}\nsave \"\"\n");
    let _server = Server::start(
        Command::new("redis-server").arg(world.write("redis.conf", config)).current_dir("/"),
    );
    wait_until(Duration::from_secs(10), || std::path::Path::new(&socket).exists());
    let cli = format!("redis-cli -s {socket}");
    assert!(world.sh(&format!("{cli} ping")).stdout.contains("NOAUTH"));
    let pong = world.sh(&format!("hasp-grant -q -x -e REDISCLI_AUTH=s -- {cli} ping"));
    assert_eq!((pong.ok(), pong.stderr.as_str()), ("PONG\n", ""));
    assert_eq!(
        run(&world, "-e REDISCLI_AUTH=s", &format!("{cli} config get requirepass")),
        "requirepass\n[hasp:s]\n"
    );
}

/// All that a value may hold, NUL and what is not UTF-8 included.
fn bytes() -> Vec<u8> {
    (0..=255).chain("and words\n".bytes()).collect()
}

#[test]
fn python_and_its_subprocesses_read_files_and_descriptors_byte_for_byte() {
    if !peer("python3") {
        return;
    }
    let world = World::new();
    world.store("s", bytes());
    world.sh("hasp-bind add s").ok();
    let script = "import hashlib, os, subprocess\n\
        fd, file = int(os.environ['FD']), os.environ['FILE']\n\
        def tell(value): print(len(value), hashlib.sha256(value).hexdigest())\n\
        tell(open(file, 'rb').read())\n\
        tell(os.pread(fd, 1000, 0))\n\
        tell(subprocess.check_output(['cat', file]))\n\
        tell(subprocess.check_output(['cat', f'/dev/fd/{fd}'], pass_fds=[fd]))\n\
        tell(subprocess.check_output(['cat', f'/proc/{os.getpid()}/fd/{fd}']))\n\
        tell(os.fdopen(fd, 'rb').read())\n";
    world.write("read.py", script);
    same_each_time(&run(&world, "--fd FD=s --file FILE=s", "python3 read.py"), 6);
}

#[test]
fn node_and_its_subprocesses_read_files_and_descriptors_byte_for_byte() {
    if !peer("node") {
        return;
    }
    let world = World::new();
    world.store("s", bytes());
    world.sh("hasp-bind add s").ok();
    let script = "const fs = require('fs'), { spawnSync } = require('child_process');\n\
        const fd = Number(process.env.FD), file = process.env.FILE;\n\
        const tell = v => console.log(v.length, \
        require('crypto').createHash('sha256').update(v).digest('hex'));\n\
        tell(fs.readFileSync(file));\n\
        tell(spawnSync('cat', [file]).stdout);\n\
        tell(fs.readFileSync('/dev/fd/' + fd));\n\
        tell(spawnSync('cat', ['/dev/fd/3'], { stdio: ['ignore', 'pipe', 'inherit', fd] \
        }).stdout);\n\
        tell(fs.readFileSync(fd));\n";
    world.write("read.js", script);
    same_each_time(&run(&world, "--fd FD=s --file FILE=s", "node read.js"), 5);
}

/// The length and the hash of the value, this many times.
#[track_caller]
fn same_each_time(told: &str, times: usize) {
    let world = World::bare();
    let sum = world.feed("sha256sum", bytes());
    let expected = format!("{} {}", bytes().len(), sum.ok().split(' ').next().unwrap());
    assert_eq!(told.lines().collect::<Vec<_>>(), vec![expected; times]);
}
