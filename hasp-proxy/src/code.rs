//! The names of what the proxy answers in place of an upstream, and of why it does not start.

pub(crate) use hasp_core::code::BUSY;

hasp_core::codes! {
    BAD_CONFIG = "bad-config", [Data, Usage], "what the proxy is told of its routes is malformed";
    BAD_PATH = "bad-path", [Data], "an upstream could read the path of a request as another";
    BAD_REQUEST = "bad-request", [Data], "a request is malformed, or could be read in two ways";
    ENCODED_RESPONSE = "encoded-response", [Io],
        "an answer is compressed, so that it cannot be looked through";
    EXPIRED = "expired", [Denied], "the window of the grant has ended";
    NO_LOOPBACK = "no-loopback", [Io], "there is no loopback interface to listen on";
    NO_PLACEHOLDER = "no-placeholder", [Denied],
        "a request has not the placeholder, once, where it belongs";
    NO_RECORD = "no-record", [Io], "a request cannot be recorded";
    NO_UPGRADE = "no-upgrade", [Usage], "a request asks for another protocol";
    OTHER_HOST = "other-host", [Denied], "a request was meant for another host";
    OTHER_REQUEST = "other-request", [Denied], "the rules of a route leave the request out";
    REVOKED = "revoked", [Denied], "the grant was revoked";
    UPSTREAM = "upstream", [Io], "the upstream cannot be reached, or cannot be believed";
}
