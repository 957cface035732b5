//! Clients that we did not write, with nothing but a base URL and a placeholder: curl, git, and the
//! official packages of two APIs for Python and Node. (Must hold 8.)
#![allow(clippy::unwrap_used)]

mod upstream;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::json;
use upstream::*;

/// Whether a program is there, with what it needs; its absence fails in CI and is said elsewhere.
fn peer(program: &str, words: &[&str]) -> bool {
    let found = to_be_had(program, words);
    assert!(found || std::env::var_os("CI").is_none(), "{program} {words:?} is not to be had");
    found
}

/// Whether a program runs with these words; if not it is said. The packages of an API are fetched
/// from registries, which may not answer.
fn to_be_had(program: &str, words: &[&str]) -> bool {
    let run =
        Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = run.is_ok_and(|status| status.success());
    if !found {
        let _ = writeln!(std::io::stderr(), "skipped: {program} {words:?} is not to be had");
    }
    found
}

fn ok(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn curl_needs_the_base_url_alone() {
    if !peer("curl", &["--version"]) {
        return;
    }
    let upstream = Upstream::echo();
    let mut route = route(&upstream);
    route["as"] = "basic:me".into();
    let proxy = Proxy::with(&config(&[route]));
    let url = format!("http://127.0.0.1:{}/v1/a", proxy.ports[0]);
    let body = "x".repeat(3 << 20);
    let mut curl = Command::new("curl")
        .args(["-sS", "--fail", "-u", &format!("me:{}", proxy.placeholder), "-T", "-", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    curl.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let text = ok(&curl.wait_with_output().unwrap());
    assert!(text.ends_with(&body) && text.contains("[hasp:openai/key]"));
    let pair = data_encoding::BASE64.encode(format!("me:{VALUE}").as_bytes());
    assert!(upstream.last().head.contains(&pair) && !text.contains(&pair));
}

/// Answers as git-http-backend(1) does, to who has the value.
fn git_host(root: &Path) -> Upstream {
    let root = root.to_owned();
    let pair = data_encoding::BASE64.encode(format!("x-access-token:{VALUE}").as_bytes());
    Upstream::new(
        Leaf::Good,
        Arc::new(move |seen, tls| {
            if !seen.head.contains(&format!("Basic {pair}")) {
                return tls.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
            }
            let mut line = seen.head.split(' ');
            let (method, target) = (line.next().unwrap(), line.next().unwrap());
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let field = |name: &str| {
                let found = seen.head.lines().find(|l| l.to_ascii_lowercase().starts_with(name));
                found.map_or(String::new(), |l| l.split_once(": ").unwrap().1.to_owned())
            };
            let mut backend = Command::new("git")
                .arg("http-backend")
                .env("GIT_PROJECT_ROOT", &root)
                .env("GIT_HTTP_EXPORT_ALL", "1")
                .env("REMOTE_USER", "me")
                .env("REQUEST_METHOD", method)
                .env("PATH_INFO", path)
                .env("QUERY_STRING", query)
                .env("CONTENT_TYPE", field("content-type:"))
                .env("CONTENT_LENGTH", seen.body.len().to_string())
                .env("HTTP_CONTENT_ENCODING", field("content-encoding:"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            backend.stdin.take().unwrap().write_all(&seen.body)?;
            let output = backend.wait_with_output()?.stdout;
            let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            let head = String::from_utf8_lossy(&output[..end]).into_owned();
            let status = head.lines().find_map(|l| l.strip_prefix("Status: ")).unwrap_or("200 OK");
            let length = output.len() - end;
            write!(tls, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n")?;
            tls.write_all(&output)
        }),
    )
}

#[test]
fn git_clones_and_pushes_with_the_url_of_the_host() {
    if !peer("git", &["http-backend", "--help"]) && !peer("git", &["--version"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("host");
    let plain = |words: &[&str], cwd: &Path| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=n", "-c", "user.email=e@example.org"]).args(words);
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", dir.path()).current_dir(cwd);
        git
    };
    std::fs::create_dir_all(&root).unwrap();
    ok(&plain(&["init", "-q", "--bare", "-b", "main", "acme/app.git"], &root).output().unwrap());
    let bare = root.join("acme/app.git");
    ok(&plain(&["config", "http.receivepack", "true"], &bare).output().unwrap());
    let upstream = git_host(&root);
    let host = format!("https://localhost:{}", upstream.port);
    let mut route = route(&upstream);
    route["to"] = host.clone().into();
    route["as"] = "git".into();
    let rules = ["GET /acme/**", "POST /acme/*/git-upload-pack", "POST /acme/*/git-receive-pack"];
    route["allow"] = json!(rules);
    let proxy = Proxy::with(&config(&[route]));
    let base = format!("http://127.0.0.1:{}", proxy.ports[0]);
    let pair = format!("x-access-token:{}", proxy.placeholder);
    let header = format!("Authorization: Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    // As a child's environment has it.
    let git = |words: &[&str], cwd: &Path| {
        let mut git = plain(words, cwd);
        git.env("GIT_CONFIG_COUNT", "2")
            .env("GIT_CONFIG_KEY_0", format!("url.{base}.insteadOf"))
            .env("GIT_CONFIG_VALUE_0", &host)
            .env("GIT_CONFIG_KEY_1", format!("http.{base}.extraHeader"))
            .env("GIT_CONFIG_VALUE_1", &header)
            .env("GIT_TERMINAL_PROMPT", "0");
        ok(&git.output().unwrap())
    };
    let url = format!("{host}/acme/app.git");
    git(&["clone", "-q", &url, "one"], dir.path());
    let one = dir.path().join("one");
    std::fs::write(one.join("file"), "content\n".repeat(100_000)).unwrap();
    git(&["add", "file"], &one);
    git(&["commit", "-q", "-m", "first"], &one);
    git(&["push", "-q", "origin", "HEAD:main"], &one);
    git(&["clone", "-q", &url, "two"], dir.path());
    let content = std::fs::read_to_string(dir.path().join("two/file")).unwrap();
    assert_eq!(content.len(), 800_000);
    assert_eq!(
        git(&["remote", "get-url", "--all", "origin"], &one).trim(),
        base.clone() + { "/acme/app.git" }
    );
    let kept = std::fs::read_to_string(one.join(".git/config")).unwrap();
    assert!(kept.contains(&url) && !kept.contains(&proxy.placeholder), "{kept}");
    // Another repository is none of the rules'.
    let mut other = plain(&["ls-remote", &format!("{base}/other/app.git")], dir.path());
    let other = other.env("GIT_TERMINAL_PROMPT", "0").output().unwrap();
    assert!(!other.status.success());
}

/// Plays both APIs: an answer at once, or as events.
fn api() -> Upstream {
    Upstream::new(
        Leaf::Good,
        Arc::new(|seen, tls| {
            let anthropic = seen.head.starts_with("POST /v1/messages");
            let expected = format!("authorization: Bearer {VALUE}\r\n");
            if !seen.head.contains(&expected) {
                return tls.write_all(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
            }
            let message = json!({"role": "assistant", "content": "it works"});
            let body = match anthropic {
                true => json!({"id": "m", "type": "message", "role": "assistant", "model": "m",
                    "content": [{"type": "text", "text": "it works"}], "stop_reason": "end_turn",
                    "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}}),
                false => json!({"id": "c", "object": "chat.completion", "created": 1,
                    "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
                    "message": message}]}),
            };
            let part = |text: &str| {
                json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                    "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
            };
            let streams = String::from_utf8_lossy(&seen.body).replace(' ', "");
            if streams.contains("\"stream\":true") {
                let events = format!("data: {}\n\ndata: {}\n\n", part("it "), part("works"));
                write!(tls, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")?;
                let length = events.len() + 14;
                return write!(tls, "Content-Length: {length}\r\n\r\n{events}data: [DONE]\n\n");
            }
            let (body, kind) = (body.to_string(), "Content-Type: application/json");
            let length = body.len();
            write!(tls, "HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}")
        }),
    )
}

/// A proxy with a route for each of the APIs, and the variables of a child.
fn both(upstream: &Upstream) -> (Proxy, Vec<(&'static str, String)>) {
    let (mut openai, mut anthropic) = (route(upstream), route(upstream));
    openai["allow"] = json!(["POST /v1/chat/completions"]);
    anthropic["to"] = format!("https://localhost:{}", upstream.port).into();
    anthropic["allow"] = json!(["POST /v1/messages"]);
    anthropic["name"] = "anthropic/key".into();
    let proxy = Proxy::with(&config(&[openai, anthropic]));
    let base = |n: usize, path: &str| format!("http://127.0.0.1:{}{path}", proxy.ports[n]);
    let vars = vec![
        ("OPENAI_BASE_URL", base(0, "/v1")),
        ("OPENAI_API_KEY", proxy.placeholder.clone()),
        ("ANTHROPIC_BASE_URL", base(1, "")),
        ("ANTHROPIC_API_KEY", proxy.placeholder.clone()),
    ];
    (proxy, vars)
}

#[test]
fn the_official_packages_for_python_work_unchanged() {
    let python = std::env::var("HASP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !to_be_had(&python, &["-c", "import openai, anthropic"]) {
        return;
    }
    let upstream = api();
    let (proxy, vars) = both(&upstream);
    let program = r#"
import openai, anthropic
m = [{"role": "user", "content": "does it?"}]
c = openai.OpenAI()
print(c.chat.completions.create(model="m", messages=m).choices[0].message.content)
parts = c.chat.completions.create(model="m", messages=m, stream=True)
print("".join(p.choices[0].delta.content or "" for p in parts))
a = anthropic.Anthropic()
print(a.messages.create(model="m", max_tokens=9, messages=m).content[0].text)
try:
    c.models.list()
except openai.PermissionDeniedError as e:
    print(e.body["code"])
"#;
    let output = Command::new(python).args(["-c", program]).envs(vars).output().unwrap();
    assert_eq!(ok(&output), "it works\nit works\nit works\nother-request\n");
    assert_eq!(proxy.all("use").len(), 2);
}

#[test]
fn the_official_packages_for_node_work_unchanged() {
    let modules = std::env::var("HASP_TEST_NODE_PATH").unwrap_or_default();
    let find = format!("module.paths.push({modules:?});");
    let load = format!("{find} require('openai'); require('@anthropic-ai/sdk')");
    if !to_be_had("node", &["-e", &load]) {
        return;
    }
    let upstream = api();
    let (_proxy, vars) = both(&upstream);
    let program = r"
const { OpenAI } = require('openai'), { Anthropic } = require('@anthropic-ai/sdk');
(async () => {
  const messages = [{ role: 'user', content: 'does it?' }], model = 'm';
  const c = new OpenAI();
  console.log((await c.chat.completions.create({ model, messages })).choices[0].message.content);
  let text = '';
  for await (const p of await c.chat.completions.create({ model, messages, stream: true }))
    text += p.choices[0].delta.content ?? '';
  console.log(text);
  const a = await new Anthropic().messages.create({ model, messages, max_tokens: 9 });
  console.log(a.content[0].text);
})();
";
    let program = format!("{find}\n{program}");
    let output = Command::new("node").args(["-e", &program]).envs(vars).output().unwrap();
    assert_eq!(ok(&output), "it works\nit works\nit works\n");
}
