//! The certificate of an https peer.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A self-signed certificate for 127.0.0.1 and example.test, which no name server knows; its PEM form is for the
/// client to trust.
pub(crate) fn self_signed() -> (Arc<ServerConfig>, String) {
    let names = ["127.0.0.1".to_owned(), "example.test".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate for plain names");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("certificate and key belong together");
    (Arc::new(config), made.cert.pem())
}
