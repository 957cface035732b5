//! How long and how often a grant may be used that opens secrets of several classes: of each limit
//! the strictest.

use std::time::Duration;

use hasp_core::policy::Limits;
use hasp_core::time::duration_text;
use hasp_core::{Class, Error, Kind, Result};

use crate::code;

/// The strictest window and the fewest uses, each with the class that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    window: Duration,
    of_window: Class,
    uses: Option<u32>,
    of_uses: Class,
}

impl Bounds {
    /// Of these limits, of which there is one at least.
    pub fn of(limits: &[Limits]) -> Bounds {
        let window = limits.iter().min_by_key(|l| l.window.value);
        let uses = limits.iter().filter(|l| l.uses.value.is_some()).min_by_key(|l| l.uses.value);
        Bounds {
            window: window.map_or(Duration::ZERO, |l| l.window.value),
            of_window: window.map_or(Class::Low, |l| l.class),
            uses: uses.and_then(|l| l.uses.value),
            of_uses: uses.map_or(Class::Low, |l| l.class),
        }
    }

    /// The longest window.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Refuses what is longer, or more often.
    ///
    /// # Errors
    /// `[over-ceiling]`.
    pub fn check(&self, window: Duration, uses: Option<u32>) -> Result<()> {
        let over = |class: Class, limit: &str| {
            let message = format!("a secret of class {class} is granted {limit}");
            Error::new(Kind::Denied, code::OVER_CEILING, message)
        };
        match self.uses {
            Some(1) if uses != Some(1) => {
                return Err(over(self.of_uses, "once only").hint("leave out --for and --uses"));
            }
            Some(most) if uses.is_none_or(|uses| uses > most) => {
                return Err(over(self.of_uses, &format!("for at most {most} uses at a time"))
                    .hint(format!("--uses {most}")));
            }
            _ => {}
        }
        if window <= self.window {
            return Ok(());
        }
        let longest = duration_text(self.window);
        Err(over(self.of_window, &format!("at most {longest} at a time"))
            .hint(format!("--for {longest}")))
    }
}
