//! How long and how often: the window asked for, held against the strictest limits of all classes.

use std::time::Duration;

use hasp_core::class::{LONGEST, ONCE};
use hasp_core::time::{duration_text, parse_duration};
use hasp_core::{Error, Kind, Result, Timestamp};

use crate::cli::Mint;
use crate::code;
use crate::policy::bounds::Bounds;

/// The window of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// From now until `length` later.
    pub length: Duration,
    /// How often; `None` for as often as the window allows.
    pub uses: Option<u32>,
    /// From when on; from now if absent.
    pub begin: Option<Timestamp>,
    /// The consumer that `--for session` or `--for pid:N` implies.
    pub consumer: Option<String>,
}

/// Reads `--once`, `--for` and `--uses` and refuses what a limit forbids.
///
/// # Errors
/// `[over-ceiling]`, `[bad-duration]`, `[consumer-twice]`.
pub fn resolve(mint: &Mint, bounds: &Bounds, now: Timestamp) -> Result<Window> {
    let asked = mint.window.as_deref();
    let consumer = asked.filter(|w| *w == "session" || w.starts_with("pid:")).map(str::to_owned);
    if let (Some(implied), Some(said)) = (&consumer, &mint.consumer)
        && implied != said
    {
        return Err(Error::new(
            Kind::Usage,
            code::CONSUMER_TWICE,
            format!("--for {implied} already says who may use it"),
        )
        .hint(format!("leave out --consumer {said}")));
    }
    let length = match asked {
        None => ONCE.min(bounds.window()),
        Some(_) if consumer.is_some() => bounds.window(),
        Some(text) => parse_duration(text)?,
    };
    let uses = if asked.is_none() { Some(mint.uses.unwrap_or(1)) } else { mint.uses };
    let begin = mint.not_before.as_deref().map(|text| begin(text, now)).transpose()?;
    let window = Window { length, uses, begin, consumer };
    bounds.check(window.length, window.uses)?;
    within_a_day(&window, now).map(|()| window)
}

/// A moment that is yet to come.
fn begin(text: &str, now: Timestamp) -> Result<Timestamp> {
    let begin = Timestamp::typed(text)?;
    if begin > now {
        return Ok(begin);
    }
    let message = format!("--not-before {} is over", begin.local());
    Err(Error::new(Kind::Usage, code::BAD_WINDOW, message)
        .hint(format!("it is {now} now; without --not-before the window begins at once")))
}

/// No grant ends more than 24 hours after it was minted, wherever its window begins.
fn within_a_day(window: &Window, now: Timestamp) -> Result<()> {
    let Some(begin) = window.begin else { return Ok(()) };
    let last = now.after(LONGEST);
    if begin.after(window.length) <= last {
        return Ok(());
    }
    let message = format!(
        "a window of {} from then on ends more than 24 hours from now",
        duration_text(window.length)
    );
    Err(Error::new(Kind::Usage, code::BAD_WINDOW, message)
        .hint(format!("begin by {}", last.before(window.length))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use hasp_core::{Class, Policy};

    fn bounds(class: Class) -> Bounds {
        Bounds::of(&[Policy::default().limits(class)])
    }

    fn asked(
        window: Option<&str>,
        uses: Option<u32>,
        class: Class,
    ) -> std::result::Result<(u64, Option<u32>), &'static str> {
        let mint = Mint { window: window.map(str::to_owned), uses, ..Mint::default() };
        resolve(&mint, &bounds(class), Timestamp::now())
            .map(|w| (w.length.as_secs(), w.uses))
            .map_err(|e| e.code().as_str())
    }

    #[test]
    fn each_class_has_its_ceiling() {
        assert_eq!(asked(None, None, Class::Critical), Ok((900, Some(1))));
        assert_eq!(asked(None, Some(2), Class::Critical), Err("over-ceiling"));
        assert_eq!(asked(Some("1m"), None, Class::Critical), Err("over-ceiling"));
        assert_eq!(asked(Some("1h"), None, Class::High), Ok((3600, None)));
        assert_eq!(asked(Some("61m"), None, Class::High), Err("over-ceiling"));
        assert_eq!(asked(Some("8h"), Some(5), Class::Medium), Ok((28800, Some(5))));
        assert_eq!(asked(Some("481m"), None, Class::Medium), Err("over-ceiling"));
        assert_eq!(asked(Some("24h"), None, Class::Low), Ok((86400, None)));
        assert_eq!(asked(Some("25h"), None, Class::Low), Err("over-ceiling"));
        assert_eq!(asked(Some("session"), None, Class::High), Ok((3600, None)));
        assert_eq!(asked(Some("soon"), None, Class::Low), Err("bad-duration"));
    }

    #[test]
    fn a_window_that_begins_later_ends_within_a_day() {
        let now = Timestamp::from_second(1_800_000_000);
        let asked = |hours: u64, length: &str| {
            let not_before = Some(now.after(Duration::from_secs(hours * 3600)).to_string());
            let window = Some(length.to_owned());
            let mint = Mint { window, not_before, ..Mint::default() };
            let found = resolve(&mint, &bounds(Class::Low), now);
            found.map(|w| w.begin.map(|b| b.as_second() - now.as_second()))
        };
        assert_eq!(asked(2, "22h").unwrap(), Some(7200));
        for (hours, length) in [(2, "1321m"), (0, "1h")] {
            let error = asked(hours, length).unwrap_err();
            assert_eq!(error.code().as_str(), "bad-window");
            assert!(!error.hints().is_empty());
        }
    }

    #[test]
    fn a_window_bound_to_a_process_says_who() {
        let mint =
            Mint { window: Some("pid:7".into()), consumer: Some("user".into()), ..Mint::default() };
        assert_eq!(
            resolve(&mint, &bounds(Class::Low), Timestamp::now()).unwrap_err().code().as_str(),
            "consumer-twice"
        );
    }
}
