//! Redirects: which are followed, and what is sent to another origin.
//!
//! ureq's own redirects are disabled: it treats two ports of a host as the same origin, and removes no credentials but
//! `Authorization`.

use ureq::http::Uri;
use ureq::http::header::{self, HeaderMap, HeaderName};
use url::Url;

use crate::call::url::OwnQuery;

/// The most redirects that one attempt follows. The response of the next one is returned to the caller.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// The headers that may go to another origin. Any other may contain a credential: `Authorization`, `api-key`,
/// `OpenAI-Organization`, or one that only the user knows about.
const FORWARDED: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::USER_AGENT,
];

/// A redirect that is followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// Where it leads.
    pub(crate) target: Url,
    /// Whether it stays at the same scheme, host and port (RFC 6454).
    pub(crate) same_origin: bool,
}

impl Redirect {
    /// The redirect that a response from `from` requests; `None` if the response is to be returned to the caller.
    ///
    /// 301, 302 and 303 are followed for reads only: for a write they mean "now GET this", which is not what the caller requested.
    /// 307 and 308 keep the method and the body.
    pub(crate) fn of(method: &str, status: u16, headers: &HeaderMap, from: &Uri) -> Option<Self> {
        let follow = match status {
            301..=303 => matches!(method, "GET" | "HEAD"),
            307 | 308 => true,
            _ => false,
        };
        let location = headers.get(header::LOCATION).filter(|_| follow)?.to_str().ok()?;
        let from = Url::parse(&from.to_string()).ok()?;
        let mut target = from.join(location).ok()?;
        target.set_fragment(None);
        let plain = target.username().is_empty() && target.password().is_none();
        (plain && matches!(target.scheme(), "http" | "https")).then(|| Self {
            same_origin: from.origin() == target.origin(),
            target,
        })
    }
}

/// Removes what must not be sent to another origin.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| !FORWARDED.contains(name))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

/// The target without what the caller added to the query, in case the server repeated it there.
pub(crate) fn without(own: &OwnQuery<'_>, mut target: Url) -> Url {
    if let Some(query) = target.query() {
        let query = own.take_out(query);
        target.set_query(query.as_deref());
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::url::BaseUrl;

    #[test]
    fn follows_reads_and_kept_methods_only() {
        let from: Uri = "https://h/v1/threads".parse().unwrap();
        let headers = HeaderMap::from_iter([(header::LOCATION, "/v2".parse().unwrap())]);
        for (method, want) in [
            ("GET", [301, 302, 303, 307, 308].as_slice()),
            ("HEAD", &[301, 302, 303, 307, 308]),
        ] {
            check(method, want, &headers, &from);
        }
        for method in ["POST", "DELETE"] {
            check(method, &[307, 308], &headers, &from);
        }
        assert_eq!(Redirect::of("GET", 302, &HeaderMap::new(), &from), None);
        for bad in [
            "ftp://h/x",
            "https://user:hush@h/x",
            "mailto:x@y",
            "https://",
            "http://[::1",
        ] {
            let headers = HeaderMap::from_iter([(header::LOCATION, bad.parse().unwrap())]);
            assert_eq!(Redirect::of("GET", 302, &headers, &from), None, "{bad}");
        }
    }

    #[track_caller]
    fn check(method: &str, want: &[u16], headers: &HeaderMap, from: &Uri) {
        let followed: Vec<u16> = (200..400)
            .filter(|status| Redirect::of(method, *status, headers, from).is_some())
            .collect();
        assert_eq!(followed, want, "{method}");
    }

    #[test]
    fn another_origin_gets_nothing_of_the_callers_query() {
        let base = BaseUrl::parse("https://h/v1?code=base&x=1").unwrap();
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        let own = OwnQuery {
            base: Some(&base),
            client: &pairs(&[("api-version", "1")]),
            call: &pairs(&[("key", "a b/c")]),
        };
        for (target, want) in [
            ("https://g/x", "https://g/x"),
            ("https://g/x?limit=2", "https://g/x?limit=2"),
            ("https://g/x?api-version=1&key=a%20b%2Fc&code=base", "https://g/x"),
            ("https://g/x?key=a+b/c&limit=2&x=1&x=2", "https://g/x?limit=2&x=2"),
            (
                "https://g/x?sig=s%2B&api-version=2",
                "https://g/x?sig=s%2B&api-version=2",
            ),
        ] {
            let target = without(&own, target.parse().unwrap());
            assert_eq!(target.as_str(), want);
        }
    }

    #[test]
    fn resolves_references() {
        for (reference, want) in [
            ("http://g/x?y", "http://g/x?y"),
            ("//g:8/x", "https://g:8/x"),
            ("/x", "https://h:1/x"),
            ("/x/../y/./z", "https://h:1/y/z"),
            ("x", "https://h:1/a/x"),
            ("x?y=/../z", "https://h:1/a/x?y=/../z"),
            ("../x", "https://h:1/x"),
            ("../../../x", "https://h:1/x"),
            (".", "https://h:1/a/"),
            ("..", "https://h:1/"),
            ("?y", "https://h:1/a/b?y"),
            ("", "https://h:1/a/b?q"),
            ("#top", "https://h:1/a/b?q"),
            ("/x#top", "https://h:1/x"),
            ("./x:y", "https://h:1/a/x:y"),
        ] {
            let base: Uri = "https://h:1/a/b?q".parse().unwrap();
            let headers = HeaderMap::from_iter([(header::LOCATION, reference.parse().unwrap())]);
            let redirect = Redirect::of("GET", 302, &headers, &base).unwrap();
            assert_eq!(redirect.target.as_str(), want, "{reference:?}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (a, b, want) in [
            ("https://h/x", "https://h/y", true),
            ("https://h/x", "https://H:443/y", true),
            ("http://h", "http://h:80", true),
            ("https://h", "http://h", false),
            ("http://h", "https://h", false),
            ("https://h", "https://h:8443", false),
            ("https://h", "https://sub.h", false),
        ] {
            let headers = HeaderMap::from_iter([(header::LOCATION, b.parse().unwrap())]);
            let redirect = Redirect::of("GET", 302, &headers, &a.parse().unwrap()).unwrap();
            assert_eq!(redirect.same_origin, want, "{a} {b}");
        }
    }

    #[test]
    fn another_origin_sees_no_credentials() {
        let mut headers: HeaderMap = [
            "authorization",
            "api-key",
            "openai-organization",
            "x-mine",
            "cookie",
            "accept",
            "user-agent",
        ]
        .map(|name| (HeaderName::from_static(name), "x".parse().unwrap()))
        .into_iter()
        .collect();
        strip(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "user-agent"]);
    }
}
