//! Files as dotenv libraries, shells and other systems write them.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use proptest::prelude::*;

use super::*;

fn values(text: &str) -> Vec<(String, String)> {
    let found = read(text.as_bytes());
    assert_eq!(found.faults, [], "{text:?}");
    let value = |v: &Variable| {
        String::from_utf8(v.value(text.as_bytes()).unwrap().expose().to_vec()).unwrap()
    };
    found.winning().into_iter().map(|v| (v.name.clone(), value(v))).collect()
}

fn faults(text: &[u8]) -> Vec<(usize, Reason)> {
    read(text).faults.into_iter().map(|f| (f.line, f.reason)).collect()
}

#[test]
fn forms_of_dotenv_libraries() {
    for (text, value) in [
        ("A=plain", "plain"),
        ("A=plain # comment", "plain"),
        ("A=has#hash", "has#hash"),
        ("A=#hash", "#hash"),
        ("A= # comment", ""),
        ("export A = spaced \r\n", "spaced"),
        ("A='single # $x \\n'", "single # $x \\n"),
        ("A=\"double \\\"q\\\" \\$x \\n.\" # c", "double \"q\" $x \n."),
        ("A=\"one\r\ntwo\"", "one\ntwo"),
        ("A='one\ntwo'\nB=x", "one\ntwo"),
        ("\u{feff}A=bom", "bom"),
        ("A=first\nA=last", "last"),
        ("A=", ""),
        ("# c\n\nA=a=b", "a=b"),
        ("A={\"k\": \"it's\"}", "{\"k\": \"it's\"}"),
        ("A=C:\\new\\dir\\", "C:\\new\\dir\\"),
        ("A=\\\\server\\share", "\\\\server\\share"),
        ("A=Server=h;Password='x'", "Server=h;Password='x'"),
        ("A=don't", "don't"),
    ] {
        assert_eq!(values(text)[0], ("A".to_owned(), value.to_owned()), "{text:?}");
    }
}

#[test]
fn forms_of_shells() {
    for (text, value) in [
        ("A='it'\\''s me'", "it's me"),
        ("A='I'\"'\"'m a student'", "I'm a student"),
        ("A=\"first part\"' second'", "first part second"),
        ("declare -x A=\"exported value\"", "exported value"),
        ("declare -rx A=\"x\"", "x"),
        ("typeset -x A=x", "x"),
        ("export\tA=x", "x"),
        ("export  A='x'", "x"),
        ("readonly A=x", "x"),
        ("A=$'a\\tb\\'c\\x41\\101\\u00e9\\e'", "a\tb'cAA\u{e9}\u{1b}"),
        ("A=it\\'s\\ me", "it's me"),
        ("A=a\\ \\#\\ b\\  # c", "a # b "),
        ("A=\\$HOME", "$HOME"),
        ("A=\"a\\\nb\"", "ab"),
    ] {
        assert_eq!(values(text)[0], ("A".to_owned(), value.to_owned()), "{text:?}");
    }
    assert_eq!(values("export=x")[0], ("export".to_owned(), "x".to_owned()));
    assert_eq!(values("declare -x OLDPWD\nexport A B\nC=1").len(), 1);
    assert_eq!(values("spring.datasource.password=x\nDDL-AUTO=y").len(), 2);
}

#[test]
fn every_fault_of_a_file_has_its_line_and_its_reason() {
    use Reason::*;
    let text = b"hunter2\nOK=1\n1A=hunter2\nA \
                 B=x\n=x\nQ='hunter2\nC=\"x\"hunter2\nD=`date`\nF=([0]=\"x\")\nG=$'\\x'\n\
                 H=\xff\nI=a\0b\nJ=2\nM=\"a\nb\xff\"\n";
    let expected = [
        (1, NoAssignment),
        (3, BadName),
        (4, BadName),
        (5, NoAssignment),
        (6, Unclosed),
        (7, AfterQuote),
        (8, Backticks),
        (9, Array),
        (10, Escape),
        (11, NotUtf8),
        (12, Nul),
        (15, NotUtf8),
    ];
    assert_eq!(faults(text), expected);
    let found = read(text);
    let names: Vec<&str> = found.variables.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["OK", "J"]);
    let named: Vec<&str> = found.faults.iter().filter_map(|f| f.name.as_deref()).collect();
    assert_eq!(named, ["Q", "C", "D", "F", "G", "H", "I", "M"]);
    for fault in &found.faults {
        assert!(!format!("{fault} {fault:?} {:?}", fault.reason.hint("f")).contains("hunter2"));
    }
}

#[test]
fn what_a_caller_may_remark_is_data() {
    let text = b"A=\nB=''\nC=postgres://u:p@${HOST}/x\nD=\"$(date)\"\nE='${X}'\nF=\"\\${X}\"\n\
        G=pa$word\nA=2\nH=a`b`c\nI=\\${X}\n";
    let found = read(text);
    let named = |so: fn(&Variable) -> bool| -> Vec<&str> {
        found.variables.iter().filter(|v| so(v)).map(|v| v.name.as_str()).collect()
    };
    assert_eq!(named(|v| v.empty), ["A", "B"]);
    assert_eq!(named(|v| v.unexpanded), ["C", "D", "H"]);
    assert_eq!(found.doubled(), [("A", vec![1, 8])]);
    assert!(!read(b"a.b=1").variables[0].is_identifier());
}

#[test]
fn other_encodings_are_known_by_name() {
    let text = "A=value\nB=w\u{f6}rter\n";
    let units: Vec<u16> = text.encode_utf16().collect();
    let all: [(Encoding, Vec<u8>, Vec<u8>); 4] = [
        (Encoding::Utf16Le, vec![0xff, 0xfe], units.iter().flat_map(|u| u.to_le_bytes()).collect()),
        (Encoding::Utf16Be, vec![0xfe, 0xff], units.iter().flat_map(|u| u.to_be_bytes()).collect()),
        (
            Encoding::Utf32Le,
            vec![0xff, 0xfe, 0, 0],
            text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        ),
        (
            Encoding::Utf32Be,
            vec![0, 0, 0xfe, 0xff],
            text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        ),
    ];
    for (encoding, mark, body) in all {
        for whole in [body.clone(), [mark, body].concat()] {
            assert_eq!(faults(&whole), [(1, Reason::Encoding(encoding))]);
            assert!(read(&whole).variables.is_empty());
        }
    }
    assert_eq!(faults(b"A=1\nB=w\xf6rter\n"), [(2, Reason::NotUtf8)]);
    assert_eq!(faults(b"A=\0\0\0\0\0\n"), [(1, Reason::Nul)]);
    assert_eq!(faults("A=\u{4f60}\u{597d}".as_bytes()), []);
}

#[test]
fn ciphertext_and_references_are_known() {
    use Foreign::{Encrypted, Reference};
    for (value, expected) in [
        ("ENC[AES256_GCM,data:8Yw0aa==,iv:abcd,tag:efgh,type:str]", Some(Encrypted("sops"))),
        ("encrypted:BDqDBibm", Some(Encrypted("dotenvx"))),
        ("op://vault/item/field", Some(Reference("1Password"))),
        ("vault:secret/data/db#pw", Some(Reference("Vault"))),
        ("hunter2", None),
        ("", None),
    ] {
        assert_eq!(foreign(value.as_bytes()), expected, "{value}");
    }
}

/// What a shell writes for values that it is given in its environment.
fn written_by(shell: &[&str], value: &str) -> Option<Vec<u8>> {
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .env_clear()
        .env("VAR", value)
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .output();
    output.ok().filter(|o| o.status.success()).map(|o| o.stdout)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_shells_write_is_read_back(value in "([ -~]|[\\\\'\"$`#\n\t\u{e9}]){1,24}") {
        let shells: [&[&str]; 4] = [
            &["bash", "-c", "export -p"],
            &["sh", "-c", "export -p"],
            &["bash", "-c", "printf 'VAR=%q\\n' \"$VAR\""],
            &["bash", "-c", "printf 'export VAR=%s\\n' \"${VAR@Q}\""],
        ];
        for shell in shells {
            let Some(text) = written_by(shell, &value) else { continue };
            let found = read(&text);
            prop_assert_eq!(&found.faults, &[]);
            let variable = found.winning().into_iter().find(|v| v.name == "VAR").unwrap();
            let read = variable.value(&text).unwrap();
            prop_assert_eq!(
                std::str::from_utf8(read.expose()).unwrap(),
                &value,
                "{}",
                String::from_utf8_lossy(&text)
            );
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, text in "[A-C=\"'#\\\\ \n\r$`(]{0,40}") {
        for text in [&bytes[..], text.as_bytes()] {
            let found = read(text);
            for variable in &found.variables {
                let value = variable.value(text).unwrap();
                prop_assert!(value.len() <= variable.span.len());
                prop_assert_eq!(value.is_empty(), variable.empty);
            }
        }
    }
}
