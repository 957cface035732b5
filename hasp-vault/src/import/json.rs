//! JSON objects, flat or nested: the keys on the way to a text, a number or a truth value become
//! the parts of a name. Numbers are never read as numbers: their digits are the value, and `1.10`
//! or an account number of thirty digits must not become another one.

use std::collections::BTreeMap;

use hasp_core::{Result, Secret};
use serde_json::value::RawValue;

use super::{Entry, unreadable};

/// How deep objects may stand in each other: each level is read once more.
const MAX_DEPTH: usize = 127;

type Object<'a> = BTreeMap<String, &'a RawValue>;

/// Reads one object.
///
/// # Errors
/// `[bad-import]` with line and column of what is no JSON, or with the keys on the way to what is
/// no value.
pub fn parse(text: &Secret) -> Result<Vec<Entry>> {
    let bytes = text.expose().strip_prefix(b"\xef\xbb\xbf").unwrap_or(text.expose());
    let whole: &RawValue = serde_json::from_slice(bytes).map_err(|e| {
        unreadable(&format!("line {}, column {}", e.line(), e.column()), "that is not JSON")
    })?;
    if !whole.get().starts_with('{') {
        return Err(unreadable("line 1", "that is not a JSON object"));
    }
    let mut entries = Vec::new();
    collect("", whole, 0, &mut entries)?;
    Ok(entries)
}

fn collect(key: &str, value: &RawValue, depth: usize, entries: &mut Vec<Entry>) -> Result<()> {
    let text = value.get();
    let value = match text.as_bytes().first() {
        Some(b'{') => return below(key, text, depth, entries),
        Some(b'"') => string(text).ok_or_else(|| at(key, "that is no text"))?,
        Some(b'[' | b'n') => return Err(at(key, "a list or null is no value")),
        // A number or a truth value, as it is written.
        _ => Secret::copy_of(text.as_bytes())?,
    };
    entries.push(Entry { key: key.to_owned(), value });
    Ok(())
}

fn below(key: &str, text: &str, depth: usize, entries: &mut Vec<Entry>) -> Result<()> {
    if depth == MAX_DEPTH {
        return Err(at(key, "objects stand in each other too deep"));
    }
    let object: Object = serde_json::from_str(text).map_err(|_| at(key, "that is no object"))?;
    object.into_iter().try_for_each(|(name, value)| {
        let path = if key.is_empty() { name } else { format!("{key}/{name}") };
        collect(&path, value, depth + 1, entries)
    })
}

fn string(text: &str) -> Option<Secret> {
    let text: String = serde_json::from_str(text).ok()?;
    Secret::from_vec(text.into_bytes()).ok()
}

fn at(key: &str, why: &str) -> hasp_core::Error {
    let shown: String = hasp_core::text::printable(key.as_bytes()).chars().take(60).collect();
    unreadable(&format!("key {shown}"), why)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::code;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        let entries = parse(&Secret::copy_of(text.as_bytes()).unwrap())?;
        Ok(entries
            .into_iter()
            .map(|e| (e.key, String::from_utf8(e.value.expose().to_vec()).unwrap()))
            .collect())
    }

    #[test]
    fn nested_keys_become_parts() {
        let found = read(r#"{"a":{"b":"x","c":{"d":1}},"e":true,"f":"l\n"}"#).unwrap();
        let found: Vec<(&str, &str)> =
            found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert!(found == [("a/b", "x"), ("a/c/d", "1"), ("e", "true"), ("f", "l\n")]);
    }

    #[test]
    fn numbers_and_truth_values_stay_as_they_are_written() {
        let numbers = [
            "1.10",
            "0.10",
            "1.0",
            "10",
            "0",
            "-0",
            "-0.0",
            "1E5",
            "1e5",
            "1e+05",
            "2.50E-3",
            "-1.10e1",
            "1e400",
            "123456789012345678901234567890",
            "-9223372036854775809",
            "18446744073709551616",
            "3.14159265358979323846264338327950288",
            "0.1000000000000000055511151231257827",
            "true",
            "false",
        ];
        for number in numbers {
            let text = format!(
                "{{\"a\": {number} ,\"b\":{{\"c\":{{\"d\":\t{number}\n}}}}, \"e\":\"{number}\"}}"
            );
            let found = read(&text).unwrap();
            let expected = ["a", "b/c/d", "e"].map(|key| (key.to_owned(), number.to_owned()));
            assert!(found == expected, "{number}: {found:?}");
        }
    }

    #[test]
    fn objects_may_stand_in_each_other_as_deep_as_is_said() {
        let nested = |depth: usize| format!("{}1.50{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(read(&nested(MAX_DEPTH)).unwrap()[0].1, "1.50");
        assert_eq!(read(&nested(MAX_DEPTH + 1)).unwrap_err().code(), code::BAD_IMPORT);
    }

    #[test]
    fn what_is_no_object_is_refused_and_never_echoed() {
        for text in [
            "",
            "[]",
            "1",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":+1}",
            "{\"a\":\"\\ud800\"}",
            "\"hunter2\"",
            "{\"a\":[\"hunter2\"]}",
            "{\"a\":null}",
            "{\"a\":\"hunter2}",
            "{\"a\":hunter2}",
        ] {
            let error = read(text).unwrap_err();
            assert!(error.code() == code::BAD_IMPORT && !format!("{error:?}").contains("hunter2"));
        }
        assert!(read(&format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000))).is_err());
    }

    proptest! {
        #[test]
        fn any_number_keeps_its_characters(
            number in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,6})?"
        ) {
            let found = read(&format!("{{\"n\":{{\"m\":{number}}}}}")).unwrap();
            prop_assert_eq!(found, [("n/m".to_owned(), number)]);
        }

        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,60}") {
            let _ = parse(&Secret::copy_of(text.as_bytes()).unwrap());
        }
    }
}
