//! The forms in which something secret could turn up where it must not: raw, hexadecimal, and
//! base64 in all three alignments.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// Something that must not be found, under a name that may be printed.
pub struct Needle {
    /// What it is.
    pub name: &'static str,
    forms: Vec<Vec<u8>>,
}

impl Needle {
    /// All forms of these bytes.
    pub fn new(name: &'static str, secret: impl AsRef<[u8]>) -> Needle {
        let secret = secret.as_ref();
        let mut forms =
            vec![secret.to_vec(), HEXLOWER.encode(secret).into(), HEXUPPER.encode(secret).into()];
        for before in 0..3 {
            let padded = [&[0; 3][..before], secret].concat();
            for encoding in [BASE64_NOPAD, BASE64URL_NOPAD] {
                let text = encoding.encode(&padded).into_bytes();
                // Characters that neighbouring bytes have a share in are left out.
                let core = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
                forms.push(text[core].to_vec());
            }
        }
        forms.sort();
        forms.dedup();
        Needle { name, forms }
    }

    /// Whether any form of it is in there.
    pub fn is_in(&self, text: impl AsRef<[u8]>) -> bool {
        self.forms.iter().any(|form| holds(text.as_ref(), form))
    }
}

/// Whether the bytes contain these others.
pub fn holds(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    let starts = text.iter().enumerate().filter(|(_, b)| *b == first);
    starts.into_iter().any(|(at, _)| text[at..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_wherever_it_stands() {
        let needle = Needle::new("value", "hunter2-longer");
        for text in [
            "hunter2-longer",
            "Basic dXNlcjpodW50ZXIyLWxvbmdlcg==",
            "x68756e746572322d6c6f6e676572",
        ] {
            assert!(needle.is_in(format!("before {text} after")), "{text}");
        }
        for before in ["", "a", "ab", "abc"] {
            let text = data_encoding::BASE64.encode(format!("{before}hunter2-longer!").as_bytes());
            assert!(needle.is_in(text));
        }
        assert!(!needle.is_in("hunter2-longe"));
    }
}
