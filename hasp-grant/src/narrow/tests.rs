//! Never wider, 10,000 random times: what is narrowed opens, runs and lasts no more than what it
//! was narrowed from, whatever is asked for and whatever its holder signs himself.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;
use std::time::Duration;

use ed25519_dalek::{Signer, SigningKey};
use hasp_consumer::{Consumer, ProcessId};
use hasp_core::{GrantId, Runtime, SecretName, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::action::arg::Arg;
use crate::action::{Extent, Granted};
use crate::narrow::wish::Wish;

const VAULT: &str = "00112233445566778899aabbccddeeff";
const NAMES: [&str; 4] = ["a", "b/c", "d", "e/f"];

fn ledger() -> (tempfile::TempDir, Ledger) {
    let memory = hasp_core::platform::memory_place().unwrap();
    let memory = tempfile::tempdir_in(memory.parent().unwrap()).unwrap();
    let ledger = Ledger::open(&Runtime::at(memory.path())).unwrap();
    (memory, ledger)
}

fn name(n: usize) -> SecretName {
    NAMES[n].parse().unwrap()
}

/// The file key of an item.
fn file_key(n: usize) -> [u8; 16] {
    [u8::try_from(n).unwrap() + 1; 16]
}

/// Terms with four values, each in a variable, from the published vector.
fn root_terms(extent: Extent, words: &[&str], uses: Option<u32>, minutes: u64) -> Terms {
    let vector: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/token.json")).unwrap();
    let payload = vector["payload"].as_str().unwrap();
    let mut terms = Claims::decode(payload.as_bytes()).unwrap().terms;
    let now = Timestamp::now();
    terms.jti = GrantId::random().unwrap();
    (terms.iat, terms.nbf, terms.exp) = (now, now, now.after(Duration::from_secs(minutes * 60)));
    terms.uses = uses;
    terms.consumer = Consumer::User { uid: 0 };
    let (item, delivery) = (terms.items[0].clone(), terms.action.deliveries[0].clone());
    terms.items =
        (0..4).map(|n| Granted { reference: name(n), name: name(n), ..item.clone() }).collect();
    terms.action.deliveries = (0..4)
        .map(|n| hasp_target::Delivery {
            reference: name(n),
            variable: Some(format!("V{n}")),
            ..delivery.clone()
        })
        .collect();
    terms.action.templates = Vec::new();
    terms.action.target = None;
    terms.action.fixed = 0;
    terms.action.extent = extent;
    terms.action.dir = Arg::from("/");
    terms.action.argv = words.iter().map(|w| Arg::from(*w)).collect();
    terms.action.program = words.first().map(|_| Arg::from("/bin/echo"));
    terms
}

/// A grant of the vault whose key is `vault_key`, entered in the ledger.
fn root(terms: Terms, vault_key: &SigningKey, ledger: &Ledger) -> Claims {
    let (half, other) = (Half::random().unwrap(), Half::random().unwrap());
    let keys: Vec<u8> = (0..terms.items.len()).flat_map(file_key).collect();
    let seal = seal::seal(&keys, &half, &other, VAULT, &terms.jti).unwrap();
    let sign = |m: &[u8]| vault_key.sign(m).to_bytes();
    let heir = Heir::of((&half, &terms.jti), &terms.canonical().unwrap(), VAULT, sign);
    ledger.enter(VAULT, &terms, other, None).unwrap();
    Claims { terms, heir: Some(heir), from: Vec::new(), half, seal }
}

fn session() -> Consumer {
    let leader = ProcessId { boot: "b".into(), pidns: 1, pid: 2, start: 3 };
    Consumer::Session { leader, tty: None }
}

/// Random wishes, many of which ask for more than there is.
fn wishes() -> impl Strategy<Value = Wish> {
    let only = proptest::collection::vec(0..5usize, 0..4);
    let words =
        proptest::collection::vec(prop_oneof!["echo", "x", "y", Just("...".to_owned())], 0..4);
    (only, 0..90u64, 0..6u32, 0..3u8, words).prop_map(|(only, minutes, uses, who, words)| Wish {
        only: only
            .into_iter()
            .map(|n| if n < 4 { name(n) } else { "z".parse().unwrap() })
            .collect(),
        window: (minutes > 0).then(|| Duration::from_secs(minutes * 60)),
        uses: (uses > 0).then_some(uses),
        consumer: [None, Some(Consumer::User { uid: 0 }), Some(session())][usize::from(who)]
            .clone(),
        words: words.into_iter().map(OsString::from).collect(),
    })
}

fn roots() -> impl Strategy<Value = Terms> {
    let commands = prop_oneof![
        Just((Extent::Exact, &["echo", "x"][..])),
        Just((Extent::Open, &["echo", "x"][..])),
        Just((Extent::Open, &["echo"][..])),
        Just((Extent::Any, &[][..])),
    ];
    let uses = prop_oneof![Just(None), (1..4u32).prop_map(Some)];
    (commands, uses, 1..60u64)
        .prop_map(|((extent, words), uses, minutes)| root_terms(extent, words, uses, minutes))
}

/// Whether these words may run, told from the terms alone and apart from what is tested.
fn runs(terms: &Terms, words: &[&str]) -> bool {
    let words: Vec<Arg> = words.iter().map(|w| Arg::from(*w)).collect();
    let approved = &terms.action.argv;
    match terms.action.extent {
        Extent::Any => true,
        Extent::Exact => *approved == words,
        Extent::Open => words.len() >= approved.len() && words[..approved.len()] == approved[..],
    }
}

/// Each of the eight dimensions by a sample of what one could do with a grant.
fn is_within(child: &Terms, parent: &Terms) -> bool {
    let lines: [&[&str]; 7] =
        [&["echo"], &["echo", "x"], &["echo", "y"], &["echo", "x", "y"], &["x"], &["y", "x"], &[]];
    let commands = lines.iter().all(|line| !runs(child, line) || runs(parent, line));
    let values = child.items.iter().all(|i| parent.items.iter().any(|p| p == i));
    let delivered = child.action.deliveries.iter().all(|d| {
        parent.action.deliveries.iter().any(|p| p == d)
            && child.items.iter().any(|i| i.reference == d.reference)
    });
    let moments =
        (-10..4000i64).step_by(30).map(|s| Timestamp::from_second(parent.nbf.as_second() + s));
    let open = |t: &Terms, now: Timestamp| now >= t.nbf && now < t.exp;
    let times = moments.into_iter().all(|now| !open(child, now) || open(parent, now));
    let often = (0..10u32).all(|used| {
        child.uses.is_some_and(|limit| used >= limit)
            || parent.uses.is_none_or(|limit| used < limit)
    });
    commands
        && values
        && delivered
        && times
        && often
        && child.project == parent.project
        && child.action.dir == parent.action.dir
        && child.action.env == parent.action.env
        && (!child.action.raw || parent.action.raw)
        && (child.action.no_new_privs || !parent.action.no_new_privs)
        && (!matches!(child.consumer, Consumer::User { .. }) || child.consumer == parent.consumer)
}

/// The file keys that a grant opens, as spending gives out the half.
fn opens(claims: &Claims, ledger: &Ledger) -> Result<Vec<[u8; 16]>> {
    let half = ledger.lock()?.spend(VAULT, &claims.chain(), None)?;
    let keys = seal::open(&claims.seal, &claims.half, &half, VAULT, &claims.terms.jti)?;
    Ok(keys.iter().map(|key| **key).collect())
}

fn narrowed(hand: &Claims, wish: &Wish, ledger: &Ledger) -> Result<(Claims, SigningKey)> {
    let terms = wish.terms(&hand.terms, hand.terms.uses, None, Timestamp::now())?;
    InHand::open(hand, VAULT, ledger)?.narrow(terms)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_narrowed_is_never_wider(terms in roots(), first in wishes(), second in wishes()) {
        let (_memory, ledger) = ledger();
        let vault_key = SigningKey::from_bytes(&[7; 32]);
        let mut hand = root(terms, &vault_key, &ledger);
        for wish in [first, second] {
            let Ok((claims, key)) = narrowed(&hand, &wish, &ledger) else { continue };
            prop_assert!(is_within(&claims.terms, &hand.terms));
            // Who signed it follows from the vault's key, and neither half above is in it.
            let issuer = claims.issuer(&vault_key.verifying_key(), VAULT);
            prop_assert!(issuer == Some(key.verifying_key()));
            let text = String::from_utf8(claims.encode().unwrap().to_vec()).unwrap();
            let above = serde_json::to_string(&hand.half).unwrap();
            prop_assert!(!text.contains(above.trim_matches('"')));
            prop_assert!(Claims::decode(text.as_bytes()).is_ok());
            hand = claims;
        }
        let root_id = hand.chain()[0].jti;
        let keys = opens(&hand, &ledger).unwrap();
        let position = |item: &Granted| (0..4).find(|n| name(*n) == item.name).unwrap();
        let items = hand.terms.items.iter();
        let granted: Vec<[u8; 16]> = items.map(|i| file_key(position(i))).collect();
        prop_assert_eq!(keys, granted);
        // A use of it is one of the first one's; the end of that one is its end.
        let counted = hand.chain()[0].uses.is_some();
        prop_assert_eq!(ledger.uses(&root_id).unwrap(), u32::from(counted));
        if ledger.has(&root_id).unwrap() {
            let why = crate::ledger::tombstone::Why::Id;
            ledger.lock().unwrap().end(&root_id, why, None).unwrap();
        }
        prop_assert!(opens(&hand, &ledger).is_err());
    }

    #[test]
    fn what_its_holder_signs_is_held_against_the_one_above(
        terms in roots(),
        wish in wishes(),
        change in 0..12usize,
    ) {
        let Ok(child) = wish.terms(&terms, terms.uses, None, Timestamp::now()) else {
            return Ok(());
        };
        let widened = widen(child, change);
        prop_assert!(narrower(&widened, &terms).is_err() || is_within(&widened, &terms));
    }
}

/// What somebody might try who signs the claims himself.
fn widen(mut terms: Terms, change: usize) -> Terms {
    match change {
        0 => terms.uses = None,
        1 => terms.uses = terms.uses.map(|n| n + 3),
        2 => terms.exp = terms.exp.after(Duration::from_secs(60)),
        3 => terms.nbf = terms.nbf.before(Duration::from_secs(60)),
        4 => terms.action.extent = Extent::Any,
        5 => terms.action.extent = Extent::Open,
        6 => terms.action.raw = true,
        7 => terms.action.env.keep.push("LD_PRELOAD".to_owned()),
        8 => terms.items[0].file = "9.age".to_owned(),
        9 => terms.action.deliveries[0].variable = Some("OTHER".to_owned()),
        10 => terms.project = Arg::from("/elsewhere"),
        _ => terms.action.argv.insert(0, Arg::from("sh")),
    }
    terms
}

/// The token of these claims, signed by this key.
fn token(claims: &Claims, key: &SigningKey) -> crate::token::paseto::Parts {
    let payload = claims.encode().unwrap();
    let sign = |m: &[u8]| key.sign(m).to_bytes();
    let line = crate::token::paseto::seal(&payload, b"", VAULT.as_bytes(), sign);
    crate::token::paseto::parse(&line).unwrap()
}

#[test]
fn a_token_that_its_holder_signed_wider_is_refused_and_so_is_one_that_another_signed() {
    let (_memory, ledger) = ledger();
    let vault_key = SigningKey::from_bytes(&[7; 32]);
    let by = vault_key.verifying_key();
    let hand = root(root_terms(Extent::Open, &["echo"], Some(2), 10), &vault_key, &ledger);
    let code_of = |claims: &Claims, key: &SigningKey| {
        crate::token::verify_by(&token(claims, key), &by, VAULT)
            .map_or_else(|e| e.code().as_str(), |_| "good")
    };
    for change in 0..12 {
        let (mut claims, key) = narrowed(&hand, &Wish::default(), &ledger).unwrap();
        assert_eq!(code_of(&claims, &key), "good");
        // Whoever has the vault's own token may have signed anything below it, and nobody else.
        claims.terms = widen(claims.terms, change);
        let outcome = code_of(&claims, &key);
        assert!(outcome != "good" || is_within(&claims.terms, &hand.terms), "{change}");
        assert!(
            outcome == "wider" || outcome == "token-signature" || outcome == "good",
            "{outcome}"
        );
        let own = signing_key(&claims.half, &claims.terms.jti);
        assert_eq!(code_of(&claims, &own), "token-signature");
        // The vault signs no chain, and what it signed is no chain's.
        assert_ne!(code_of(&claims, &vault_key), "good");
        claims.from.clear();
        assert_eq!(code_of(&claims, &key), "token-signature");
    }
}

#[test]
fn a_chain_has_an_end_and_a_token_from_before_none_below_it() {
    let (_memory, ledger) = ledger();
    let vault_key = SigningKey::from_bytes(&[7; 32]);
    let mut hand = root(root_terms(Extent::Any, &[], None, 10), &vault_key, &ledger);
    let old = Claims { heir: None, ..narrowed(&hand, &Wish::default(), &ledger).unwrap().0 };
    let refused = narrowed(&old, &Wish::default(), &ledger).unwrap_err();
    assert_eq!(refused.code(), code::NOT_NARROWABLE);
    for _ in 0..MAX_NARROWED {
        hand = narrowed(&hand, &Wish::default(), &ledger).unwrap().0;
    }
    assert_eq!(opens(&hand, &ledger).unwrap().len(), 4);
    let refused = narrowed(&hand, &Wish::default(), &ledger).unwrap_err();
    assert_eq!(refused.code(), code::NOT_NARROWABLE);
}

#[test]
fn a_statement_of_another_key_terms_or_vault_is_none() {
    let (_memory, ledger) = ledger();
    let vault_key = SigningKey::from_bytes(&[7; 32]);
    let hand = root(root_terms(Extent::Any, &[], Some(2), 10), &vault_key, &ledger);
    let (claims, _) = narrowed(&hand, &Wish::default(), &ledger).unwrap();
    let key = vault_key.verifying_key();
    assert!(claims.issuer(&key, VAULT).is_some());
    assert!(claims.issuer(&key, "another").is_none());
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
    assert!(claims.issuer(&other, VAULT).is_none());
    let mut changed = Claims::decode(&claims.encode().unwrap()).unwrap();
    changed.from[0].terms.uses = None;
    assert!(changed.issuer(&key, VAULT).is_none());
    // A key of one's own in the place of the heir.
    let mut own = Claims::decode(&claims.encode().unwrap()).unwrap();
    own.from[0].heir = claims.heir.clone().unwrap();
    assert!(own.issuer(&key, VAULT).is_none());
}

#[test]
fn without_the_half_above_the_half_below_opens_nothing() {
    let (_memory, ledger) = ledger();
    let vault_key = SigningKey::from_bytes(&[7; 32]);
    let hand = root(root_terms(Extent::Any, &[], None, 10), &vault_key, &ledger);
    let (claims, _) = narrowed(&hand, &Wish::default(), &ledger).unwrap();
    let text = std::fs::read(ledger.runtime().join("grants").join(claims.terms.jti.as_str()));
    let entry: serde_json::Value = serde_json::from_slice(&text.unwrap()).unwrap();
    let stored: Half = serde_json::from_value(entry["half"].clone()).unwrap();
    let alone = seal::open(&claims.seal, &claims.half, &stored, VAULT, &claims.terms.jti);
    assert!(alone.is_err());
    ledger.lock().unwrap().end(&hand.terms.jti, crate::ledger::tombstone::Why::All, None).unwrap();
    assert_eq!(opens(&claims, &ledger).unwrap_err().code(), code::REVOKED);
}
