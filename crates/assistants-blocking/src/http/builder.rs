//! The settings that the builders of both clients have in common.

/// Defines the setters that do not depend on the provider. The builder has the fields `options`, the defaults of
/// calls, and `config`, an [`EndpointConfig`](crate::http::config::EndpointConfig).
macro_rules! builder_setters {
    () => {
        $crate::call::options::default_setters!();

        /// Limits the time to connect to the server. Default: 5 seconds.
        pub fn connect_timeout(mut self, limit: std::time::Duration) -> Self {
            self.config.connect_timeout = limit;
            self
        }

        /// Connects through this proxy instead of that of the environment; a server on this machine is still reached
        /// directly. The address is `http://host:port` or `https://host:port`, with `user:password@` before the host if the
        /// proxy requires them; a SOCKS proxy is rejected.
        ///
        /// See also the chapter [Proxies and TLS](crate::guide::proxies).
        pub fn proxy(mut self, url: impl Into<String>) -> Self {
            self.config.transport.proxy = crate::http::proxy::ProxyChoice::Url(url.into());
            self
        }

        /// Uses no proxy, not even that of the environment.
        pub fn no_proxy(mut self) -> Self {
            self.config.transport.proxy = crate::http::proxy::ProxyChoice::Off;
            self
        }

        /// Allows plain `http` to other machines. Everything, including keys, can be read on the way.
        pub fn allow_http(mut self, allow: bool) -> Self {
            self.config.transport.allow_plain_http = allow;
            self
        }

        /// Sets the TLS library and the certificates that it trusts. A backend whose feature is disabled is an
        /// [`Error::Unsupported`](crate::Error::Unsupported) at `build`. Default: [`TlsBackend::Rustls`](crate::TlsBackend::Rustls)
        /// with the feature `rustls`.
        ///
        /// See also the chapter [Proxies and TLS](crate::guide::proxies).
        pub fn tls_backend(mut self, backend: crate::TlsBackend) -> Self {
            self.config.transport.tls = Some(backend);
            self
        }

        /// Trusts only this certificate authority, and others that are added; in PEM or DER form.
        ///
        /// # Errors
        ///
        /// [`Error::Config`](crate::Error::Config) if it contains no certificate, [`Error::Unsupported`](crate::Error::Unsupported) in a build without TLS.
        pub fn root_certificate(mut self, pem_or_der: &[u8]) -> crate::error::Result<Self> {
            self.config.transport.add_root_certificates(pem_or_der)?;
            Ok(self)
        }

        /// Limits the body of a response, in bytes; streams have no such limit. Default: 100 MiB.
        pub fn max_body_bytes(mut self, bytes: usize) -> Self {
            self.config.max_body_bytes = bytes;
            self
        }

        /// Limits the lines of a stream of events, in bytes. Default: 16 MiB.
        pub fn max_line_bytes(mut self, bytes: usize) -> Self {
            self.config.max_line_bytes = bytes;
            self
        }

        /// Limits the events or messages of a stream, in bytes. Default: 64 MiB.
        pub fn max_event_bytes(mut self, bytes: usize) -> Self {
            self.config.max_event_bytes = bytes;
            self
        }

        /// Calls `observer` before each wait for another attempt.
        pub fn on_retry(mut self, observer: impl Fn(&crate::Retry<'_>) + Send + Sync + 'static) -> Self {
            self.config.on_retry = Some(std::sync::Arc::new(observer));
            self
        }
    };
}

pub(crate) use builder_setters;
