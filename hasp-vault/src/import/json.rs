//! JSON objects, flat or nested: the keys on the way to a text, a number or a truth value become
//! the parts of a name. Numbers are never read as numbers: their digits are the value, and `1.10`
//! or an account number of thirty digits must not become another one.

use std::collections::BTreeSet;
use std::fmt;

use hasp_core::dotenv::Encoding;
use hasp_core::{Result, Secret};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Entry, Fault, Input, Seen};

/// How deep objects may stand in each other: each level is read once more.
const MAX_DEPTH: usize = 127;

/// The members of an object in their order, a key as often as it stands there.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Object<'de>, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> std::result::Result<Object<'de>, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Reads one object; all that is no value in it is among the faults.
pub fn parse(text: &Secret) -> Result<Input> {
    let mut input = Input::default();
    if let Some(encoding) = Encoding::of(text.expose()) {
        let name = encoding.name();
        let fault = Fault::at("", format!("this is {name}, and UTF-8 is read"));
        input
            .faults
            .push(fault.hint(format!("turn it: iconv -f {name} -t UTF-8 FILE >OTHER.json")));
        return Ok(input);
    }
    let bytes = text.expose().strip_prefix(b"\xef\xbb\xbf").unwrap_or(text.expose());
    match serde_json::from_slice::<&RawValue>(bytes) {
        Err(e) => {
            let place = format!("line {}, column {}", e.line(), e.column());
            input.faults.push(Fault::at(place, "that is not JSON"));
        }
        Ok(whole) if whole.get().starts_with('{') => collect("", whole, 0, &mut input)?,
        Ok(_) => input.faults.push(Fault::at("line 1", "that is not a JSON object")),
    }
    Ok(input)
}

fn collect(key: &str, value: &RawValue, depth: usize, input: &mut Input) -> Result<()> {
    let text = value.get();
    let value = match text.as_bytes().first() {
        Some(b'{') => return below(key, text, depth, input),
        Some(b'"') => string(text),
        Some(b'[') => Err("a list is no value"),
        Some(b'n') => Err("null is no value"),
        // A number or a truth value, as it is written.
        _ => Ok(Secret::copy_of(text.as_bytes())?),
    };
    match value {
        Ok(value) => {
            let unexpanded = [&b"${"[..], b"$("].iter().any(|sign| holds(value.expose(), sign));
            let seen = Seen { unexpanded, places: Vec::new() };
            input.entries.push(Entry { key: key.to_owned(), value, seen });
        }
        Err(why) => input.faults.push(Fault::of(key, why)),
    }
    Ok(())
}

fn below(key: &str, text: &str, depth: usize, input: &mut Input) -> Result<()> {
    if depth == MAX_DEPTH {
        input.faults.push(Fault::of(key, "objects stand in each other too deep"));
        return Ok(());
    }
    let Ok(Object(members)) = serde_json::from_str(text) else {
        input.faults.push(Fault::of(key, "that is no object"));
        return Ok(());
    };
    let mut before = BTreeSet::new();
    for (name, value) in &members {
        let path = if key.is_empty() { name.clone() } else { format!("{key}/{name}") };
        // Readers of JSON differ on which of the two counts (RFC 8259, section 4).
        match before.insert(name) {
            true => collect(&path, value, depth + 1, input)?,
            false => input.faults.push(Fault::of(&path, "it stands there twice")),
        }
    }
    Ok(())
}

fn string(text: &str) -> std::result::Result<Secret, &'static str> {
    let text: String = serde_json::from_str(text).map_err(|_| "that is no text")?;
    Secret::from_vec(text.into_bytes()).map_err(|_| "that is no text")
}

fn holds(value: &[u8], sign: &[u8]) -> bool {
    value.windows(sign.len()).any(|w| w == sign)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The keys and values, or what is wrong.
    fn read(text: &str) -> std::result::Result<Vec<(String, String)>, String> {
        let input = parse(&Secret::copy_of(text.as_bytes()).unwrap()).unwrap();
        if !input.faults.is_empty() {
            return Err(input.faults.iter().map(|f| format!("{f} {f:?}\n")).collect());
        }
        let text = |e: Entry| (e.key, String::from_utf8(e.value.expose().to_vec()).unwrap());
        Ok(input.entries.into_iter().map(text).collect())
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
        assert!(read(&nested(MAX_DEPTH + 1)).unwrap_err().contains("too deep"));
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
            assert!(!read(text).unwrap_err().contains("hunter2"), "{text}");
        }
        assert!(read(&format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000))).is_err());
    }

    #[test]
    fn all_that_is_no_value_is_told_at_once() {
        let text = r#"{"a":[1],"b":{"c":null,"d":"x"},"e":"${X}","f":1,"f":2}"#;
        let input = parse(&Secret::copy_of(text.as_bytes()).unwrap()).unwrap();
        let faults: Vec<String> = input.faults.iter().map(Fault::to_string).collect();
        let expected =
            ["a: a list is no value", "b/c: null is no value", "f: it stands there twice"];
        assert_eq!(faults, expected);
        let keys: Vec<&str> = input.entries.iter().map(|e| e.key.as_str()).collect();
        assert_eq!(keys, ["b/d", "e", "f"]);
        assert!(input.entries[1].seen.unexpanded && !input.entries[0].seen.unexpanded);
        let wide: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let input = parse(&Secret::copy_of(&wide).unwrap()).unwrap();
        assert!(input.faults[0].to_string().contains("UTF-16LE"));
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
