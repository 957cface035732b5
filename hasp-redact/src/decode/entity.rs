//! Character references of HTML and XML: numbers, and the names that escape functions write for
//! ASCII and Latin-1.

/// The longest name or number that is read, in bytes.
pub(crate) const MAX_NAME: usize = 9;

/// The names of ASCII characters in HTML 5.
const ASCII: [(&str, char); 41] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("AMP", '&'),
    ("LT", '<'),
    ("GT", '>'),
    ("QUOT", '"'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
];

/// The names of U+00A0 to U+00FF, in order.
const LATIN_1: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf",
    "laquo", "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro",
    "para", "middot", "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest",
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute",
    "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute",
    "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute",
    "THORN", "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil",
    "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde",
    "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc",
    "uuml", "yacute", "thorn", "yuml",
];

/// The code point that the reference between `&` and `;` stands for.
pub(crate) fn code(name: &[u8]) -> Option<u32> {
    let name = std::str::from_utf8(name).ok()?;
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let digits = hex.unwrap_or(number);
        // from_str_radix would take a sign.
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return plain
            .then(|| u32::from_str_radix(digits, if hex.is_some() { 16 } else { 10 }).ok())?;
    }
    let ascii = ASCII.iter().find(|(n, _)| *n == name).map(|(_, c)| u32::from(*c));
    ascii.or_else(|| LATIN_1.iter().position(|n| *n == name).map(|i| 0xa0 + i as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!(code(b"quot"), Some(34));
        assert_eq!(code(b"#39"), Some(39));
        assert_eq!(code(b"#x1F451"), Some(0x1f451));
        assert_eq!(code(b"auml"), Some(0xe4));
        assert_eq!(code(b"yuml"), Some(0xff));
        for bad in [&b""[..], b"#", b"#x", b"#+39", b"#-1", b"nothing", b"\xff"] {
            assert_eq!(code(bad), None);
        }
    }
}
