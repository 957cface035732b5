//! Additions to files of every form: what was asked for is there, and nothing else changed.

use proptest::prelude::*;

use super::*;
use crate::manifest::delivery::Channel;

fn added(text: &str, addition: &Addition<'_>) -> Result<String> {
    let path = Path::new(FILE_NAME);
    let before = Manifest::parse(text.as_bytes(), path).unwrap();
    addition.apply(text, &before, path)
}

fn addition<'a>(
    target: &'a str,
    deliveries: &[(Channel, &str)],
    run: Option<&[&str]>,
) -> Addition<'a> {
    let deliveries = deliveries.iter().map(|(c, t)| Delivery::parse(*c, t).unwrap()).collect();
    let run = run.map(|words| words.iter().map(|w| (*w).to_owned()).collect());
    Addition { target, deliveries, templates: Vec::new(), run, about: None, dir: None }
}

#[test]
fn comments_and_order_stay() {
    let text = "# head\n[refs]\n\"z/z\" = {} # last\n\"a/b\" = { about = 'x' }\n\n# the \
                test\n[target.test]\nrun = ['t']  # exact\n";
    let more = addition("test", &[(Channel::Env, "A=a/b"), (Channel::Stdin, "new/one")], None);
    let expected = "# head\n[refs]\n\"z/z\" = {} # last\n\"a/b\" = { about = 'x' }\n\"new/one\" = \
                    {}\n\n# the test\n[target.test]\nrun = ['t']  # exact\nenv = { A = \"a/b\" \
                    }\nstdin = \"new/one\"\n";
    assert_eq!(added(text, &more).unwrap(), expected);
}

#[test]
fn an_empty_file_gets_both_tables() {
    let text = added("", &addition("t", &[(Channel::File, "A=a/b")], Some(&["x", "..."]))).unwrap();
    assert_eq!(
        text,
        "[refs]\n\"a/b\" = {}\n\n[target.t]\nrun = [\"x\", \"...\"]\nfile = { A = \"a/b\" }\n"
    );
}

#[test]
fn a_new_target_stands_behind_everything_and_comments_stay_where_they_were() {
    let text = "[refs]\n# \"db/url\" = {}\n\n# [target.test]\n# run = ['pytest']\n";
    let one = addition("t", &[(Channel::Env, "A=a")], Some(&["true"]));
    let expected = "[refs]\na = {}\n# \"db/url\" = {}\n\n# [target.test]\n# run = \
                    ['pytest']\n\n[target.t]\nrun = [\"true\"]\nenv = { A = \"a\" }\n";
    assert_eq!(added(text, &one).unwrap(), expected);
    let text = "[refs]\n\"a\" = {}\n[target.x]\nrun = ['x']\n# behind x\n\n[project]\nname = 'p'\n\
                # the end";
    let expected = format!("{text}\n\n[target.t]\nrun = [\"true\"]\nenv = {{ A = \"a\" }}\n");
    assert_eq!(added(text, &one).unwrap(), expected);
}

#[test]
fn several_variables_stand_on_lines_of_their_own() {
    let many: Vec<String> = (0..9).map(|n| format!("VARIABLE_{n}=app/VARIABLE_{n}")).collect();
    let many: Vec<(Channel, &str)> = many.iter().map(|t| (Channel::Env, t.as_str())).collect();
    let text = added("", &addition("t", &many, Some(&["true"]))).unwrap();
    assert!(text.lines().all(|line| line.len() < 60), "{text}");
    assert!(
        text.ends_with(
            "\n[target.t.env]\nVARIABLE_0 = \"app/VARIABLE_0\"\nVARIABLE_1 = \
                            \"app/VARIABLE_1\"\nVARIABLE_2 = \"app/VARIABLE_2\"\nVARIABLE_3 = \
                            \"app/VARIABLE_3\"\nVARIABLE_4 = \"app/VARIABLE_4\"\nVARIABLE_5 = \
                            \"app/VARIABLE_5\"\nVARIABLE_6 = \"app/VARIABLE_6\"\nVARIABLE_7 = \
                            \"app/VARIABLE_7\"\nVARIABLE_8 = \"app/VARIABLE_8\"\n"
        ),
        "{text}"
    );
    let text = "[refs]\na = {}\n[target.t]\n# where it is kept\nenv = { A = 'a' }\nrun = ['x']\n\n\
                # next\n[target.u]\nrun = ['y']\n";
    let expected = "[refs]\na = {}\n[target.t]\nrun = ['x']\n\n# where it is \
                    kept\n[target.t.env]\nA = 'a'\nB = \"a\"\n\n# next\n[target.u]\nrun = ['y']\n";
    let second = addition("t", &[(Channel::Env, "B=a")], None);
    assert_eq!(added(text, &second).unwrap(), expected);
    let remarked = text.replace("{ A = 'a' }", "{ A = 'a' } # why");
    assert!(
        added(&remarked, &second).unwrap().contains("env = { A = 'a' , B = \"a\" } # why\n")
            || added(&remarked, &second).unwrap().contains("env = { A = 'a', B = \"a\" } # why\n")
    );
}

#[test]
fn the_ends_of_lines_stay_what_they_were() {
    let text = "# head\r\n[refs]\r\n\"a\" = {} # one\r\n\r\n[target.x]\r\nrun = ['x']";
    let more = addition("t", &[(Channel::Env, "A=a"), (Channel::Env, "B=b")], Some(&["true"]));
    let found = added(text, &more).unwrap();
    assert!(!found.replace("\r\n", "").contains(['\r', '\n']), "{found:?}");
    assert!(found.starts_with("# head\r\n[refs]\r\n\"a\" = {} # one\r\nb = {}\r\n\r\n"));
    assert!(found.ends_with("\r\n[target.t.env]\r\nA = \"a\"\r\nB = \"b\"\r\n"), "{found:?}");
}

#[test]
fn other_forms_of_the_same_file_can_be_added_to() {
    for text in [
        "refs = { \"a/b\" = {} }\ntarget = { t = { run = ['x'] } }\n",
        "refs.\"a/b\".about = 'x'\ntarget.t.run = ['x']\n",
        "[target.t.env]\nB = 'a/b'\n[refs.\"a/b\"]\n",
    ] {
        let text = added(text, &addition("t", &[(Channel::Env, "A=c/d")], None)).unwrap();
        let text = added(&text, &addition("t", &[(Channel::Env, "C=c/d")], None)).unwrap();
        added(&text, &addition("u", &[(Channel::Fd, "A=e/f")], Some(&["y"]))).unwrap();
    }
}

#[test]
fn what_stands_there_is_not_changed() {
    let text = "[refs]\n\"a/b\" = {}\n[target.t]\nrun = ['x']\nenv = { A = 'a/b' }\n";
    let refused = |addition: &Addition<'_>| added(text, addition).unwrap_err().code();
    let exists = hasp_core::code::EXISTS;
    assert_eq!(refused(&addition("t", &[], Some(&["y"]))), exists);
    assert_eq!(refused(&addition("t", &[(Channel::Env, "A=c/d")], None)), exists);
    assert_eq!(refused(&addition("t", &[(Channel::File, "A=a/b")], None)), exists);
    assert_eq!(added(text, &addition("t", &[(Channel::Env, "A=a/b")], None)).unwrap(), text);
    assert_eq!(refused(&addition("u", &[], Some(&["...", "y"]))), code::MANIFEST_BAD_RUN);
}

proptest! {
    #[test]
    fn what_was_added_reads_back(
        name in "[a-z][a-z0-9._-]{0,12}[a-z0-9]",
        variables in proptest::collection::btree_set("X[A-Z]{1,8}X", 0..5),
        reference in "[a-z]{1,6}/[a-z]{1,6}",
        words in proptest::collection::vec("[a-zA-Z \\\\\"'#=\\[\\]{}\u{e9}.]{1,12}", 1..5),
    ) {
        prop_assume!(crate::manifest::target::is_name(&name));
        let deliveries: Vec<(Channel, String)> =
            variables.iter().map(|v| (Channel::Env, format!("{v}={reference}"))).collect();
        let deliveries: Vec<(Channel, &str)> =
            deliveries.iter().map(|(c, t)| (*c, t.as_str())).collect();
        let mut words: Vec<&str> =
            words.iter().map(String::as_str).filter(|w| *w != "...").collect();
        words.insert(0, "run");
        let asked = addition(&name, &deliveries, Some(&words));
        let text = added("# c\n[project]\nname = 'p'\n", &asked);
        prop_assume!(!text.as_ref().is_err_and(|e| e.code() == code::MANIFEST_SECRET));
        let manifest = Manifest::parse(text.unwrap().as_bytes(), Path::new(FILE_NAME)).unwrap();
        let target = manifest.target(&name).unwrap();
        prop_assert_eq!(target.run.as_ref().unwrap(), &words);
        prop_assert_eq!(target.deliveries.len(), variables.len());
    }
}
