//! The keys of other servers.

use std::env;

/// Returns the key in an environment variable, if one is named. `server` is for the error.
pub(super) fn of(variable: Option<String>, server: &str) -> Result<Option<String>, String> {
    let read = |variable: String| {
        env::var(&variable).map_err(|error| format!("{server}: the key variable {variable}: {error}"))
    };
    variable.map(read).transpose()
}
