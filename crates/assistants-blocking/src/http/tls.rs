//! TLS: the library and the certificates.

use crate::error::{Error, Result};

/// The TLS library of a client, and the certificates that it trusts by default.
///
/// Set with [`ClientBuilder::tls_backend`](crate::openai::ClientBuilder::tls_backend). The default is [`Rustls`](Self::Rustls)
/// with the feature `rustls`, otherwise [`NativeTls`](Self::NativeTls); the other features do not change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsBackend {
    /// rustls with the root certificates of the public web, compiled in. Requires the feature `rustls`.
    Rustls,
    /// rustls with the certificates of the operating system. Requires the feature `platform-verifier`.
    PlatformVerifier,
    /// The library and the certificates of the operating system. Requires the feature `native-tls`.
    NativeTls,
}

impl Default for TlsBackend {
    fn default() -> Self {
        if cfg!(feature = "rustls") {
            Self::Rustls
        } else {
            Self::NativeTls
        }
    }
}

impl TlsBackend {
    /// Whether this build has it.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`], which names the feature.
    pub(crate) fn check(self) -> Result<()> {
        let (feature, enabled) = match self {
            Self::Rustls => ("rustls", cfg!(feature = "rustls")),
            Self::PlatformVerifier => ("platform-verifier", cfg!(feature = "platform-verifier")),
            Self::NativeTls => ("native-tls", cfg!(feature = "native-tls")),
        };
        if enabled {
            return Ok(());
        }
        Err(Error::unsupported(format!(
            "tls backend: needs the feature `{feature}` of assistants-blocking"
        )))
    }
}

/// The configuration of a backend. `roots` are the certificates to trust instead of the default ones, in DER form.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) fn config(backend: TlsBackend, roots: &[Vec<u8>]) -> ureq::tls::TlsConfig {
    use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

    let (provider, default_roots) = match backend {
        TlsBackend::Rustls => (TlsProvider::Rustls, RootCerts::WebPki),
        TlsBackend::PlatformVerifier => (TlsProvider::Rustls, RootCerts::PlatformVerifier),
        TlsBackend::NativeTls => (TlsProvider::NativeTls, RootCerts::PlatformVerifier),
    };
    let roots = if roots.is_empty() {
        default_roots
    } else {
        roots.iter().map(|der| Certificate::from_der(der).to_owned()).into()
    };
    TlsConfig::builder().provider(provider).root_certs(roots).build()
}

/// The certificates in a PEM text (any number) or a DER document (one), in DER form.
///
/// # Errors
///
/// [`Error::Config`] if there is no certificate in it, [`Error::Unsupported`] without a TLS feature.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) fn certificates(pem_or_der: &[u8]) -> Result<Vec<Vec<u8>>> {
    use ureq::tls::{PemItem, parse_pem};

    // DER begins with a SEQUENCE whose length takes two bytes or more.
    if matches!(pem_or_der, [0x30, 0x81..=0x84, ..]) {
        return Ok(vec![pem_or_der.to_vec()]);
    }
    let mut found = Vec::new();
    for item in parse_pem(pem_or_der) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate.der().to_vec()),
            Ok(_) => {}
            Err(_) => return Err(Error::config("root certificate: the pem text is broken")),
        }
    }
    if found.is_empty() {
        return Err(Error::config(
            "root certificate: neither der nor pem with a certificate in it",
        ));
    }
    Ok(found)
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
pub(crate) fn certificates(_: &[u8]) -> Result<Vec<Vec<u8>>> {
    Err(Error::unsupported(
        "root certificate: needs the feature `rustls` or `native-tls` of assistants-blocking",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_needs_its_feature() {
        for (backend, feature, enabled) in [
            (TlsBackend::Rustls, "rustls", cfg!(feature = "rustls")),
            (
                TlsBackend::PlatformVerifier,
                "platform-verifier",
                cfg!(feature = "platform-verifier"),
            ),
            (TlsBackend::NativeTls, "native-tls", cfg!(feature = "native-tls")),
        ] {
            match backend.check() {
                Ok(()) => assert!(enabled, "{backend:?}"),
                Err(error) => assert!(!enabled && error.to_string().contains(feature), "{error}"),
            }
        }
    }

    #[test]
    #[cfg(feature = "rustls")]
    fn other_features_do_not_change_the_default() {
        use ureq::tls::{RootCerts, TlsProvider};

        let config = config(TlsBackend::default(), &[]);
        assert_eq!(config.provider(), TlsProvider::Rustls);
        assert!(matches!(config.root_certs(), RootCerts::WebPki), "{config:?}");
    }
}
