//! Forms as real tools write them: each command below gets the value from its environment or stdin
//! and prints it its own way. A missing tool is skipped with a line that says so, except in CI,
//! where it is a failure.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod judge;

use std::io::Write;
use std::process::{Command, Stdio};

use judge::{redact, rest, survives};

const VALUES: [&str; 3] = [
    "ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV",
    "p@ss w0rd/'q\"&<+>$=%!\\z",
    "line one A1b2\nline two C3d4\nline 3 E5f6G7",
];

/// What to run in a shell: `$S` is the value.
const COMMANDS: [(&str, &str); 51] = [
    ("python3", "import os,json;print(json.dumps({'k':os.environ['S']}))"),
    ("python3", "import os,json;print(json.dumps(json.dumps({'k':os.environ['S']})))"),
    (
        "python3",
        "import os;print(repr(os.environ['S']), ascii(os.environ['S']), os.environb[b'S'])",
    ),
    (
        "python3",
        "import os,urllib.parse as \
         u;s=os.environ['S'];print(u.quote(s),u.quote(s,safe=''),u.quote_plus(s))",
    ),
    ("python3", "import os,html;print(html.escape(os.environ['S']))"),
    (
        "python3",
        "import os,base64 as \
         b;s=os.environb[b'S'];print(b.b64encode(s),b.urlsafe_b64encode(s),b.b32encode(s))",
    ),
    (
        "python3",
        "import os,base64 as b;print(b.b64encode(b'user:'+os.environb[b'S']+b'x').decode())",
    ),
    ("python3", "import os,shlex;print(shlex.quote(os.environ['S']))"),
    (
        "python3",
        "import os,binascii as \
         b;s=os.environb[b'S'];print(b.hexlify(s).decode(),b.hexlify(s,':').decode())",
    ),
    ("python3", "import os,csv,sys;csv.writer(sys.stdout).writerow(['a',os.environ['S']])"),
    ("python3", "import os,quopri;print(quopri.encodestring(os.environb[b'S']).decode())"),
    ("python3", "import os,sys;sys.stdout.buffer.write(os.environ['S'].encode('utf-16-le'))"),
    ("python3", "import os;print(' '.join(os.environ['S'].splitlines()))"),
    ("jq", "jq -n '{k:env.S}'"),
    ("jq", "jq -rn 'env.S|@json,@uri,@html,@sh,@base64,@csv \"\\([.])\"'"),
    ("jq", "jq -n --arg a \"$S\" '{k:$a|tojson}'"),
    ("xxd", "printf %s \"$S\" | xxd"),
    ("xxd", "printf %s \"$S\" | xxd -g1"),
    ("xxd", "printf %s \"$S\" | xxd -p"),
    ("xxd", "printf 'key=%s;and more' \"$S\" | xxd -g1"),
    ("xxd", "printf %s \"$S\" | xxd -i"),
    ("xxd", "printf 'static char k[] = %s;' \"$S\" | xxd -i"),
    ("xxd", "printf %s \"$S\" | xxd -c4"),
    ("xxd", "printf 'a key: %s.' \"$S\" | xxd -c8 -u"),
    ("od", "printf 'key %s!' \"$S\" | od -An -tx2"),
    ("od", "printf %s \"$S\" | od -tx2"),
    ("hexdump", "printf 'x%s' \"$S\" | hexdump"),
    ("jq", "jq -n '{k:env.S}' | base64 -w0"),
    ("jq", "jq -rn 'env.S|@uri' | base64"),
    ("python3", "import os;s=os.environb[b'S'];print(list(s), bytearray(s)[0:0])"),
    ("python3", "import os,json;print(json.dumps(list(os.environb[b'S']),separators=(',',':')))"),
    (
        "python3",
        "import os,base64 as b;print(b.b64encode(('echo \
         '+os.environ['S']).encode('utf-16-le')).decode())",
    ),
    ("python3", "import os;print(os.environ['S'].encode('utf-16').hex())"),
    ("python3", "import os,sys;sys.stdout.buffer.write(os.environ['S'].encode('utf-32'))"),
    ("node", "console.log(JSON.stringify(Buffer.from(process.env.S)))"),
    ("od", "printf %s \"$S\" | od -An -tx1"),
    ("od", "printf 'some text before %s' \"$S\" | od -tx1"),
    ("od", "printf %s \"$S\" | od -tx1z"),
    ("hexdump", "printf 'x%s' \"$S\" | hexdump -C"),
    ("openssl", "printf 'user:%s' \"$S\" | openssl base64"),
    ("openssl", "printf %s \"$S\" | openssl enc -base64 -A"),
    ("base64", "printf '{\"auths\":{\"r\":{\"auth\":\"%s\"}}}' \"$S\" | base64 -w 20"),
    (
        "base64",
        "printf 'aVeryLongPrefixThatFillsTheLine%s' \"$S\" | base64 -w 64 | sed 's/^/    /'",
    ),
    // As `kubectl get secret -o yaml` and a manifest with plain text print it.
    (
        "base64",
        "printf 'apiVersion: v1\\ndata:\\n  password: %s\\nkind: Secret\\nstringData:\\n  key: \
         |\\n%s\\n' \"$(printf %s \"$S\" | base64 -w0)\" \"$(printf %s \"$S\" | sed 's/^/    /')\"",
    ),
    (
        "node",
        "console.log(JSON.stringify({k:process.env.S}), encodeURIComponent(process.env.S), \
         encodeURI(process.env.S))",
    ),
    ("node", "console.log({k:process.env.S}, Buffer.from(process.env.S).toString('hex'))"),
    ("bash", "printf '%q\\n' \"$S\"; declare -p S"),
    ("bash", "set -x; : \"$S\" 2>&1"),
    (
        "git",
        "git -c alias.x='!printenv S' x; git config --file /dev/stdin --list <<<\"[a]\nb = x\"; \
         printf %s \"$S\"",
    ),
    (
        "curl",
        "curl -sv --max-time 2 -u \"user:$S\" http://127.0.0.1:1/ 2>&1; printf 'Authorization: \
         Basic '; printf 'user:%s' \"$S\" | base64 -w0",
    ),
    ("grep", "printf 'token %s end\\n' \"$S\" | grep --color=always -E 'WeDjTH|w0rd|$'"),
];

/// The output of a command, or nothing if its tool is missing.
fn output(tool: &str, script: &str, value: &str) -> Option<Vec<u8>> {
    let (program, flag) = match tool {
        "python3" => ("python3", "-c"),
        "node" => ("node", "-e"),
        _ => ("bash", "-c"),
    };
    let found = Command::new("sh")
        .args(["-c", "command -v \"$0\" >/dev/null", tool])
        .status()
        .unwrap()
        .success();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{tool} is missing, and CI needs it");
        eprintln!("skipped: {tool} is not installed");
        return None;
    }
    let mut child = Command::new(program)
        .args([flag, script])
        .env("S", value)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    Some([output.stdout, output.stderr].concat())
}

#[test]
fn what_tools_print_is_redacted() {
    for (tool, script) in COMMANDS {
        for value in VALUES {
            let Some(printed) = output(tool, script, value) else { continue };
            let out = redact(value.as_bytes(), &printed, usize::MAX);
            let pieces = rest(&out);
            let left = pieces.iter().any(|piece| survives(value.as_bytes(), piece));
            assert!(
                pieces.len() > 1 && !left,
                "{script}: {} bytes printed, {} pieces",
                value.len(),
                pieces.len()
            );
            assert!(redact(value.as_bytes(), &printed, 1) == out, "{script}: the split matters");
        }
    }
}

/// What real tools print in forms that the page names as not replaced.
const PASSED: [(&str, &str); 7] = [
    ("od", "printf %s \"$S\" | od"),
    ("od", "printf %s \"$S\" | od -c"),
    ("xxd", "printf %s \"$S\" | xxd -b"),
    ("base64", "printf %s \"$S\" | base64 | xxd -p"),
    ("bash", "printf %s \"$S\" | rev"),
    ("bash", "printf %s \"$S\" | fold -w10"),
    ("python3", "import os,base64 as b;print(b.a85encode(os.environb[b'S']).decode())"),
];

#[test]
fn what_the_page_says_passes_passes() {
    for (tool, script) in PASSED {
        let Some(printed) = output(tool, script, VALUES[0]) else { continue };
        assert!(
            !printed.is_empty() && redact(VALUES[0].as_bytes(), &printed, usize::MAX) == printed,
            "{script}"
        );
    }
}

/// A real private key, whole, line by line, indented, in JSON, in base64, wrapped.
#[test]
fn a_private_key_is_redacted_however_it_is_printed() {
    let Some(key) = output("openssl", "openssl genrsa 4096 2>/dev/null", "") else { return };
    let scripts = [
        "cat",
        "sed 's/^/      /'",
        "sed 's/$/\\r/'",
        "base64 -w0",
        "base64",
        "python3 -c 'import sys,json;print(json.dumps({\"key\":sys.stdin.read()}))'",
        "tr '\\n' ' '",
        "head -5 | tail -1",
        "xxd",
        "xxd -p",
        "hexdump -C",
    ];
    for script in scripts {
        let printed = output("bash", script, std::str::from_utf8(&key).unwrap()).unwrap();
        let out = redact(&key, &printed, usize::MAX);
        let body: Vec<u8> = key
            .split(|b| *b == b'\n')
            .filter(|l| !l.starts_with(b"--"))
            .collect::<Vec<_>>()
            .concat();
        // Within the key any four characters of base64 may stand by chance, so the judge looks for
        // eight.
        let left = rest(&out).iter().any(|p| body.windows(8).any(|w| p.windows(8).any(|r| r == w)));
        assert!(
            out.windows(8).any(|w| w == judge::MARKER) && !left,
            "{script}: {} of {} bytes left",
            out.len(),
            printed.len()
        );
    }
}
