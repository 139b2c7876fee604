//! The protocols between this server and upstream servers.

use serde::Deserialize;

/// The protocol that an upstream server is asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// Chat completions, which nearly all servers support.
    Chat,
    /// Responses, without storage at the server. Reasoning models of OpenAI call functions only over this protocol.
    Responses,
}

impl Dialect {
    /// Returns the default for the server at a host and path.
    #[must_use]
    pub fn of_server(host: &str, path: &str) -> Self {
        let is_azure = host == "azure.com" || host.ends_with(".azure.com");
        // Azure has responses below `/openai/v1`, and nothing but chat completions below the paths of deployments.
        if host == "api.openai.com" || (is_azure && path.trim_end_matches('/').ends_with("/openai/v1")) {
            Self::Responses
        } else {
            Self::Chat
        }
    }
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
        })
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "chat" => Ok(Self::Chat),
            "responses" => Ok(Self::Responses),
            _ => Err(format!("'{name}' is not a dialect: chat, responses")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_depends_on_the_server() {
        for (host, path, want) in [
            ("api.openai.com", "/v1", Dialect::Responses),
            ("me.openai.azure.com", "/openai/v1/", Dialect::Responses),
            ("me.services.ai.azure.com", "/openai/v1", Dialect::Responses),
            ("me.openai.azure.com", "/openai/deployments/d", Dialect::Chat),
            ("notopenai.com", "/v1", Dialect::Chat),
            ("evilazure.com", "/openai/v1", Dialect::Chat),
            ("127.0.0.1", "/v1", Dialect::Chat),
        ] {
            assert_eq!(Dialect::of_server(host, path), want, "{host}{path}");
        }
    }

    #[test]
    fn a_name_is_read_in_both_ways() {
        for (name, want) in [("chat", Dialect::Chat), ("responses", Dialect::Responses)] {
            assert_eq!(name.parse(), Ok(want));
            assert_eq!(want.to_string(), name);
            assert_eq!(serde_json::from_str::<Dialect>(&format!("\"{name}\"")).unwrap(), want);
        }
        assert!("messages".parse::<Dialect>().is_err());
    }
}
