//! Requests that make new credentials: what such an endpoint hands out outlives the grant, so that
//! a wildcard of a rule does not reach it.

use crate::route::path::Path;

/// Hosts, and paths by their segments; `*` is one segment. What follows such a path is meant too.
const TABLE: [(&str, &[&str]); 12] = [
    (
        "api.github.com",
        &[
            "user/keys",
            "user/gpg_keys",
            "user/ssh_signing_keys",
            "authorizations",
            "applications",
            "app/installations/*/access_tokens",
            "app-manifests",
            "repos/*/*/keys",
            "repos/*/*/actions/runners",
            "orgs/*/actions/runners",
            "orgs/*/personal-access-tokens",
        ],
    ),
    (
        "gitlab.com",
        &[
            "api/v4/user/keys",
            "api/v4/user/gpg_keys",
            "api/v4/user/personal_access_tokens",
            "api/v4/user/runners",
            "api/v4/users/*/personal_access_tokens",
            "api/v4/users/*/impersonation_tokens",
            "api/v4/personal_access_tokens",
            "api/v4/projects/*/access_tokens",
            "api/v4/projects/*/deploy_tokens",
            "api/v4/projects/*/deploy_keys",
            "api/v4/projects/*/triggers",
            "api/v4/groups/*/access_tokens",
            "api/v4/groups/*/deploy_tokens",
            "oauth",
        ],
    ),
    (
        "api.openai.com",
        &[
            "v1/organization/admin_api_keys",
            "v1/organization/projects/*/api_keys",
            "v1/organization/projects/*/service_accounts",
            "v1/realtime/client_secrets",
            "v1/realtime/sessions",
        ],
    ),
    ("api.anthropic.com", &["v1/organizations/api_keys", "v1/organizations/invites"]),
    ("api.stripe.com", &["v1/ephemeral_keys", "v1/apps/secrets", "v1/webhook_endpoints"]),
    ("registry.npmjs.org", &["-/npm/v1/tokens", "-/user"]),
    ("api.cloudflare.com", &["client/v4/user/tokens", "client/v4/accounts/*/tokens"]),
    ("api.digitalocean.com", &["v2/account/keys", "v2/oauth"]),
    ("api.heroku.com", &["oauth", "account/keys"]),
    ("slack.com", &["api/oauth.access", "api/oauth.v2.access", "api/tooling.tokens.rotate"]),
    ("api.bitbucket.org", &["2.0/users/*/ssh-keys", "2.0/repositories/*/*/deploy-keys"]),
    ("discord.com", &["api/oauth2", "api/v9/oauth2", "api/v10/oauth2"]),
];

/// Whether a request to a host makes a new credential there, as far as the table knows. Reading
/// makes none. A server may take letters of either case, and a slash at the end, for the same.
pub fn makes_credentials(host: &str, method: &str, path: &Path) -> bool {
    if matches!(method, "GET" | "HEAD" | "OPTIONS") {
        return false;
    }
    let given: Vec<&Vec<u8>> = path.segments().iter().filter(|s| !s.is_empty()).collect();
    let same = |(known, given): (&str, &&Vec<u8>)| {
        known == "*" || known.as_bytes().eq_ignore_ascii_case(given)
    };
    let leads = |known: &&str| {
        let count = known.split('/').count();
        given.len() >= count && known.split('/').zip(&given).all(same)
    };
    let of_host = TABLE.iter().filter(|(name, _)| *name == host);
    of_host.flat_map(|(_, paths)| paths.iter()).any(leads)
}
