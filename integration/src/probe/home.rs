//! The surroundings of a program that is probed on this machine.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::{exit::Trouble, init::Init, sandbox::Sandbox, start::CONTAINER_PATH};

/// Whether a program has this machine's files, network, environment and user, or a container's.
#[derive(Clone, Debug, Default)]
pub(super) struct Home {
    /// A root file system. Every run has a layer of its own to write to, and a network of its own.
    pub root: Option<PathBuf>,
    /// A shell script that prepares each run.
    pub setup: Option<OsString>,
    /// The user to run as, by its name in the root file system.
    pub user: Option<String>,
    /// Variables of the environment, `KEY=VALUE`.
    pub env: Vec<OsString>,
}

impl Home {
    /// The command in it, as PID 1 or under an init with these options.
    pub fn sandbox(
        &self,
        command: &[OsString],
        init: Option<(&Init, &[String])>,
    ) -> Result<Sandbox, Trouble> {
        let mut sandbox = match (init, command.split_first()) {
            (Some((init, options)), _) => init.sandbox(options, command),
            (None, Some((program, arguments))) => Sandbox::new(program).args(arguments),
            (None, None) => return Err(Trouble("there is no command".to_owned())),
        };
        if let Some(root) = &self.root {
            let inherited = std::env::var_os("TIDY_INIT_OPTS");
            sandbox = sandbox.env_clear().own_network();
            sandbox = sandbox.env("PATH", CONTAINER_PATH).env("HOME", "/root");
            if let Some(options) = inherited {
                sandbox = sandbox.env("TIDY_INIT_OPTS", options);
            }
            sandbox = match init {
                Some(_) => sandbox.root_from_outside(root),
                None => sandbox.root(root),
            };
        }
        if let Some(name) = &self.user {
            let root = self.root.as_deref().unwrap_or(Path::new("/"));
            let user = User::find(root, name)
                .ok_or_else(|| Trouble(format!("there is no user {name:?}")))?;
            sandbox = sandbox.user(user.uid, user.gid).groups(&user.groups);
            sandbox = sandbox.env("HOME", user.home);
        }
        for entry in &self.env {
            sandbox = sandbox.env_raw(entry);
        }
        if let Some(script) = &self.setup {
            sandbox = sandbox.setup(script);
        }
        Ok(sandbox)
    }
}

/// A line of `passwd(5)`, and the user's groups.
#[derive(Debug, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
    home: String,
    groups: Vec<u32>,
}

impl User {
    fn find(root: &Path, name: &str) -> Option<Self> {
        let read = |file: &str| fs::read_to_string(root.join("etc").join(file)).ok();
        Self::parse(name, &read("passwd")?, &read("group").unwrap_or_default())
    }

    fn parse(name: &str, passwd: &str, group: &str) -> Option<Self> {
        let fields = |line: &str| -> Vec<String> { line.split(':').map(str::to_owned).collect() };
        let line = passwd.lines().map(fields);
        let line = line.into_iter().find(|fields| fields[0] == name)?;
        let groups = group.lines().map(fields).filter_map(|fields| {
            let is_member = fields.get(3)?.split(',').any(|member| member == name);
            fields.get(2)?.parse().ok().filter(|_| is_member)
        });
        Some(Self {
            uid: line.get(2)?.parse().ok()?,
            gid: line.get(3)?.parse().ok()?,
            home: line.get(5)?.clone(),
            groups: groups.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::User;

    #[test]
    fn a_user_has_the_groups_that_name_it() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres:x:104:110::/var/lib/postgresql:\n";
        let group = "root:x:0:\nssl-cert:x:109:mail,postgres\npostgres:x:110:\n";
        let user = User {
            uid: 104,
            gid: 110,
            home: "/var/lib/postgresql".to_owned(),
            groups: vec![109],
        };
        assert_eq!(User::parse("postgres", passwd, group), Some(user));
        assert_eq!(User::parse("postgre", passwd, group), None);
    }
}
