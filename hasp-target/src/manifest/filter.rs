//! How a value is written into a template: as it is, or so that one value stays one value in a URL,
//! JSON, base64 or a shell.

/// How a value is written into a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// As it is.
    Plain,
    /// Percent-encoded but for RFC 3986's unreserved characters: fit for any part of a URL.
    Url,
    /// A JSON string with its quotes (RFC 8259).
    Json,
    /// Base64 with padding (RFC 4648, section 4).
    Base64,
    /// One word of a POSIX shell, in single quotes.
    Shell,
}

impl Filter {
    /// The words behind the colon.
    pub(crate) const NAMED: [(&'static str, Filter); 4] = [
        ("url", Filter::Url),
        ("json", Filter::Json),
        ("base64", Filter::Base64),
        ("shell", Filter::Shell),
    ];

    /// The word behind the colon.
    pub fn as_str(self) -> &'static str {
        Filter::NAMED.iter().find(|(_, f)| *f == self).map_or("", |(word, _)| word)
    }

    /// The longest that a value of `size` bytes can become.
    pub fn longest(self, size: u64) -> u64 {
        match self {
            Filter::Plain => size,
            Filter::Url => size.saturating_mul(3),
            Filter::Json => size.saturating_mul(6).saturating_add(2),
            Filter::Base64 => size.div_ceil(3).saturating_mul(4),
            Filter::Shell => size.saturating_mul(4).saturating_add(2),
        }
    }
}
