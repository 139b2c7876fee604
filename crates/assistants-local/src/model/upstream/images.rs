//! Images of messages, in the form that the upstream server accepts.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::model::{Failure, ImageSource};

/// The largest image that is sent, in bytes.
const MAX_BYTES: u64 = 20 * 1024 * 1024;

/// How long fetching an image may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Returns a URL of the image: that of the user, or a `data:` URL for a file.
pub(super) fn url(source: &ImageSource) -> Result<String, Failure> {
    match source {
        ImageSource::Url(url) => Ok(url.clone()),
        ImageSource::File { path, name } => file(path, name),
    }
}

/// Returns a `data:` URL of the image, which is fetched if it is elsewhere.
pub(super) fn data_url(source: &ImageSource) -> Result<String, Failure> {
    match source {
        ImageSource::Url(url) if url.starts_with("data:") => Ok(url.clone()),
        ImageSource::Url(url) => fetch(url, is_public),
        ImageSource::File { path, name } => file(path, name),
    }
}

fn file(path: &Path, name: &str) -> Result<String, Failure> {
    let failed = |reason: String| invalid(format!("The image '{name}' could not be read: {reason}"));
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.to_string()))?;
    encode(&bytes).map_err(failed)
}

/// Fetches an image. `may_connect` decides about each address that the host, or a redirect, leads to.
fn fetch(url: &str, may_connect: fn(IpAddr) -> bool) -> Result<String, Failure> {
    let failed = |reason: String| invalid(format!("The image at '{url}' could not be fetched: {reason}"));
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(3)
        // A proxy would resolve the host itself.
        .proxy(None)
        .build();
    let resolver = Restricted {
        may_connect,
        inner: DefaultResolver::default(),
    };
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
    let mut response = agent.get(url).call().map_err(|error| failed(error.to_string()))?;
    let bytes = response.body_mut().with_config().limit(MAX_BYTES).read_to_vec();
    encode(&bytes.map_err(|error| failed(error.to_string()))?).map_err(failed)
}

/// Resolves hosts to permitted addresses only. The connection is made to an address that was checked, so a host cannot
/// change its mind in between.
#[derive(Debug)]
struct Restricted {
    may_connect: fn(IpAddr) -> bool,
    inner: DefaultResolver,
}

impl Resolver for Restricted {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut permitted = self.empty();
        for address in found.iter().filter(|address| (self.may_connect)(address.ip())) {
            permitted.push(*address);
        }
        if permitted.is_empty() {
            return Err(ureq::Error::BadUri("the address is not public".to_owned()));
        }
        Ok(permitted)
    }
}

/// Whether an address is one of the public internet. Others can be services that only this machine or its network reaches.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped().or_else(|| translated(address)) {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

/// The IPv4 address within an address of NAT64 (RFC 6052).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else {
        return None;
    };
    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

/// The special-purpose addresses of RFC 6890 and its updates are not public.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (18..20).contains(&second)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is assigned for global unicast; documentation, Teredo and 6to4 lie within.
    (0x2000..0x4000).contains(&first) && !(first == 0x2001 && (second == 0xdb8 || second < 0x200)) && first != 0x2002
}

fn encode(bytes: &[u8]) -> Result<String, String> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    let kind = kind(bytes).ok_or("it is neither PNG, JPEG, GIF nor WebP")?;
    Ok(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
}

/// The media type by the first bytes.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn invalid(message: String) -> Failure {
    Failure::new("invalid_prompt", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    #[test]
    fn only_public_addresses_are_public() {
        for address in ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    /// Serves one response, and returns the URL for it.
    fn serve(response: Vec<u8>) -> (String, std::thread::JoinHandle<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/image", listener.local_addr().unwrap());
        listener.set_nonblocking(false).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            let read = stream.read(&mut head).unwrap();
            stream.write_all(&response).unwrap();
            read > 0
        });
        (url, server)
    }

    #[test]
    fn an_image_becomes_a_data_url() {
        let mut response = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n".to_vec();
        response.extend_from_slice(b"\x89PNG\r\n\x1a\n");
        let (url, server) = serve(response);
        let data = fetch(&url, |_| true).unwrap();
        assert_eq!(data, "data:image/png;base64,iVBORw0KGgo=");
        assert!(server.join().unwrap());
    }

    #[test]
    fn a_private_address_is_not_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/image", listener.local_addr().unwrap());
        let Failure::Failed { code, message } = data_url(&ImageSource::Url(url)).unwrap_err() else {
            panic!("stopped");
        };
        assert_eq!(code, "invalid_prompt");
        assert!(message.contains("not public"), "{message}");
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "something connected");
    }

    #[test]
    fn what_is_no_image_is_not_sent() {
        assert!(encode(b"<html>").is_err());
        assert!(encode(&vec![0xff; usize::try_from(MAX_BYTES).unwrap() + 1]).is_err());
    }
}
