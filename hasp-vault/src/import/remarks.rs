//! What is taken as it stands and is worth a line: ciphertext, references to other stores,
//! variables that nobody expands, keys that stand twice. Stored it is all the same, since only its
//! owner knows what it is.

use hasp_core::SecretName;
use hasp_core::dotenv::{Foreign, foreign};

use super::Entry;

/// The line for one entry, if there is anything to say.
pub fn remark(name: &SecretName, entry: &Entry) -> Option<String> {
    let mut said = Vec::new();
    match foreign(entry.value.expose()) {
        Some(Foreign::Encrypted(program)) => {
            said.push(format!("looks encrypted ({program}), and is stored as it is"));
        }
        Some(Foreign::Reference(store)) => {
            said.push(format!("is a reference to another store ({store}), and stored as it is"));
        }
        None if entry.seen.unexpanded => {
            said.push("holds ${..}, $(..) or `..`, which is not expanded".to_owned());
        }
        None => {}
    }
    if let [first @ .., last] = &entry.seen.places[..] {
        let first: Vec<String> = first.iter().map(usize::to_string).collect();
        said.push(format!("stands on lines {} and {last}: the last counts", first.join(", ")));
    }
    (!said.is_empty()).then(|| format!("{name} {}", said.join("; it ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::import::Seen;
    use hasp_core::Secret;

    #[test]
    fn each_has_its_line_and_no_value_is_shown() {
        let remark = |value: &str, unexpanded, places: &[usize]| {
            let value = Secret::copy_of(value.as_bytes()).unwrap();
            let seen = Seen { unexpanded, places: places.to_vec() };
            let entry = Entry { key: "K".into(), value, seen };
            super::remark(&"p/K".parse().unwrap(), &entry)
        };
        assert_eq!(remark("plain", false, &[]), None);
        let said = remark("ENC[AES256_GCM,data:hunter2]", false, &[]).unwrap();
        assert!(said.contains("p/K looks encrypted (sops)") && !said.contains("hunter2"));
        assert!(remark("op://Private/db", false, &[]).unwrap().contains("1Password"));
        assert!(remark("postgres://${HOST}", true, &[]).unwrap().contains("not expanded"));
        let said = remark("x", false, &[3, 4, 9]).unwrap();
        assert_eq!(said, "p/K stands on lines 3, 4 and 9: the last counts");
    }
}
