//! TLS: the library and the certificates.

use crate::error::{Error, Result};

/// The TLS library of the features: `native-tls`, which no one enables by accident, takes precedence over the default.
/// `roots` are the certificates to trust, in DER form; if there are none, those of the library or the system.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(crate) fn config(roots: &[Vec<u8>]) -> ureq::tls::TlsConfig {
    use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

    let system = cfg!(any(feature = "native-tls", feature = "platform-verifier"));
    let roots = if !roots.is_empty() {
        roots.iter().map(|der| Certificate::from_der(der).to_owned()).into()
    } else if system {
        RootCerts::PlatformVerifier
    } else {
        RootCerts::WebPki
    };
    let provider = if cfg!(feature = "native-tls") {
        TlsProvider::NativeTls
    } else {
        TlsProvider::Rustls
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
