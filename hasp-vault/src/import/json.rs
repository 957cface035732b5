//! JSON objects, flat or nested: the keys on the way to a text, a number or a truth value become the parts of a name.

use hasp_core::{Result, Secret};
use serde_json::Value;

use super::{Entry, unreadable};

/// Reads one object.
///
/// # Errors
/// `[bad-import]` with line and column of what is no JSON, or with the keys on the way to what is no value.
pub fn parse(text: &Secret) -> Result<Vec<Entry>> {
    let bytes = text.expose().strip_prefix(b"\xef\xbb\xbf").unwrap_or(text.expose());
    let parsed: Value = serde_json::from_slice(bytes)
        .map_err(|e| unreadable(&format!("line {}, column {}", e.line(), e.column()), "that is not JSON"))?;
    let mut entries = Vec::new();
    match parsed {
        Value::Object(_) => collect(String::new(), parsed, &mut entries)?,
        _ => return Err(unreadable("line 1", "that is not a JSON object")),
    }
    Ok(entries)
}

fn collect(key: String, value: Value, entries: &mut Vec<Entry>) -> Result<()> {
    let text = match value {
        Value::Object(map) => {
            return map.into_iter().try_for_each(|(name, value)| {
                let below = if key.is_empty() { name } else { format!("{key}/{name}") };
                collect(below, value, entries)
            });
        }
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) => {
            let shown: String = hasp_core::text::printable(key.as_bytes()).chars().take(60).collect();
            return Err(unreadable(&format!("key {shown}"), "a list or null is no value"));
        }
    };
    entries.push(Entry { key, value: Secret::from_vec(text.into_bytes())? });
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        let entries = parse(&Secret::copy_of(text.as_bytes()).unwrap())?;
        Ok(entries.into_iter().map(|e| (e.key, String::from_utf8(e.value.expose().to_vec()).unwrap())).collect())
    }

    #[test]
    fn nested_keys_become_parts() {
        let found = read(r#"{"a":{"b":"x","c":{"d":1}},"e":true,"f":"l\n"}"#).unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert!(found == [("a/b", "x"), ("a/c/d", "1"), ("e", "true"), ("f", "l\n")]);
    }

    #[test]
    fn what_is_no_object_is_refused_and_never_echoed() {
        for text in
            ["", "[]", "\"hunter2\"", "{\"a\":[\"hunter2\"]}", "{\"a\":null}", "{\"a\":\"hunter2}", "{\"a\":hunter2}"]
        {
            let error = read(text).unwrap_err();
            assert!(error.code() == "bad-import" && !format!("{error:?}").contains("hunter2"));
        }
        assert!(read(&format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000))).is_err());
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,60}") {
            let _ = parse(&Secret::copy_of(text.as_bytes()).unwrap());
        }
    }
}
