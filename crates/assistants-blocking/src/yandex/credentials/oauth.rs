//! IAM tokens, exchanged for the OAuth token of an account.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Options;
use crate::auth::api_key::ApiKey;
use crate::auth::authorization::FixedBearer;
use crate::auth::token::{Source, Token};
use crate::call::request::Request;
use crate::call::url::BaseUrl;
use crate::error::{DecodeError, Result};
use crate::http::conventions::Conventions;
use crate::http::endpoint::Endpoint;
use crate::http::watch::Watch;

/// The limit on one attempt at an exchange.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The IAM service, and the OAuth token that it exchanges.
pub(super) struct Exchange {
    iam: Endpoint,
    oauth: ApiKey,
}

impl Exchange {
    pub(super) fn new(server: &Endpoint, iam: &BaseUrl, oauth: ApiKey) -> Result<Self> {
        Ok(Self {
            iam: server.sibling(iam.clone(), Arc::new(FixedBearer(None)), Conventions::Yandex)?,
            oauth,
        })
    }
}

impl Source for Exchange {
    fn fetch(&self, watch: &Watch) -> Result<Token> {
        // A retry is safe: it only returns another token, or the same one.
        let request = Request::new("POST", "/iam/v1/tokens", &[])
            .json(&json!({"yandexPassportOauthToken": self.oauth.expose()}))
            .read_only()
            .carries(&self.oauth);
        let options = Options::within(watch).timeout(TIMEOUT);
        let response = self.iam.execute(&request, &options)?;
        read(&response.body, "iamToken", |body| {
            let end = OffsetDateTime::parse(body.get("expiresAt")?.as_str()?, &Rfc3339).ok()?;
            Some(Duration::try_from(end - OffsetDateTime::now_utc()).unwrap_or_default())
        })
        .ok_or_else(|| DecodeError::hidden(request.what(), "iamToken").into())
    }

    fn origin(&self) -> &'static str {
        "it was sent an iam token made from the oauth token"
    }
}

/// Reads the token in the body of a response.
pub(super) fn read(body: &[u8], member: &str, lifetime: impl Fn(&Value) -> Option<Duration>) -> Option<Token> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let key = ApiKey::new(body.get(member)?.as_str()?.trim()).ok()?;
    Some(Token::new(key, lifetime(&body)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn reads_a_token_and_shows_nothing_of_a_broken_response() {
        let lifetime = |_: &Value| Some(Duration::from_secs(5));
        let token = read(br#"{"iamToken":"t1.x\n"}"#, "iamToken", lifetime).unwrap();
        assert_eq!(
            (token.key.expose(), token.lifetime),
            ("t1.x", Some(Duration::from_secs(5)))
        );
        for broken in [
            "",
            "{",
            "[]",
            r#"{"iamToken":3}"#,
            r#"{"iamToken":""}"#,
            r#"{"iamToken":"a\nb"}"#,
        ] {
            assert!(read(broken.as_bytes(), "iamToken", lifetime).is_none(), "{broken}");
        }
        let error: Error = DecodeError::hidden("POST /iam/v1/tokens".into(), "iamToken").into();
        assert_eq!(
            error.to_string(),
            "POST /iam/v1/tokens: unexpected json at `iamToken`, near `(not shown)`"
        );
    }
}
