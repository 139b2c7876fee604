//! Tokens of the service account of a virtual machine.

use std::sync::Arc;
use std::time::Duration;

use super::oauth::read;
use crate::Options;
use crate::auth::authorization::FixedBearer;
use crate::auth::token::{Source, Token};
use crate::call::request::Request;
use crate::call::url::BaseUrl;
use crate::error::{DecodeError, Result};
use crate::http::config::EndpointConfig;
use crate::http::conventions::Conventions;
use crate::http::endpoint::Endpoint;
use crate::http::proxy::ProxyChoice;
use crate::http::transport::TransportOptions;
use crate::http::watch::Watch;

/// The address of the service on every virtual machine.
const ADDRESS: &str = "169.254.169.254";

/// The limit on connecting, and on one attempt.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The metadata service of this machine.
pub(super) struct Service {
    endpoint: Endpoint,
}

impl Service {
    /// A service at `host` or `host:port`; `None` is the usual address.
    pub(super) fn new(address: Option<&str>) -> Result<Self> {
        let base = BaseUrl::parse(&format!("http://{}", address.unwrap_or(ADDRESS)))?;
        let config = EndpointConfig {
            conventions: Conventions::Plain,
            // The service is on this machine or on its host, and supports only plain HTTP.
            transport: TransportOptions {
                allow_plain_http: true,
                proxy: ProxyChoice::Off,
                ..TransportOptions::default()
            },
            connect_timeout: TIMEOUT,
            max_body_bytes: 64 * 1024,
            ..EndpointConfig::default()
        };
        Ok(Self {
            endpoint: Endpoint::new(base, Arc::new(FixedBearer(None)), config)?,
        })
    }

    /// Requests a token once, for no longer than `limit`, because the service may not exist.
    pub(super) fn probe(&self, limit: Duration) -> Result<Token> {
        self.request(&Options::new().deadline(limit).max_retries(0))
    }

    fn request(&self, options: &Options) -> Result<Token> {
        let request = Request::new(
            "GET",
            "/computeMetadata/v1/instance/service-accounts/default/token",
            &[],
        )
        .confidential();
        let options = options.clone().header("Metadata-Flavor", "Google");
        let response = self.endpoint.execute(&request, &options)?;
        read(&response.body, "access_token", |body| {
            Some(Duration::from_secs(body.get("expires_in")?.as_f64()?.max(0.0) as u64))
        })
        .ok_or_else(|| DecodeError::hidden(request.what(), "access_token").into())
    }
}

impl Source for Service {
    fn fetch(&self, watch: &Watch) -> Result<Token> {
        self.request(&Options::within(watch).timeout(TIMEOUT))
    }

    fn origin(&self) -> &'static str {
        "it was sent the token of the machine's service account"
    }
}
