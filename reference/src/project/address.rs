//! Addresses without credentials: what `git` has as a remote's, and what descriptors and overrides say.

/// An address that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub url: String,
    /// Whether something that may be a credential was taken out.
    pub cleaned: bool,
}

/// Why an address is not published. None of the texts holds the address: it may be all secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpublished {
    /// A path of this machine.
    #[error("it is a path of this machine, which says nothing to others")]
    Local,
    /// A transport that is a program, or none that is known.
    #[error("its transport is not http, https, ssh, git or ftp")]
    Transport,
    /// What is a user, a password and a host cannot be told.
    #[error("it cannot be told apart from credentials")]
    Unclear,
}

const TRANSPORTS: [&str; 10] =
    ["https", "http", "ssh", "git", "ftp", "ftps", "git+https", "git+http", "git+ssh", "ssh+git"];

/// Users that everybody has at a host are part of the address.
const SHARED_USER: &str = "git";

/// The address of a remote. User and password are left out, except for the user `git` of ssh; so are query and
/// fragment, where tokens stand. `host:path` becomes `ssh://host/path`.
///
/// # Errors
/// [`Unpublished`].
pub fn remote(text: &str) -> Result<Address, Unpublished> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(if text.contains("::") { Unpublished::Transport } else { Unpublished::Unclear });
    }
    let before_path = text.split('/').next().unwrap_or_default();
    if before_path.contains("::") {
        return Err(Unpublished::Transport);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return match text.split_once(':') {
            Some((host, path)) if before_path.contains(':') => of_ssh(host, path),
            _ => Err(Unpublished::Local),
        };
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "file" {
        return Err(Unpublished::Local);
    }
    if !TRANSPORTS.contains(&scheme.as_str()) {
        return Err(Unpublished::Transport);
    }
    let parts = Parts::of(rest)?;
    let path = parts.tail.split(['?', '#']).next().unwrap_or_default();
    // A password with a slash in it ends the host too early.
    if path.contains('@') {
        return Err(Unpublished::Unclear);
    }
    let user = if scheme.contains("ssh") { parts.shared_user() } else { "" };
    let cleaned = parts.user.is_some_and(|given| given != user.trim_end_matches('@')) || path != parts.tail;
    Ok(Address { url: format!("{scheme}://{user}{}{path}", parts.host), cleaned })
}

/// The address of a page or of a source, as a person wrote it: user and password are left out, everything else is kept.
/// What has no `://` is taken as it is.
///
/// # Errors
/// [`Unpublished::Unclear`].
pub fn page(text: &str) -> Result<Address, Unpublished> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok(Address { url: text.to_owned(), cleaned: false });
    };
    let parts = Parts::of(rest)?;
    let user = if scheme.contains("ssh") { parts.shared_user() } else { "" };
    let cleaned = parts.user.is_some_and(|given| given != user.trim_end_matches('@'));
    Ok(Address { url: format!("{scheme}://{user}{}{}", parts.host, parts.tail), cleaned })
}

/// What stands after `://`.
struct Parts<'a> {
    user: Option<&'a str>,
    host: &'a str,
    /// From the slash on.
    tail: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Result<Self, Unpublished> {
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let port = if host.starts_with('[') {
            host.split_once(']')
                .map_or(Some("none"), |(_, port)| port.strip_prefix(':').or((!port.is_empty()).then_some("none")))
        } else {
            host.split_once(':').map(|(_, port)| port)
        };
        let is_port = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        if host.is_empty() || !is_port || tail.starts_with('\\') {
            return Err(Unpublished::Unclear);
        }
        Ok(Self { user, host, tail })
    }

    fn shared_user(&self) -> &'static str {
        let name = self.user.and_then(|user| user.split(':').next());
        if name == Some(SHARED_USER) { "git@" } else { "" }
    }
}

/// `[user@]host:path`, as ssh has it.
fn of_ssh(before: &str, path: &str) -> Result<Address, Unpublished> {
    let (user, host) = match before.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, before),
    };
    // A second colon or @ may end a password; one letter is a drive.
    if host.len() < 2 || path.is_empty() || path.contains('@') || path.starts_with(':') || host.starts_with('[') {
        return Err(Unpublished::Unclear);
    }
    let shown = if user == Some(SHARED_USER) { "git@" } else { "" };
    let cleaned = user.is_some_and(|user| user != SHARED_USER);
    Ok(Address { url: format!("ssh://{shown}{host}/{}", path.trim_start_matches('/')), cleaned })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_lose_what_may_be_a_credential() {
        for (given, expected) in [
            ("https://e.example/team/app.git", "https://e.example/team/app.git"),
            ("https://token@e.example/team/app.git", "https://e.example/team/app.git"),
            ("https://user:pa@ss:w%2F@e.example:8443/x", "https://e.example:8443/x"),
            ("HTTPS://u:p@e.example", "https://e.example"),
            ("https://e.example/x?access_token=s#f", "https://e.example/x"),
            ("https://u:p@e.example?token=s", "https://e.example"),
            ("ssh://git@e.example:22/team/app", "ssh://git@e.example:22/team/app"),
            ("ssh://git:secret@e.example/app", "ssh://git@e.example/app"),
            ("ssh://ann@e.example/app", "ssh://e.example/app"),
            ("git://e.example/app", "git://e.example/app"),
            ("http://u:p@[::1]:80/app", "http://[::1]:80/app"),
            ("git@e.example:team/app.git", "ssh://git@e.example/team/app.git"),
            ("ann@e.example:/srv/app.git", "ssh://e.example/srv/app.git"),
            ("e.example:~ann/app", "ssh://e.example/~ann/app"),
        ] {
            let found = remote(given).unwrap_or_else(|error| panic!("{given}: {error}"));
            assert_eq!(found.url, expected, "{given}");
            let is_changed =
                given.contains("token") || given.contains("secret") || given.contains("p@") || given.contains("ann@");
            assert_eq!(found.cleaned, is_changed || given.contains("pa@"), "{given}");
        }
    }

    #[test]
    fn what_cannot_be_published_is_not() {
        for (given, reason) in [
            ("/srv/git/app.git", Unpublished::Local),
            ("../app", Unpublished::Local),
            ("file:///srv/git/app.git", Unpublished::Local),
            ("ext::sh -c secret", Unpublished::Transport),
            ("persistent-https::x/y", Unpublished::Transport),
            ("codecommit://profile:secret@repository", Unpublished::Transport),
            ("https://user:pa/ss@e.example/x", Unpublished::Unclear),
            ("https://user:12/ss@e.example/x", Unpublished::Unclear),
            ("https://user:pa?ss@e.example/x", Unpublished::Unclear),
            ("https://", Unpublished::Unclear),
            ("https://e.example/a b", Unpublished::Unclear),
            ("https:\\\\u:p@e.example\\x", Unpublished::Unclear),
            ("C:/app", Unpublished::Unclear),
            ("git@e.example:secret@f.example:x", Unpublished::Unclear),
        ] {
            assert_eq!(remote(given), Err(reason), "{given}");
            assert!(!reason.to_string().contains("secret"));
        }
    }

    #[test]
    fn pages_keep_everything_but_user_and_password() {
        for (given, expected) in [
            ("https://e.example/@ann/docs?page=1#top", Some("https://e.example/@ann/docs?page=1#top")),
            ("https://u:p@e.example/x?y", Some("https://e.example/x?y")),
            ("docs/README.md", Some("docs/README.md")),
            ("ssh://git@e.example/x", Some("ssh://git@e.example/x")),
            ("https://u:pa/ss@e.example/x", None),
        ] {
            assert_eq!(page(given).ok().map(|found| found.url).as_deref(), expected, "{given}");
        }
    }
}
