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

/// Where virtual machines find the service.
const ADDRESS: &str = "169.254.169.254";

/// How long an answer may take, and all attempts together.
const PATIENCE: Duration = Duration::from_secs(1);

/// The metadata service of this machine.
pub(super) struct Service {
    endpoint: Endpoint,
}

impl Service {
    /// A service at `host` or `host:port`; without, at the usual place.
    pub(super) fn new(address: Option<&str>) -> Result<Self> {
        let base = BaseUrl::parse(&format!("http://{}", address.unwrap_or(ADDRESS)))?;
        let config = EndpointConfig {
            conventions: Conventions::Plain,
            // It is on this machine or on the one that hosts it, and speaks nothing else.
            transport: TransportOptions {
                allow_plain_http: true,
                proxy: ProxyChoice::Off,
                ..TransportOptions::default()
            },
            connect_timeout: PATIENCE,
            max_body_bytes: 64 * 1024,
            ..EndpointConfig::default()
        };
        Ok(Self {
            endpoint: Endpoint::new(base, Arc::new(FixedBearer(None)), config)?,
        })
    }

    /// Asks once, for no longer than `patience`: nobody waits for a service that is not there.
    pub(super) fn probe(&self, patience: Duration) -> Result<Token> {
        self.ask(&Options::new().deadline(patience).max_retries(0))
    }

    fn ask(&self, options: &Options) -> Result<Token> {
        let request = Request::new(
            "GET",
            "/computeMetadata/v1/instance/service-accounts/default/token",
            &[],
        )
        .confidential();
        let options = options.clone().header("Metadata-Flavor", "Google");
        let answer = self.endpoint.execute(&request, &options)?;
        read(&answer.body, "access_token", |answer| {
            Some(Duration::from_secs(answer.get("expires_in")?.as_f64()?.max(0.0) as u64))
        })
        .ok_or_else(|| DecodeError::hidden(request.what(), "access_token").into())
    }
}

impl Source for Service {
    fn fetch(&self, watch: &Watch) -> Result<Token> {
        self.ask(&Options::within(watch).timeout(PATIENCE))
    }

    fn origin(&self) -> &'static str {
        "it was sent the token of the machine's service account"
    }
}
