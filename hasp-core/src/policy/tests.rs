//! Unit tests of policy.toml.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::policy::audit::To;
use crate::time::Timestamp;

fn parse(text: &str) -> Result<Policy> {
    Policy::parse(text.as_bytes(), Path::new("/h/policy.toml"))
}

#[test]
fn copies_go_where_it_says() {
    let none = parse("# nothing\n").unwrap();
    assert_eq!((none.audit.copies().count(), &none), (0, &Policy::default()));
    let both = parse(
        "[audit]\ncopy = [\"journald\", \"syslog\", \"syslog\"]\nsyslog-socket = \"/x/log\"\n",
    )
    .unwrap();
    let copies: Vec<_> = both.audit.copies().collect();
    assert_eq!(
        copies,
        [
            (To::Syslog, Path::new("/x/log")),
            (To::Journald, Path::new("/run/systemd/journal/socket"))
        ]
    );
}

#[test]
fn what_is_not_known_is_refused_with_its_place() {
    for (text, place, word) in [
        ("\n[audti]\n", ":2:2: ", "`audti`"),
        ("[audit]\ncopi = [\"syslog\"]\n", ":2:1: ", "`copi`"),
        ("[audit]\ncopy = [\"syslogd\"]\n", ":2:9: ", "`syslogd`"),
        ("[audit]\nsyslog-socket = \"dev/log\"\n", ":2:17: ", "absolute"),
        ("[audit]\ncopy = \"syslog\"\n", ":2:8: ", "expected"),
        ("copy", ":1:5: ", "expected"),
        ("[class.hihg]\nraw = false\n", ":1:8: ", "`hihg`"),
        ("[class.high]\nraw = \"no\"\n", ":2:7: ", "boolean"),
        ("[class.high]\n\nwindows = \"1h\"\n", ":3:1: ", "`windows`"),
        ("[class.high]\nwindow = \"1w\"\n", ":2:10: ", "duration"),
        ("[class.high]\nuses = 0\n", ":2:8: ", "nonzero"),
        ("[class.high]\ndeliver = [\"file\", \"pipe\"]\n", ":2:20: ", "`pipe`"),
        ("[class.high]\nconsumer = [\"pid:1\"]\n", ":2:12: ", "consumer"),
        ("[class.high]\nreason = \"yes\"\n", ":2:10: ", "`yes`"),
        ("[class.high]\nhours = \"Mon-Fry 07:00-19:00\"\n", ":2:9: ", "hours look like"),
        ("[class.high]\nhours = \"07:00-19:00 Mars/Base\"\n", ":2:9: ", "'Mars/Base'"),
        ("[class.high]\nconfirm = \"never\"\n", ":2:11: ", "never"),
        ("[retention]\nversions = -1\n", ":2:12: ", "nonzero"),
        ("[retention]\nrecord = \"0y\"\n", ":2:10: ", "duration"),
        ("[unlock]\nclasses = [\"lower\"]\n", ":2:12: ", "`lower`"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.kind().status(), error.code().as_str()), (78, "bad-policy"));
        let message = error.message();
        assert!(
            message.contains(place) && message.contains(word) && message.contains('^'),
            "{message}"
        );
    }
    let hostile = parse("[audit]\n\"a\\u001b[2J\u{202e}\" = 1\n").unwrap_err();
    assert!(!hostile.message().contains(['\x1b', '\u{202e}']), "{hostile:?}");
    let binary = Policy::parse(b"\n\xff", Path::new("p")).unwrap_err();
    assert!(binary.message().contains("p:2: not UTF-8"));
}

#[test]
fn it_is_the_owners_alone() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(Policy::read(home.path()).unwrap(), Policy::default());
    let path = home.path().join(NAME);
    std::fs::write(&path, "[audit]\ncopy = [\"syslog\"]\n").unwrap();
    let set = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&path, mode).unwrap();
    };
    set(0o666);
    assert_eq!(Policy::read(home.path()).unwrap_err().code().as_str(), "open-mode");
    set(0o600);
    assert_eq!(Policy::read(home.path()).unwrap().audit.copies().count(), 1);
}

const STRICT: &str = "\
[class.low]
window = \"5m\"
uses = 2
deliver = [\"file\"]
raw = false
any-command = false
consumer = [\"pid\", \"claude\"]
reason = \"required\"
hours = \"Mon-Fri 07:00-19:00 UTC\"
confirm = \"always\"
";

#[test]
fn each_key_narrows_and_says_where_it_stands() {
    let limits = parse(STRICT).unwrap().limits(Class::Low);
    assert_eq!((limits.window.value.as_secs(), limits.window.line), (300, Some(2)));
    assert_eq!((limits.uses.value, limits.uses.line), (Some(2), Some(3)));
    assert_eq!((limits.deliver.value.contains(&Way::Env), limits.deliver.line), (false, Some(4)));
    assert_eq!((limits.raw.value, limits.raw.line), (false, Some(5)));
    assert_eq!((limits.any_command.value, limits.any_command.line), (false, Some(6)));
    let named = Who::Named("claude".to_owned());
    assert!(limits.admits(&Who::Pid) && limits.admits(&named) && limits.consumer.line == Some(7));
    assert!(!limits.admits(&Who::Exe) && !limits.admits(&Who::Named("other".to_owned())));
    assert_eq!((limits.reason.value, limits.reason.line), (true, Some(8)));
    assert_eq!(limits.hours.value.unwrap().to_string(), "Mon-Fri 07:00-19:00 UTC");
    assert_eq!(limits.confirm.value, Confirm { mint: true, usage: true });
    for class in [Class::Medium, Class::High, Class::Critical] {
        assert_eq!(parse(STRICT).unwrap().limits(class), Limits::built_in(class), "{class}");
    }
}

#[test]
fn what_is_wider_changes_nothing_and_is_told() {
    let keys = [
        ("window", "\"100d\""),
        ("uses", "1000000"),
        ("deliver", "[\"file\", \"fd\", \"stdin\", \"env\", \"template\"]"),
        ("raw", "true"),
        ("any-command", "true"),
        ("consumer", "[\"session\", \"parent\", \"pid\", \"user\", \"exe\"]"),
        ("reason", "\"optional\""),
        ("confirm", "false"),
    ];
    let wide: String = keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    let policy = parse(&format!("[class.critical]\n{wide}")).unwrap();
    assert_eq!(policy.limits(Class::Critical), Limits::built_in(Class::Critical));
    let idle: Vec<_> = policy.idle().into_iter().map(|i| (i.key, i.line)).collect();
    let all: Vec<_> = keys.iter().enumerate().map(|(n, (key, _))| (*key, n + 2)).collect();
    assert_eq!(idle, all);
    assert_eq!(parse(STRICT).unwrap().idle(), []);
}

#[test]
fn without_a_file_the_strict_classes_are_close() {
    let of = |class| Policy::default().limits(class);
    for class in Class::ALL {
        let limits = of(class);
        assert_eq!(limits.raw.value, class < Class::High);
        assert_eq!(limits.any_command.value, class < Class::High);
        assert_eq!(limits.admits(&Who::User), class < Class::High);
        assert_eq!(limits.deliver.value.contains(&Way::Env), class < Class::Critical);
        assert_eq!(limits.confirm.value.mint, class == Class::Critical);
        assert!(limits.admits(&Who::Named("any".to_owned())) && limits.hours.value.is_none());
    }
    assert_eq!(of(Class::Critical).uses.value, Some(1));
}

#[test]
fn retention_and_unlock_are_read() {
    let text = "[retention]\nversions = 5\nsuperseded = \"30d\"\nrevoked = \"12h\"\n\
                record = \"2y\"\n[unlock]\nclasses = [\"low\", \"medium\"]\n";
    let policy = parse(text).unwrap();
    let days = |n: u64| Some(Duration::from_secs(n * 86400));
    assert_eq!(policy.retention.versions.map(NonZeroU32::get), Some(5));
    assert_eq!(policy.retention.superseded, days(30));
    assert_eq!(policy.retention.revoked, Some(Duration::from_secs(12 * 3600)));
    assert_eq!(policy.retention.record, days(730));
    assert_eq!(policy.unlock, Some(vec![Class::Low, Class::Medium]));
}

fn admit(hours: &str, moments: &[(&str, bool)]) {
    let hours = Hours::try_from(hours.to_owned()).unwrap();
    for (moment, inside) in moments {
        let now: Timestamp = moment.parse().unwrap();
        assert_eq!(hours.admit(now), *inside, "{hours} at {moment}, {}", hours.clock(now));
    }
}

#[test]
fn hours_begin_and_end_to_the_minute() {
    admit(
        "Mon-Fri 07:00-19:00 UTC",
        &[
            ("2026-11-27T06:59:59Z", false),
            ("2026-11-27T07:00:00Z", true),
            ("2026-11-27T18:59:59Z", true),
            ("2026-11-27T19:00:00Z", false),
            ("2026-11-28T12:00:00Z", false),
            ("2026-11-30T12:00:00Z", true),
        ],
    );
    admit(
        "Sat-Mon 09:00-12:00, Wed 23:00-24:00 UTC",
        &[
            ("2026-11-29T09:00:00Z", true),
            ("2026-11-30T11:59:00Z", true),
            ("2026-12-01T10:00:00Z", false),
            ("2026-12-02T23:59:59Z", true),
            ("2026-12-03T00:00:00Z", false),
        ],
    );
}

#[test]
fn what_runs_past_midnight_is_of_the_day_on_which_it_began() {
    admit(
        "Fri 22:00-06:00 UTC",
        &[
            ("2026-11-27T05:00:00Z", false),
            ("2026-11-27T21:59:59Z", false),
            ("2026-11-27T22:00:00Z", true),
            ("2026-11-28T00:00:00Z", true),
            ("2026-11-28T05:59:59Z", true),
            ("2026-11-28T06:00:00Z", false),
            ("2026-11-28T22:30:00Z", false),
        ],
    );
    admit("Sun 23:00-01:00 UTC", &[("2026-11-30T00:30:00Z", true)]);
    admit("22:00-06:00 UTC", &[("2026-12-01T03:00:00Z", true), ("2026-12-01T12:00:00Z", false)]);
}

/// Berlin went to 03:00 at 01:00Z on 29 March 2026 and back to 02:00 at 01:00Z on 25 October.
#[test]
fn hours_are_those_of_the_clock_on_the_wall_also_where_that_is_changed() {
    admit(
        "Sun 02:00-03:00 Europe/Berlin",
        &[
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", false),
            ("2026-03-29T01:30:00Z", false),
            ("2026-10-24T23:59:59Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T00:59:59Z", true),
            ("2026-10-25T01:00:00Z", true),
            ("2026-10-25T01:59:59Z", true),
            ("2026-10-25T02:00:00Z", false),
        ],
    );
    admit(
        "07:00-19:00 Europe/Berlin",
        &[
            ("2026-03-28T06:00:00Z", true),
            ("2026-03-28T05:59:59Z", false),
            ("2026-03-29T05:00:00Z", true),
            ("2026-03-29T04:59:59Z", false),
            ("2026-03-29T17:00:00Z", false),
            ("2026-10-25T06:00:00Z", true),
            ("2026-10-25T05:59:59Z", false),
        ],
    );
    // A night in which an hour is left out, or doubled, is one night.
    admit(
        "Sat 22:00-06:00 Europe/Berlin",
        &[
            ("2026-03-29T03:59:59Z", true),
            ("2026-03-29T04:00:00Z", false),
            ("2026-10-25T04:59:59Z", true),
            ("2026-10-25T05:00:00Z", false),
        ],
    );
}

#[test]
fn the_zone_is_always_named() {
    let hours = Hours::try_from("Mon-Fri 07:00-19:00".to_owned()).unwrap();
    let (_, zone) =
        hours.to_string().split_once("19:00 ").map(|(_, z)| ((), z.to_owned())).unwrap();
    assert!(!zone.is_empty());
    for bad in [
        "",
        "Mon",
        "07:00",
        "7:00-19:00",
        "07:00-07:00",
        "24:00-06:00",
        "07:60-08:00",
        "07:00-24:01",
        "Mon-Fri 07:00-19:00,",
        "Mon Fri 07:00-19:00",
        "07:00-19:00 ../x",
        "07:00-19:00 /etc/localtime",
        "07:00-19:00 Europe",
    ] {
        assert!(Hours::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}

fn class_text() -> impl Strategy<Value = String> {
    let window = prop_oneof![Just("1s"), Just("5m"), Just("1h"), Just("9h"), Just("3y")];
    let ways = proptest::sample::subsequence(Way::ALL.to_vec(), 0..=5);
    let words = vec!["session", "parent", "pid", "user", "exe", "claude"];
    let who = proptest::sample::subsequence(words, 0..=6);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (window, 1u32..9, ways, who, flags).prop_map(|(window, uses, ways, who, (a, b, c))| {
        let ways: Vec<&str> = ways.iter().map(|w| w.as_str()).collect();
        format!(
            "window = \"{window}\"\nuses = {uses}\ndeliver = {ways:?}\nconsumer = {who:?}\n\
             raw = {a}\nany-command = {b}\nconfirm = {c}\n"
        )
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "(\\[(audit|class\\.low|retention)\\]\n)?[a-z\\-]{0,8} ?=? ?\\PC{0,20}\n?\\PC{0,5}",
        bytes: Vec<u8>
    ) {
        for text in [text.as_bytes(), &bytes] {
            if let Err(error) = Policy::parse(text, Path::new("p")) {
                prop_assert_eq!(error.code(), crate::code::BAD_POLICY);
            }
        }
    }

    #[test]
    fn whatever_is_written_nothing_is_wider_than_without_it(text in class_text()) {
        for class in Class::ALL {
            let policy = parse(&format!("[class.{class}]\n{text}")).unwrap();
            let (own, limits) = (Limits::built_in(class), policy.limits(class));
            prop_assert!(limits.window.value <= own.window.value);
            let most = |limits: &Limits| limits.uses.value.unwrap_or(u32::MAX);
            prop_assert!(most(&limits) <= most(&own));
            prop_assert!(limits.deliver.value.is_subset(&own.deliver.value));
            prop_assert!(limits.raw.value <= own.raw.value);
            prop_assert!(limits.any_command.value <= own.any_command.value);
            let words = Who::PLAIN.into_iter().chain([Who::Named("claude".to_owned())]);
            prop_assert!(words.into_iter().all(|who| !limits.admits(&who) || own.admits(&who)));
            prop_assert!(limits.reason.value >= own.reason.value);
            prop_assert!(limits.confirm.value.mint >= own.confirm.value.mint);
        }
    }

    #[test]
    fn any_hours_are_read_or_refused(text in "[A-Za-z0-9:,/ -]{0,30}", second: i64) {
        if let Ok(hours) = Hours::try_from(text) {
            let _ = hours.admit(Timestamp::from_second(second));
            let again = Hours::try_from(hours.to_string()).map(|h| h.to_string());
            prop_assert_eq!(again, Ok(hours.to_string()));
        }
    }

    #[test]
    fn hours_are_those_that_a_clock_shows(
        second in 0i64..4_000_000_000, from in 0u16..1440, to in 0u16..=1440,
    ) {
        prop_assume!(from != to);
        let text = |m: u16| format!("{:02}:{:02}", m / 60, m % 60);
        let hours = Hours::try_from(format!("{}-{} UTC", text(from), text(to))).unwrap();
        let minute = u16::try_from(second / 60 % 1440).unwrap();
        let (after, before) = (minute >= from, minute < to);
        let inside = if from < to { after && before } else { after || before };
        prop_assert_eq!(hours.admit(Timestamp::from_second(second)), inside);
    }
}
