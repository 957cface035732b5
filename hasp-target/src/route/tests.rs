//! What may be written as a route, and what a rule lets through.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn admits(rule: &str, method: &str, path: &str) -> bool {
    Rule::parse(rule).unwrap().admits(method, &Path::parse(path).unwrap())
}

#[test]
fn an_origin_is_https_with_a_host() {
    let origin = Origin::parse("https://API.openai.com/v1").unwrap();
    assert_eq!((origin.host(), origin.port(), origin.path()), ("api.openai.com", 443, "/v1"));
    assert_eq!(origin.base(4000), "http://127.0.0.1:4000/v1");
    assert_eq!((origin.authority(), origin.endpoint()), {
        ("api.openai.com".to_owned(), "api.openai.com:443".to_owned())
    });
    let other = Origin::parse("https://[::1]:8443").unwrap();
    assert_eq!((other.authority(), other.path()), ("[::1]:8443".to_owned(), ""));
    for bad in [
        "",
        "http://a",
        "https://",
        "https:///a",
        "https://u@a",
        "https://u:p@a/",
        "https://a?x",
        "https://a#x",
        "https://a:0",
        "https://a:65536",
        "https://a:",
        "https://a b",
        "https://a/../b",
        "https://a/%2e",
        "https://a\\b",
        "https://[1]",
        "https://a..b",
        "https://-a",
        "https://\u{e4}",
        "ftp://a",
    ] {
        assert!(Origin::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_url_of_the_origin_is_told_from_others() {
    let origin = Origin::parse("https://a.example/v1").unwrap();
    assert_eq!(origin.rest_of("https://A.example:443/x?y"), Some("/x?y"));
    assert_eq!(origin.rest_of("HTTPS://a.example"), Some(""));
    for other in
        ["http://a.example/", "https://a.example.evil/", "https://a.example:8443/", "/x", "//a"]
    {
        assert_eq!(origin.rest_of(other), None, "{other}");
    }
    assert_eq!(origin.rest_of("https://u@a.example/x"), None);
}

#[test]
fn a_path_that_an_upstream_may_read_otherwise_is_none() {
    for good in ["/", "/a", "/a/", "/a%20b", "/a%2Fb", "/a%25", "/...", "/a..b", "/.well-known"] {
        assert!(Path::parse(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "a",
        "/.",
        "/..",
        "/a/./b",
        "/a/../b",
        "/%2e%2e/a",
        "/%2E./a",
        "/%252e%252e/a",
        "/a%2F..%2Fb",
        "/a%252f..%252fb",
        "/a\\b",
        "/a%5cb",
        "/a%255Cb",
        "/%00",
        "/%0a",
        "/%250d",
        "/%",
        "/%4",
        "/%zz",
        "/a b",
        "/a?b",
        "/a#b",
        "/..;a/b",
        "/%c0%ae",
        "/\u{e4}",
        "/%7f",
    ] {
        assert!(Path::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn rules_match_whole_segments() {
    assert!(admits("POST /v1/chat", "POST", "/v1/chat"));
    assert!(admits("POST /v1/chat", "POST", "/v1/ch%61t"));
    assert!(!admits("POST /v1/chat", "GET", "/v1/chat"));
    assert!(!admits("POST /v1/chat", "POST", "/v1/chat/"));
    assert!(!admits("POST /v1/chat", "POST", "/v1/chats"));
    assert!(!admits("POST /v1/chat", "POST", "/V1/chat"));
    assert!(admits("* /a/*/c", "DELETE", "/a/b/c"));
    assert!(!admits("* /a/*/c", "DELETE", "/a//c"));
    assert!(!admits("* /a/*/c", "DELETE", "/a/b/b/c"));
    // An escaped slash is of its segment.
    assert!(admits("GET /a/*", "GET", "/a/b%2Fc"));
    assert!(!admits("GET /a/b/c", "GET", "/a/b%2Fc"));
    for under in ["/a", "/a/", "/a/b/c"] {
        assert!(admits("GET /a/**", "GET", under), "{under}");
        assert!(admits("GET /**", "GET", under), "{under}");
    }
    assert!(!admits("GET /a/**", "GET", "/ab"));
}

#[test]
fn a_rule_that_says_less_than_it_seems_is_refused() {
    for bad in [
        "",
        "GET",
        "/a",
        "get /a",
        "GET a",
        "GET  /a",
        "GET /a*",
        "GET /**/a",
        "GET /a/**b",
        "GET /../a",
        "GET /a?b",
        "GET /a#b",
        "CONNECT /a",
        "TRACE /a",
        "** /a",
        "GET /%zz",
        "GET /a b",
    ] {
        assert!(Rule::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn without_rules_a_route_reads_below_its_path() {
    let rules = read_only(&Origin::parse("https://a.example/v1/").unwrap());
    let may = |method: &str, path: &str| {
        admitted(&rules, "a.example", method, &Path::parse(path).unwrap())
    };
    assert!(may("GET", "/v1/x") && may("HEAD", "/v1"));
    assert!(!may("POST", "/v1/x") && !may("GET", "/v2") && !may("OPTIONS", "/v1"));
    assert!(rules.iter().all(|rule| rule.is_below("/v1/") && !rule.is_below("/v2")));
    assert!(!Rule::parse("GET /*/x").unwrap().is_below("/v1"));
}

#[test]
fn what_makes_credentials_needs_a_rule_of_its_own() {
    let may = |rule: &str, method: &str, path: &str| {
        let rules = [Rule::parse(rule).unwrap()];
        admitted(&rules, "api.github.com", method, &Path::parse(path).unwrap())
    };
    for path in ["/user/keys", "/USER/keys/", "//user/keys", "/user/%6beys", "/user/keys/1"] {
        assert!(!may("* /**", "POST", path), "{path}");
    }
    assert!(!may("POST /user/*", "POST", "/user/keys"));
    assert!(!may("* /user/keys", "POST", "/user/keys"));
    assert!(may("POST /user/keys", "POST", "/user/keys"));
    assert!(may("* /**", "GET", "/user/keys") && may("* /**", "POST", "/user/repos"));
}

#[test]
fn places_of_a_credential() {
    for text in ["bearer", "x-api-key", "git", "basic:me", "basic:", "header:x-key", "query:key"] {
        assert_eq!(Place::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Place::parse("git").unwrap().user(), Some("x-access-token"));
    for bad in [
        "",
        "Bearer",
        "bearer:",
        "basic",
        "basic:a:b",
        "header:",
        "header:a b",
        "header:Host",
        "header:Content-Length",
        "header:Transfer-Encoding",
        "header:Proxy-Authorization",
        "header:X-Forwarded-Host",
        "header:Content-Encoding",
        "header:X-HTTP-Method-Override",
        "header:Cookie",
        "query:",
        "query:a=b",
        "query:a&b",
        "header:a\r\nb",
        "git:x",
    ] {
        assert!(Place::parse(bad).is_err(), "{bad}");
    }
    assert!(check_like("sk_test_").is_ok());
    for bad in ["", "a b", "12345678901234567", "\u{e4}"] {
        assert!(check_like(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}|https://[a-z.:/@%0-9]{0,30}|[A-Z*]{0,4} /[a-z*%/.0-9]*") {
        let _ = (Origin::parse(&text), Rule::parse(&text), Place::parse(&text), Path::parse(&text));
    }

    /// Whatever is put into a path, a rule for one directory never lets out of it a path that an
    /// upstream resolves elsewhere.
    #[test]
    fn a_path_that_passes_stays_where_the_rule_is(
        rest in "(/|\\.|%2e|%2E|%252e|%2f|%5c|a|;){0,12}"
    ) {
        let raw = format!("/in/{rest}");
        if let Some(path) = Path::parse(&raw) {
            prop_assert!(Rule::parse("GET /in/**").unwrap().admits("GET", &path));
            let text = raw.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/");
            let names = text.split('/').map(|s| s.split(';').next().unwrap_or_default());
            prop_assert!(names.into_iter().all(|s| s != ".." && s != "."), "{}", raw);
        }
    }
}
