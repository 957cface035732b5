//! The numbers of a private key that are secret: exponents, primes, scalars and seeds. The same
//! key is written as PKCS#1, SEC1, PKCS#8, in PEM or as DER, or as OpenSSH does, and these are what
//! all of that has in common. Read leniently: what is not such a key has none, and what is
//! encrypted shows none.

use zeroize::Zeroizing;

/// Shorter ones are versions, exponents of public keys and the like.
const LEAST: usize = 16;
/// The longest body of a PEM block that is read, in bytes.
const MAX_BODY: usize = 256 << 10;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// Calls for each secret number of each private key in a text, or of one that is all of it.
pub(super) fn each(text: &[u8], mut call: impl FnMut(&[u8])) {
    der(text, &mut call);
    let mut rest = text;
    while let Some((label, body, behind)) = block(rest) {
        rest = behind;
        if !label.ends_with(b"PRIVATE KEY") {
            continue;
        }
        let Some(bytes) = base64(body) else { continue };
        match bytes.strip_prefix(b"openssh-key-v1\0") {
            Some(key) => drop(openssh(key, &mut call)),
            None => der(&bytes, &mut call),
        }
    }
}

/// Whether there may be anything for [`each`].
pub(super) fn may_be(text: &[u8]) -> bool {
    text.first() == Some(&SEQUENCE) || memchr::memmem::find(text, BEGIN).is_some()
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// The label and body of the first PEM block (RFC 7468), and what follows it.
fn block(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = memchr::memmem::find(text, BEGIN)? + BEGIN.len();
    let text = &text[at..];
    let dashes = memchr::memmem::find(&text[..text.len().min(80)], b"-----")?;
    let behind = &text[dashes + 5..];
    let end = memchr::memmem::find(behind, END).unwrap_or(behind.len());
    Some((&text[..dashes], &behind[..end], &behind[end..]))
}

fn base64(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if body.len() > MAX_BODY {
        return None;
    }
    let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
    packed.extend(body.iter().filter(|b| !b.is_ascii_whitespace()));
    data_encoding::BASE64.decode(&packed).ok().map(Zeroizing::new)
}

/// What is left to read of a key in DER (X.690).
struct Der<'a>(&'a [u8]);

impl<'a> Iterator for Der<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, first, rest @ ..] = self.0 else { return None };
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |n, digit| n << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some((*tag, content))
    }
}

/// A private key as PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) or SEC1 (RFC 5915) has it, or as openssl
/// writes one of DSA.
fn der(text: &[u8], call: &mut impl FnMut(&[u8])) {
    let items = |text| match Der(text).next() {
        Some((SEQUENCE, content)) => Der(content).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let outer = items(text);
    let inner = match outer[..] {
        [(INTEGER, _), (SEQUENCE, _), (OCTETS, key), ..] => match Der(key).next() {
            // The seed of RFC 8410, or the exponent of DSA and DH.
            Some((OCTETS | INTEGER, number)) => return secret(number, call),
            _ => items(key),
        },
        _ => outer,
    };
    let numbers = inner.iter().take_while(|(tag, _)| *tag == INTEGER).count();
    match inner[..] {
        [(INTEGER, _), (OCTETS, scalar), ..] => secret(scalar, call),
        // Version, modulus and public exponent come first.
        _ if numbers >= 9 => inner[3..9].iter().for_each(|(_, number)| secret(number, call)),
        _ if numbers == 6 && inner.len() == 6 => secret(inner[5].1, call),
        _ => {}
    }
}

/// What is left to read of a key of OpenSSH (PROTOCOL.key): strings behind their lengths.
struct Ssh<'a>(&'a [u8]);

impl<'a> Ssh<'a> {
    fn string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (string, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }
}

fn openssh(key: &[u8], call: &mut impl FnMut(&[u8])) -> Option<()> {
    let mut whole = Ssh(key);
    if whole.string()? != b"none" {
        return None;
    }
    whole.string()?;
    whole.string()?;
    whole.skip(4)?;
    whole.string()?;
    let mut own = Ssh(whole.string()?);
    own.skip(8)?;
    let kind = own.string()?;
    let mut fields = || own.string();
    match kind {
        b"ssh-ed25519" => {
            fields()?;
            secret(fields()?.get(..32)?, call);
        }
        b"ssh-rsa" => {
            (fields()?, fields()?);
            (0..4).try_for_each(|_| fields().map(|number| secret(number, call)))?;
        }
        b"ssh-dss" => {
            (0..4).try_for_each(|_| fields().map(drop))?;
            secret(fields()?, call);
        }
        _ if kind.starts_with(b"ecdsa-sha2-") => {
            (fields()?, fields()?);
            secret(fields()?, call);
        }
        // Of a key on a token there is nothing here.
        _ => {}
    }
    Some(())
}

/// Without the zeros before it, which some containers have and others have not.
fn secret(number: &[u8], call: &mut impl FnMut(&[u8])) {
    let zeros = number.iter().take_while(|b| **b == 0).count();
    let number = &number[zeros..];
    if number.len() >= LEAST {
        call(number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(text: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        each(text, |number| found.push(number.to_vec()));
        found
    }

    /// One item in DER.
    fn item(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = match length {
            0..0x80 => vec![tag, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [head, content.to_vec()].concat()
    }

    fn pem(label: &str, body: &[u8]) -> String {
        let text = data_encoding::BASE64.encode(body);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    fn rsa() -> (Vec<u8>, Vec<Vec<u8>>) {
        let number = |n: u8, length: usize| -> Vec<u8> {
            (0..length).map(|at| 0x80 | n.wrapping_mul(29).wrapping_add(at as u8)).collect()
        };
        let secrets: Vec<Vec<u8>> = [256, 128, 128, 128, 128, 128]
            .iter()
            .zip(1..)
            .map(|(length, n)| number(n, *length))
            .collect();
        let signed = |n: &[u8]| item(INTEGER, &[&[0], n].concat());
        let mut body = [item(INTEGER, &[0]), signed(&number(9, 256)), item(INTEGER, &[1, 0, 1])];
        let mut key = body.concat();
        body.fill(Vec::new());
        secrets.iter().for_each(|n| key.extend(signed(n)));
        (item(SEQUENCE, &key), secrets)
    }

    #[test]
    fn a_key_has_the_same_numbers_in_every_container() {
        let (pkcs1, secrets) = rsa();
        let algorithm = item(SEQUENCE, &[6, 1, 42]);
        let pkcs8 = item(
            SEQUENCE,
            &[item(INTEGER, &[0]), algorithm.clone(), item(OCTETS, &pkcs1)].concat(),
        );
        for form in [
            pkcs1.clone(),
            pkcs8.clone(),
            pem("RSA PRIVATE KEY", &pkcs1).into_bytes(),
            pem("PRIVATE KEY", &pkcs8).into_bytes(),
            format!(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}",
                pem("PRIVATE KEY", &pkcs8)
            )
            .into_bytes(),
        ] {
            assert_eq!(numbers(&form), secrets);
        }
        let scalar = [&[0, 7][..], &[0x9a; 30]].concat();
        let sec1 = item(SEQUENCE, &[item(INTEGER, &[1]), item(OCTETS, &scalar)].concat());
        assert_eq!(numbers(pem("EC PRIVATE KEY", &sec1).as_bytes()), [scalar[1..].to_vec()]);
        let seed = [0x5a; 32];
        let ed25519 = [item(INTEGER, &[0]), algorithm, item(OCTETS, &item(OCTETS, &seed))].concat();
        assert_eq!(numbers(&item(SEQUENCE, &ed25519)), [seed.to_vec()]);
    }

    #[test]
    fn what_is_public_encrypted_or_no_key_has_none() {
        let (pkcs1, _) = rsa();
        for text in [
            pem("PUBLIC KEY", &pkcs1),
            pem(
                "ENCRYPTED PRIVATE KEY",
                &item(SEQUENCE, &[item(SEQUENCE, &[]), item(OCTETS, &[7; 64])].concat()),
            ),
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n".to_owned(),
            "-----BEGIN PRIVATE KEY-----".to_owned(),
            "0123456789012345678901234567890123456789".to_owned(),
        ] {
            assert!(numbers(text.as_bytes()).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>, cut in 0usize..1500) {
            let _ = numbers(&bytes);
            let _ = numbers(&item(SEQUENCE, &bytes));
            let ssh = [b"openssh-key-v1\0", &bytes[..]].concat();
            let _ = numbers(pem("PRIVATE KEY", &ssh).as_bytes());
            let (key, _) = rsa();
            let _ = numbers(&key[..cut.min(key.len())]);
        }
    }
}
