//! Where a redirect leads, and what may go there.
//!
//! ureq could follow redirects, but it takes a host for the same whatever its port, and knows no other credentials
//! than `Authorization`. So it is told not to.

use std::net::{Ipv4Addr, Ipv6Addr};

use ureq::http::Uri;
use ureq::http::header::{self, HeaderMap, HeaderName};

use crate::call::url::OwnQuery;

/// How many redirects of one attempt are followed; the one after that is handed out as the answer.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// The headers that may go to another origin. Any other may hold a credential: `Authorization`, `api-key`,
/// `OpenAI-Organization`, or one that only the user knows about.
const HARMLESS: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::USER_AGENT,
];

/// The address to go on to, `None` when the answer is to be handed out.
///
/// 301, 302 and 303 are followed for reads only: for a write they mean "now GET this", which is not what was asked.
/// 307 and 308 keep the method and the body.
pub(crate) fn target(method: &str, status: u16, headers: &HeaderMap, from: &Uri) -> Option<Uri> {
    let follow = match status {
        301..=303 => matches!(method, "GET" | "HEAD"),
        307 | 308 => true,
        _ => false,
    };
    let location = headers.get(header::LOCATION).filter(|_| follow)?.to_str().ok()?;
    resolve(from, location).filter(|uri| {
        let http = matches!(uri.scheme_str(), Some("http" | "https"));
        http && uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'))
    })
}

/// Takes away what must not go to another origin.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| !HARMLESS.contains(name))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

/// A target without what the caller added to the query, should the server repeat it there.
pub(crate) fn without(own: &OwnQuery<'_>, target: Uri) -> Uri {
    let Some(query) = target.query() else { return target };
    let query = own.take_out(query).map_or(String::new(), |query| format!("?{query}"));
    let mut parts = target.clone().into_parts();
    match format!("{}{query}", target.path()).parse() {
        Ok(path_and_query) => parts.path_and_query = Some(path_and_query),
        // A path and a part of a query that were fine before.
        Err(_) => return target,
    }
    Uri::from_parts(parts).unwrap_or(target)
}

/// Same scheme, host and port (RFC 6454).
pub(crate) fn same_origin(a: &Uri, b: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && port(a) == port(b)
}

/// The port, or the one its scheme implies.
pub(crate) fn port(uri: &Uri) -> u16 {
    uri.port_u16()
        .unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Whether the host is this machine: `localhost`, 127.0.0.0/8 or `::1`, each as it is spelt, without a lookup.
pub(crate) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host
            .trim_matches(['[', ']'])
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A reference against its base (RFC 3986, section 5.2).
fn resolve(base: &Uri, reference: &str) -> Option<Uri> {
    let reference = reference.split('#').next().unwrap_or_default().trim();
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let absolute = reference
        .split_once(':')
        .is_some_and(|(scheme, _)| !scheme.contains(['/', '?']));
    if absolute {
        return reference.parse().ok();
    }
    if reference.starts_with("//") {
        return format!("{scheme}:{reference}").parse().ok();
    }
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let (path, query) = if path.is_empty() {
        (base.path().to_owned(), query.or_else(|| base.query()))
    } else if path.starts_with('/') {
        (without_dots(path), query)
    } else {
        let folder = base.path().rfind('/').map_or("/", |slash| &base.path()[..=slash]);
        (without_dots(&format!("{folder}{path}")), query)
    };
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    format!("{scheme}://{authority}{path}{query}").parse().ok()
}

/// Takes `.` and `..` segments out of an absolute path (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let dots = matches!(part, "." | "..");
        if part == ".." {
            segments.pop();
        }
        if !dots {
            segments.push(part);
        } else if parts.peek().is_none() {
            // What ended in a dot segment names a folder.
            segments.push("");
        }
    }
    format!("/{}", segments.join("/"))
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
        assert_eq!(target("GET", 302, &HeaderMap::new(), &from), None);
        for bad in [
            "ftp://h/x",
            "https://user:hush@h/x",
            "mailto:x@y",
            "https://",
            "http://[::1",
        ] {
            let headers = HeaderMap::from_iter([(header::LOCATION, bad.parse().unwrap())]);
            assert_eq!(target("GET", 302, &headers, &from), None, "{bad}");
        }
    }

    #[track_caller]
    fn check(method: &str, want: &[u16], headers: &HeaderMap, from: &Uri) {
        let followed: Vec<u16> = (200..400)
            .filter(|status| target(method, *status, headers, from).is_some())
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
            assert_eq!(target, want.parse::<Uri>().unwrap());
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
            assert_eq!(resolve(&base, reference), Some(want.parse().unwrap()), "{reference:?}");
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
            assert_eq!(same_origin(&a.parse().unwrap(), &b.parse().unwrap()), want, "{a} {b}");
        }
    }

    #[test]
    fn knows_this_machine() {
        for (host, want) in [
            ("localhost", true),
            ("LocalHost:8080", true),
            ("127.0.0.1", true),
            ("127.8.9.1:1", true),
            ("[::1]:80", true),
            ("localhost.example.org", false),
            ("example.org", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("[::2]", false),
            ("127.0.0.1.example.org", false),
        ] {
            assert_eq!(is_loopback(&format!("http://{host}/").parse().unwrap()), want, "{host}");
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
