//! The URLs of requests: a base URL, a path and a query.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, ParseError, Url};

use crate::auth::secrets::Secrets;
use crate::error::{Error, Result};

/// All but the unreserved characters are encoded in names and values of a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address of a client, to which paths are appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// Scheme, host, port and path.
    url: Url,
    /// The same as text, without a slash at the end. Formatted once, because the URL of every request begins with it.
    address: String,
    /// What followed `?`, for example `api-version=2024-05-01-preview`. It is sent with every request.
    query: Option<String>,
}

impl BaseUrl {
    /// Parses an absolute `http` or `https` URL, with or without a slash at the end.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for anything else, including a URL with a user name, a password or a fragment.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        // Not quoted, because it may contain a password.
        let fault = |fault: &str| Error::config(format!("base url: {fault}"));
        let url = url.trim();
        if url.is_empty() {
            return Err(fault("is empty"));
        }
        let url = Url::parse(url).map_err(|error| match error {
            ParseError::RelativeUrlWithoutBase | ParseError::EmptyHost => {
                fault("needs a scheme and a host, for example `https://api.openai.com/v1`")
            }
            _ => fault("is not a url"),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(fault(&format!("`{}` is neither http nor https", url.scheme())));
        }
        if url.fragment().is_some() {
            return Err(fault("has a fragment (`#`)"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fault("holds credentials; give them as the api key"));
        }
        Ok(Self::of(url))
    }

    /// A base for the file at `url`, and the path of that file. The query becomes part of the base, which no message shows.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(crate) fn of_file(url: &str) -> Result<(Self, String)> {
        let Self { mut url, query, .. } = Self::parse(url)?;
        let path = url.path().to_owned();
        url.set_path("");
        Ok((Self { query, ..Self::of(url) }, path))
    }

    fn of(mut url: Url) -> Self {
        let query = url.query().filter(|query| !query.is_empty()).map(str::to_owned);
        url.set_query(None);
        Self {
            address: url.as_str().trim_end_matches('/').to_owned(),
            url,
            query,
        }
    }

    /// Adds the secrets in its query.
    pub(crate) fn add_secrets(&self, secrets: &mut Secrets) {
        for part in parts(self.query.as_deref()) {
            let value = part.split_once('=').map_or("", |(_, value)| value);
            secrets.add_named(&name_of(part), &percent_decode_str(value).decode_utf8_lossy());
        }
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The name or address of the server; an address of IPv6 in brackets.
    pub(crate) fn host(&self) -> &str {
        // Never empty: the URL standard gives every http and https URL a host, and `parse` takes no other scheme.
        self.url.host_str().unwrap_or_default()
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    /// The address without the query, as it can be shown.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The part of the address behind the host; empty without one.
    pub(crate) fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// The same with `path`, which begins with a slash, at its end.
    pub(crate) fn below(self, path: &str) -> Self {
        let mut url = self.url;
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        Self {
            query: self.query,
            ..Self::of(url)
        }
    }

    /// The same with this parameter in the query of every request, instead of one of that name.
    pub(crate) fn with_parameter(mut self, name: &str, value: &str) -> Self {
        let mut query: Vec<String> = parts(self.query.as_deref())
            .filter(|part| name_of(part) != name)
            .map(str::to_owned)
            .collect();
        query.push(pair(name, value));
        self.query = Some(query.join("&"));
        self
    }

    /// The URL of `path` with the query of the base, that of the client (`usual`), that of the path and that of the
    /// call (`query`). A name that is in the last two leaves the first two out, one of the client's the base's, and one of
    /// the call's the path's.
    ///
    /// `path` is encoded already (see [`fill_path`](assistants_types::fill_path)); a slash at its front may be missing, and it may bring a query.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the path contains a character that no URL may contain.
    pub(crate) fn url(&self, path: &str, usual: &[(String, String)], query: &[(String, String)]) -> Result<String> {
        let (path, own_query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\' | b'^');
        if !path.bytes().chain(own_query.unwrap_or_default().bytes()).all(allowed) {
            return Err(Error::config(format!(
                "path `{}`: has characters that need encoding",
                path.escape_debug()
            )));
        }
        let mut url = String::with_capacity(self.address.len() + path.len() + 64);
        url.push_str(&self.address);
        if !path.starts_with('/') {
            url.push('/');
        }
        url.push_str(path);
        let mut separator = '?';
        let mut push = |part: &str| {
            url.push(separator);
            url.push_str(part);
            separator = '&';
        };
        let among = |parameters: &[(String, String)], name: &str| parameters.iter().any(|(other, _)| other == name);
        let called_for = |name: &str| parts(own_query).any(|part| name_of(part) == name) || among(query, name);
        for part in parts(self.query.as_deref()) {
            let name = name_of(part);
            if !called_for(&name) && !among(usual, &name) {
                push(part);
            }
        }
        for (name, value) in usual {
            if !called_for(name) {
                push(&pair(name, value));
            }
        }
        parts(own_query)
            .filter(|part| !among(query, &name_of(part)))
            .for_each(&mut push);
        for (name, value) in query {
            push(&pair(name, value));
        }
        Ok(url)
    }
}

/// Whether a host is this machine: `localhost`, 127.0.0.0/8 or `::1`, as spelled, without a lookup.
pub(crate) fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

/// The parameters of an encoded query.
fn parts(query: Option<&str>) -> impl Iterator<Item = &str> {
    query.unwrap_or_default().split('&').filter(|part| !part.is_empty())
}

/// The name of an encoded parameter.
fn name_of(part: &str) -> Cow<'_, str> {
    percent_decode_str(part.split('=').next().unwrap_or_default()).decode_utf8_lossy()
}

/// The parameters that a client or a caller added to those of the operation. No other server than that of the client gets
/// them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwnQuery<'a> {
    pub(crate) base: Option<&'a BaseUrl>,
    pub(crate) client: &'a [(String, String)],
    pub(crate) call: &'a [(String, String)],
}

impl OwnQuery<'_> {
    /// Removes them from an encoded query; `None` if nothing is left.
    pub(crate) fn take_out(&self, query: &str) -> Option<String> {
        let base = self.base.and_then(|base| base.query.as_deref());
        let own: Vec<Cow<'_, str>> = parts(base)
            .map(Cow::from)
            .chain(
                self.client
                    .iter()
                    .chain(self.call)
                    .map(|(name, value)| pair(name, value).into()),
            )
            .collect();
        let is_own = |part: &&str| own.iter().any(|own| decoded(own) == decoded(part));
        let left: Vec<&str> = parts(Some(query)).filter(|part| !is_own(part)).collect();
        (!left.is_empty()).then(|| left.join("&"))
    }
}

/// An encoded parameter as its recipient decodes it.
fn decoded(part: &str) -> String {
    percent_decode_str(&part.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

fn pair(name: &str, value: &str) -> String {
    format!(
        "{}={}",
        utf8_percent_encode(name, UNRESERVED),
        utf8_percent_encode(value, UNRESERVED)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        parameters.iter().map(owned).collect()
    }

    #[test]
    fn keeps_the_base_path_and_query() {
        for (base, path, want) in [
            (
                "https://api.openai.com/v1",
                "/threads",
                "https://api.openai.com/v1/threads",
            ),
            (
                "https://api.openai.com/v1/",
                "/threads",
                "https://api.openai.com/v1/threads",
            ),
            (
                "https://api.openai.com/v1//",
                "threads",
                "https://api.openai.com/v1/threads",
            ),
            (
                "http://127.0.0.1:8080",
                "/v1/threads",
                "http://127.0.0.1:8080/v1/threads",
            ),
            (" http://[::1]:8080/ ", "/threads", "http://[::1]:8080/threads"),
            (
                "https://x.openai.azure.com/openai/v1?api-version=2024-05-01-preview",
                "/threads",
                "https://x.openai.azure.com/openai/v1/threads?api-version=2024-05-01-preview",
            ),
            ("https://h/v1/?a=b", "/c?d=e", "https://h/v1/c?a=b&d=e"),
            ("https://h/v1?", "/c?", "https://h/v1/c"),
            ("HTTPS://H/v1", "/c", "https://h/v1/c"),
            ("https://h:443/v1", "/c", "https://h/v1/c"),
            ("https://h:8443/a/../v1", "/c", "https://h:8443/v1/c"),
            (
                "https://bücher.example/v é",
                "/c",
                "https://xn--bcher-kva.example/v%20%C3%A9/c",
            ),
        ] {
            assert_eq!(
                BaseUrl::parse(base).unwrap().url(path, &[], &[]).unwrap(),
                want,
                "{base} + {path}"
            );
        }
    }

    #[test]
    fn encodes_the_query() {
        let base = BaseUrl::parse("https://h/v1?a=b").unwrap();
        let given = query(&[
            ("include[]", "step_details.tool_calls[*]"),
            ("q", "a b&c=d/é"),
            ("e", ""),
        ]);
        assert_eq!(
            base.url("/runs", &[], &given).unwrap(),
            "https://h/v1/runs?a=b&include%5B%5D=step_details.tool_calls%5B%2A%5D&q=a%20b%26c%3Dd%2F%C3%A9&e="
        );
        assert_eq!(
            BaseUrl::parse("https://h")
                .unwrap()
                .url("/runs", &[], &query(&[("limit", "2")]))
                .unwrap(),
            "https://h/runs?limit=2"
        );
    }

    #[test]
    fn a_parameter_of_the_call_replaces_those_of_the_client_and_of_the_base() {
        let base = BaseUrl::parse("https://h?version=base&kept=base&x%5B%5D=1&x%5B%5D=2").unwrap();
        let usual = query(&[("version", "client"), ("trace", "client"), ("trace", "again")]);
        for (path, own, want) in [
            (
                "/a",
                query(&[]),
                "kept=base&x%5B%5D=1&x%5B%5D=2&version=client&trace=client&trace=again",
            ),
            (
                "/a",
                query(&[("version", "call"), ("x[]", "3"), ("x[]", "4")]),
                "kept=base&trace=client&trace=again&version=call&x%5B%5D=3&x%5B%5D=4",
            ),
            (
                "/a?trace=path&kept=path",
                query(&[]),
                "x%5B%5D=1&x%5B%5D=2&version=client&trace=path&kept=path",
            ),
            (
                "/a?limit=20&x=y",
                query(&[("limit", "5")]),
                "kept=base&x%5B%5D=1&x%5B%5D=2&version=client&trace=client&trace=again&x=y&limit=5",
            ),
        ] {
            assert_eq!(base.url(path, &usual, &own).unwrap(), format!("https://h/a?{want}"));
        }
    }

    #[test]
    fn refuses_what_is_no_base_url_without_quoting_secrets() {
        for (base, want) in [
            ("", "is empty"),
            ("api.openai.com", "needs a scheme and a host"),
            ("/v1", "needs a scheme and a host"),
            ("https://", "needs a scheme and a host"),
            ("https:// /v1", "is not a url"),
            ("ftp://h/v1", "neither http nor https"),
            ("localhost:8080/v1", "neither http nor https"),
            ("https://h/v1#top", "fragment"),
            ("https://user:hush@h/v1", "credentials"),
        ] {
            let message = BaseUrl::parse(base).unwrap_err().to_string();
            assert!(message.contains(want), "{base:?}: {message}");
            assert!(!message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn a_url_of_a_file_is_an_origin_with_a_query_and_a_path() {
        let (base, path) = BaseUrl::of_file("https://h:8443/bucket/a%20b?sig=s%2B&x=1").unwrap();
        assert_eq!((base.address(), path.as_str()), ("https://h:8443", "/bucket/a%20b"));
        assert_eq!(
            base.url(&path, &[], &[]).unwrap(),
            "https://h:8443/bucket/a%20b?sig=s%2B&x=1"
        );
        assert!(BaseUrl::of_file("/bucket/a").is_err());
    }

    #[test]
    fn knows_this_machine() {
        for (host, want) in [
            ("localhost", true),
            ("LocalHost", true),
            ("127.0.0.1", true),
            ("127.8.9.1", true),
            ("[::1]", true),
            ("localhost.example.org", false),
            ("example.org", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("[::2]", false),
            ("127.0.0.1.example.org", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), want, "{host}");
        }
    }

    #[test]
    fn refuses_a_path_that_no_url_can_hold() {
        let base = BaseUrl::parse("https://h/v1").unwrap();
        for path in ["/a b", "/a\r\nHost: x", "/é", "/a#b", "/a?b c"] {
            assert!(matches!(base.url(path, &[], &[]), Err(Error::Config(_))), "{path:?}");
        }
    }
}
