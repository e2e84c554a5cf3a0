//! Programs that are known to stop best in their own way.

use super::seen::Seen;

/// A program and its ways, each with what the makers document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    names: &'static [&'static str],
    /// The signal that stops it gracefully, where that is not TERM.
    pub graceful: Option<i32>,
    /// The words that keep it in the foreground, to be added to its command line.
    pub foreground: Option<&'static str>,
    /// A command that stops it better than any signal.
    pub pre_stop: Option<&'static str>,
}

const fn known(names: &'static [&'static str]) -> Known {
    Known {
        names,
        graceful: None,
        foreground: None,
        pre_stop: None,
    }
}

impl Known {
    const fn graceful(mut self, signal: i32) -> Self {
        self.graceful = Some(signal);
        self
    }

    const fn foreground(mut self, words: &'static str) -> Self {
        self.foreground = Some(words);
        self
    }

    const fn pre_stop(mut self, command: &'static str) -> Self {
        self.pre_stop = Some(command);
        self
    }

    /// The entry for a command line: by the name of its program.
    pub fn find(words: &[String]) -> Option<&'static Self> {
        let name = words.first()?.rsplit('/').next()?;
        // nginx and others write their titles over it: `nginx: master process /usr/sbin/nginx`.
        let name = name.split([':', ' ']).next()?;
        ALL.iter().find(|known| known.names.contains(&name))
    }

    /// The entry for a process: by its arguments or its name.
    pub fn of(process: &Seen) -> Option<&'static Self> {
        let name = std::slice::from_ref(&process.name);
        Self::find(&process.arguments).or_else(|| Self::find(name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

const ALL: &[Known] = &[
    // nginx.org, "Controlling nginx".
    known(&["nginx", "openresty", "angie"])
        .graceful(libc::SIGQUIT)
        .foreground("-g 'daemon off;'"),
    // haproxy(1) and the management guide, "Stopping and restarting HAProxy".
    known(&["haproxy"])
        .graceful(libc::SIGUSR1)
        .foreground("-W -db"),
    // httpd.apache.org, "Stopping and Restarting".
    known(&["apache2", "httpd"])
        .graceful(libc::SIGWINCH)
        .foreground("-D FOREGROUND"),
    // postgresql.org, "Shutting Down the Server": TERM waits for all clients to leave.
    known(&["postgres", "postmaster"]).graceful(libc::SIGINT),
    // pgbouncer.org, "Signals".
    known(&["pgbouncer"]).graceful(libc::SIGINT),
    // php-fpm(8).
    known(&[
        "php-fpm",
        "php-fpm8.1",
        "php-fpm8.2",
        "php-fpm8.3",
        "php-fpm8.4",
    ])
    .graceful(libc::SIGQUIT)
    .foreground("-F"),
    // lighttpd(8).
    known(&["lighttpd"]).graceful(libc::SIGINT).foreground("-D"),
    // yhbt.net/unicorn/SIGNALS.html.
    known(&["unicorn"]).graceful(libc::SIGQUIT),
    known(&["named"]).foreground("-f"),
    known(&["unbound"]).foreground("-d"),
    known(&["dnsmasq"]).foreground("-k"),
    known(&["squid"]).foreground("--foreground"),
    known(&["sshd"]).foreground("-D"),
    known(&["cron", "crond"]).foreground("-f"),
    known(&["rsyslogd"]).foreground("-n"),
    known(&["varnishd"]).foreground("-F"),
    known(&["dovecot"]).foreground("-F"),
    known(&["exim4", "exim"]).foreground("-bdf"),
    known(&["postfix"]).foreground("start-fg"),
    known(&["supervisord"]).foreground("-n"),
    known(&["keepalived"]).foreground("-n"),
    known(&["slapd"]).foreground("-d 0"),
    known(&["chronyd"]).foreground("-n"),
    // rabbitmq.com, "Upgrading": drains the node before it stops.
    known(&["rabbitmq-server"]).pre_stop("rabbitmq-upgrade drain"),
    // cassandra.apache.org, "nodetool drain".
    known(&["cassandra"]).pre_stop("nodetool drain"),
    // developer.hashicorp.com, "consul leave": a node that only ends counts as failed.
    known(&["consul"]).pre_stop("consul leave"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_path_and_by_its_title() {
        let find = |word: &str| Known::find(&[word.to_owned()]).map(Known::name);
        assert_eq!(find("/usr/sbin/nginx"), Some("nginx"));
        assert_eq!(find("nginx: master process /usr/sbin/nginx"), Some("nginx"));
        assert_eq!(find("/usr/sbin/nginx-debug"), None);
        let mut names: Vec<_> = ALL.iter().flat_map(|known| known.names).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "each name once");
    }
}
