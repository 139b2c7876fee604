//! Web origins, and the host names by which a machine refers to itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The origins whose web pages may use the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<String>,
    /// Any origin is allowed (`*`).
    all: bool,
}

/// The text is not an origin, or is one that cannot be allowed.
#[derive(Debug)]
pub(crate) struct BadOrigin;

impl Origins {
    /// Parses origins as browsers send them: a scheme, a host and optionally a port. `*` is accepted only if the server
    /// has a key.
    ///
    /// The error is the first text that is not acceptable.
    pub(crate) fn parse(given: &[String], has_key: bool) -> Result<Self, String> {
        let mut origins = Self::default();
        for one in given {
            match one.trim() {
                "*" if has_key => origins.all = true,
                other => origins.allowed.push(canonical(other).map_err(|BadOrigin| one.clone())?),
            }
        }
        Ok(origins)
    }

    pub(super) fn allow(&self, origin: &str) -> bool {
        self.all || self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

/// Normalizes an origin to the form that browsers send: lowercase, without the scheme's default port.
fn canonical(origin: &str) -> Result<String, BadOrigin> {
    let origin = origin.strip_suffix('/').unwrap_or(origin);
    let (scheme, authority) = origin.split_once("://").ok_or(BadOrigin)?;
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        // Browser extensions and applications with an embedded browser.
        _ => "",
    };
    let is_clean = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"/?#@*,".contains(c));
    if !is_clean(scheme) || !is_clean(authority) {
        return Err(BadOrigin);
    }
    let authority = match default_port {
        "" => authority,
        port => authority.strip_suffix(port).unwrap_or(authority),
    };
    Ok(format!("{scheme}://{authority}").to_ascii_lowercase())
}

/// Returns the host of an authority such as `localhost:8787` or `[::1]`, without port, brackets and trailing dot.
/// `None` if the authority is malformed.
pub(super) fn host_of(authority: &str) -> Option<&str> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match rest {
        "" => "",
        rest => rest.strip_prefix(':')?,
    };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then_some(host)
}

/// Returns whether a host is this machine, independently of name servers: a loopback address, or a name that resolves
/// to one by definition (RFC 6761, section 6.3).
pub(super) fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address == Ipv6Addr::LOCALHOST || address.to_ipv4_mapped().as_ref().is_some_and(Ipv4Addr::is_loopback)
        }
        Err(_) => {
            let host = host.to_ascii_lowercase();
            host == "localhost" || host.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_names_of_this_machine() {
        for (authority, want) in [
            ("localhost", true),
            ("localhost:8787", true),
            ("LocalHost:1", true),
            ("localhost.", true),
            ("app.localhost:80", true),
            ("127.0.0.1", true),
            ("127.1.2.3:8787", true),
            ("[::1]", true),
            ("[::1]:8787", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("", false),
            (":8787", false),
            ("localhost:8787:1", false),
            ("localhost:x", false),
            ("localhost@evil.example", false),
            ("localhost.evil.example", false),
            ("evillocalhost", false),
            ("evil.example:8787", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("[::]", false),
            ("[::1", false),
            ("[::1]x", false),
            // Only notations that all resolvers read as the same address count.
            ("127.1", false),
            ("2130706433", false),
        ] {
            let got = host_of(authority).is_some_and(is_loopback);
            assert_eq!(got, want, "{authority}");
        }
    }

    #[test]
    fn origins_are_compared_as_browsers_write_them() {
        for (allowed, origin, want) in [
            ("http://localhost:3000", "http://localhost:3000", true),
            ("http://localhost:3000/", "http://localhost:3000", true),
            ("HTTPS://App.example:443", "https://app.example", true),
            ("http://app.example:80", "http://app.example", true),
            ("chrome-extension://abc", "chrome-extension://abc", true),
            ("http://localhost:3000", "http://localhost:3001", false),
            ("http://localhost:3000", "https://localhost:3000", false),
            ("http://app.example", "http://app.example.evil.example", false),
            ("http://app.example", "null", false),
        ] {
            let origins = Origins::parse(&[allowed.to_owned()], false).unwrap();
            assert_eq!(origins.allow(origin), want, "{allowed} {origin}");
        }
        for bad in [
            "",
            "null",
            "app.example",
            "http://",
            "http://a/b",
            "http://u@a",
            "http://*.a",
            "*",
        ] {
            assert_eq!(Origins::parse(&[bad.to_owned()], false).unwrap_err(), bad);
        }
        assert!(
            Origins::parse(&["*".to_owned()], true)
                .unwrap()
                .allow("http://any.example")
        );
    }
}
