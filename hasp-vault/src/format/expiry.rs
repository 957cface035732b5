//! What a run says of secrets that expire soon: one line, from two weeks before.

use std::time::Duration;

use hasp_core::Timestamp;

use super::item::Item;

/// How long before it expires a run begins to say so.
const NOTICE: Duration = Duration::from_secs(14 * 86400);

/// The line for these secrets, the first to expire first; nothing if none expires within two weeks.
pub fn expiry_notice<'a>(
    items: impl IntoIterator<Item = &'a Item>,
    now: Timestamp,
) -> Option<String> {
    let expiring = items.into_iter().filter_map(|i| i.expires.map(|at| (at, &i.name)));
    let mut soon: Vec<_> = expiring.filter(|(at, _)| *at <= now.after(NOTICE)).collect();
    soon.sort();
    soon.dedup();
    let (at, first) = soon.first()?;
    let said: Vec<String> =
        soon.iter().map(|(at, name)| format!("{name} expires on {}", at.local())).collect();
    let days = (at.as_second() - now.as_second()).max(0) / 86400;
    let left = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    Some(format!("{} ({left} left): hasp-vault rotate {first}", said.join(", ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_line_begins_two_weeks_before() {
        let now = Timestamp::from_second(1_700_000_000);
        let item = |name: &str, days: u64| Item {
            expires: Some(now.after(Duration::from_secs(days * 86400))),
            ..Item::new(name.parse().unwrap())
        };
        let (near, far, none) =
            (item("near", 1), item("far", 15), Item::new("none".parse().unwrap()));
        assert_eq!(expiry_notice([&far, &none], now), None);
        let said = expiry_notice([&item("b", 14), &near, &far, &near], now).unwrap();
        assert!(
            said.starts_with("near expires on ") && said.matches("near").count() == 2,
            "{said}"
        );
        assert!(
            said.contains(", b expires on ")
                && said.ends_with(" (1 day left): hasp-vault rotate near"),
            "{said}"
        );
    }
}
