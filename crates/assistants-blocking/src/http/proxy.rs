//! The proxy of the connections: set by the builder or by the environment.

use std::ffi::OsString;

use percent_encoding::percent_decode_str;
use ureq::{Proxy, ProxyProtocol};
use url::Url;

use crate::error::{Error, Result};

/// The proxy to use. A server on this machine is always reached without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProxyChoice {
    /// The first of `ALL_PROXY`, `HTTPS_PROXY` and `HTTP_PROXY`, with the exceptions of `NO_PROXY`.
    Environment,
    /// No proxy.
    Off,
    /// The proxy at this URL.
    Url(String),
}

impl ProxyChoice {
    /// The chosen proxy; `variable` reads the environment.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for an invalid URL, which is not quoted because it may contain a password.
    pub(crate) fn resolve(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<Proxy>> {
        match self {
            Self::Environment => from_environment(variable),
            Self::Off => Ok(None),
            Self::Url(url) => {
                let proxy = parse(url, &[]).ok_or_else(|| Error::config("the proxy url is not valid"))?;
                Ok(Some(proxy))
            }
        }
    }
}

/// The first variable with a valid URL decides.
fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<Proxy>> {
    const NAMES: [&str; 6] = [
        "ALL_PROXY",
        "all_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
    ];
    let text = |name: &str| variable(name)?.into_string().ok();
    let exceptions = ["NO_PROXY", "no_proxy"].into_iter().find_map(text).unwrap_or_default();
    let exceptions: Vec<&str> = exceptions.split(',').filter(|entry| !entry.is_empty()).collect();
    let mut invalid = None;
    for name in NAMES {
        if variable(name).is_none_or(|value| value.is_empty()) {
            continue;
        }
        match text(name).and_then(|url| parse(&url, &exceptions)) {
            Some(proxy) => return Ok(Some(proxy)),
            None => invalid = invalid.or(Some(name)),
        }
    }
    match invalid {
        None => Ok(None),
        Some(name) => Err(Error::config(format!("{name} is not a valid proxy url"))),
    }
}

/// A proxy from its URL, whose scheme may be missing. It is not used for the hosts of `exceptions`, in the forms that ureq
/// supports.
fn parse(text: &str, exceptions: &[&str]) -> Option<Proxy> {
    let url = match Url::parse(text) {
        Ok(url) if url.has_host() => url,
        // `proxy:3128` parses as a scheme with a path.
        _ if !text.contains("://") => Url::parse(&format!("http://{text}")).ok()?,
        _ => return None,
    };
    let protocol = match url.scheme() {
        "http" => ProxyProtocol::Http,
        "https" => ProxyProtocol::Https,
        "socks4" => ProxyProtocol::Socks4,
        "socks4a" => ProxyProtocol::Socks4A,
        "socks" | "socks5" => ProxyProtocol::Socks5,
        "socks5h" => ProxyProtocol::Socks5h,
        _ => return None,
    };
    let decoded = |text| percent_decode_str(text).decode_utf8().ok();
    let mut proxy = Proxy::builder(protocol).host(url.host_str()?);
    if let Some(port) = url.port() {
        proxy = proxy.port(port);
    }
    if !url.username().is_empty() || url.password().is_some() {
        proxy = proxy.username(&decoded(url.username())?);
    }
    if let Some(password) = url.password() {
        proxy = proxy.password(&decoded(password)?);
    }
    let proxy = exceptions.iter().fold(proxy, |proxy, host| proxy.no_proxy(host));
    proxy.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protocol, credentials, host and port.
    fn shown(proxy: &Proxy) -> String {
        let (username, password) = (proxy.username().unwrap_or("-"), proxy.password().unwrap_or("-"));
        format!(
            "{} {username} {password} {} {}",
            proxy.protocol().to_string().to_lowercase(),
            proxy.host(),
            proxy.port()
        )
    }

    #[test]
    fn reads_urls_with_and_without_a_scheme() {
        for (url, want) in [
            ("http://proxy:3128", "http - - proxy 3128"),
            ("proxy:3128", "http - - proxy 3128"),
            ("127.0.0.1:3128", "http - - 127.0.0.1 3128"),
            ("proxy", "http - - proxy 80"),
            ("https://proxy", "https - - proxy 443"),
            ("http://a%40b:c%3Ad@proxy:1/", "http a@b c:d proxy 1"),
            ("a:b@proxy:1", "http a b proxy 1"),
            ("http://[::1]:3128", "http - - [::1] 3128"),
            ("socks5://proxy:1080", "socks5 - - proxy 1080"),
        ] {
            assert_eq!(
                parse(url, &[]).map(|proxy| shown(&proxy)).as_deref(),
                Some(want),
                "{url}"
            );
        }
        for url in ["", "ftp://proxy", "http://", "http://a b", "http://%ff:x@proxy"] {
            assert!(parse(url, &[]).is_none(), "{url}");
        }
    }

    #[test]
    fn the_first_valid_variable_decides() {
        let from = |pairs: &[(&str, &str)]| {
            let proxy = from_environment(|name| {
                let found = pairs.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| OsString::from(value))
            });
            proxy.map(|proxy| proxy.as_ref().map(shown))
        };
        assert_eq!(from(&[]).unwrap(), None);
        assert_eq!(from(&[("ALL_PROXY", "")]).unwrap(), None);
        let found = from(&[("http_proxy", "a:1"), ("HTTPS_PROXY", "b:2")]).unwrap();
        assert_eq!(found.as_deref(), Some("http - - b 2"));
        let found = from(&[("ALL_PROXY", "ftp://a"), ("HTTP_PROXY", "b:2")]).unwrap();
        assert_eq!(found.as_deref(), Some("http - - b 2"));
        let error = from(&[("HTTPS_PROXY", "http://user:hush@"), ("HTTP_PROXY", "ftp://b")]).unwrap_err();
        assert_eq!(error.to_string(), "HTTPS_PROXY is not a valid proxy url");
    }

    #[test]
    fn exceptions_are_those_of_the_environment() {
        let proxy = from_environment(|name| match name {
            "HTTP_PROXY" => Some("proxy:1".into()),
            "no_proxy" => Some("example.org,.internal".into()),
            _ => None,
        });
        let proxy = proxy.unwrap().unwrap();
        for (url, want) in [
            ("http://example.org/", true),
            ("http://a.internal/", true),
            ("http://example.com/", false),
        ] {
            assert_eq!(proxy.is_no_proxy(&url.parse().unwrap()), want, "{url}");
        }
    }
}
