//! What a record says of an exchange, read back.

use super::*;
use crate::format::item::Item;
use crate::format::item::tests::{item, read};
use crate::format::version::Version;
use crate::format::version::tests::version;

fn program(path: &str) -> Option<Program> {
    Program::new(Path::new(path)).ok()
}

fn retiring(number: u32) -> Version {
    let retiring =
        Some(Retiring { after: Timestamp::from_second(9), program: program("/usr/bin/true") });
    Version { retiring, ..version(number) }
}

/// With a staged version, a recipe and everything that both can say.
fn rotating() -> Item {
    let overlap = Some(Duration::from_secs(86400));
    let plan = Recipe {
        run: program("/a b/run"),
        test: program("/t"),
        retire: program("/r"),
        overlap,
        ..Recipe::default()
    };
    let fresh = Recipe {
        kind: Some(ValueKind::SshEd25519),
        length: Some(9),
        alphabet: Some("ab\"".into()),
        ..Recipe::default()
    };
    let tested = Some(Timestamp::from_second(8));
    let since = Timestamp::from_second(7);
    let rotation = Rotation {
        since,
        staged: Some(2),
        tested,
        every: overlap.map(Every::Span),
        due: true,
        plan,
    };
    Item { current: 1, recipe: Some(fresh), rotation: Some(rotation), ..item() }
}

#[test]
fn rotations_read_back() {
    for written in [rotating(), Item { versions: vec![retiring(1), version(2)], ..item() }] {
        assert_eq!(read(&written.render().unwrap()), Some(written));
    }
}

#[test]
fn an_unsound_rotation_is_refused() {
    for (good, from, to) in [
        (rotating(), "staged = 2", "staged = 1"),
        (rotating(), "staged = 2", "staged = 3"),
        (rotating(), "/a b/run", "a b/run"),
        (rotating(), "overlap = \"1d\"", "overlap = \"1w\""),
        (rotating(), "kind = \"ssh-ed25519\"", "kind = \"none\""),
        (Item { versions: vec![retiring(1), version(2)], ..item() }, "current = 2", "current = 1"),
    ] {
        let good = good.render().unwrap();
        assert!(read(&good).is_some() && good.contains(from), "{from}");
        assert!(read(&good.replacen(from, to, 1)).is_none(), "{to}");
    }
}

#[test]
fn programs_are_absolute_and_can_be_shown() {
    assert_eq!(program("/usr/bin/true").unwrap().to_string(), "/usr/bin/true");
    let long = format!("/{}", "x".repeat(1024));
    for bad in ["true", "./true", "", "/a\nb", "/a\x1b[2J", &long] {
        assert_eq!(program(bad), None);
    }
    assert!(toml::from_str::<Recipe>("run = \"true\"").is_err());
}

#[test]
fn what_is_typed_counts_and_the_rest_comes_from_the_recipe() {
    let recipe = Recipe {
        run: program("/run"),
        test: program("/test"),
        overlap: Some(Duration::from_secs(3600)),
        ..Recipe::default()
    };
    let typed = Recipe { test: program("/other"), ..Recipe::default() }.over(Some(&recipe));
    assert_eq!(typed, Recipe { test: program("/other"), ..recipe.clone() });
    let fresh = Recipe { kind: Some(ValueKind::Hex), ..Recipe::default() }.over(Some(&recipe));
    assert_eq!(
        (fresh.run, fresh.kind, fresh.test),
        (None, Some(ValueKind::Hex), recipe.test.clone())
    );
    assert_eq!(recipe.describe(), "run /run, test /test, overlap 1h");
}
