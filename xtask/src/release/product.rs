//! The programs that are released.

use tidy_init::personality;

use crate::arch::Arch;

/// A program, and what its packages say about it.
pub struct Product {
    /// The name of program, package and image.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// What it does, in lines that fit into any package's description.
    pub description: &'static [&'static str],
    /// What it is found by, with commas.
    pub keywords: &'static str,
    /// Where its README.md is.
    pub readme: &'static str,
    /// The other names that it goes by.
    pub links: Vec<&'static str>,
    /// What its image starts.
    pub entry_point: &'static [&'static str],
    /// The user that its image runs as.
    pub user: Option<&'static str>,
    /// The licences of what is linked into it.
    pub notices: String,
    pub binaries: Vec<(Arch, Vec<u8>)>,
}

impl Product {
    pub fn tidy_init(notices: String) -> Product {
        Product {
            name: "tidy-init",
            summary: "tiny init for containers",
            description: &[
                "It is PID 1 of a container: starts the command in a session of its own,",
                "forwards and rewrites signals, reaps zombies, shuts down tidily, and reports",
                "how the command ended. One static binary without dependencies, which can be",
                "copied into any image.",
            ],
            keywords: "init,docker,container,signals,pid1",
            readme: "README.md",
            links: drop_in_names("tidy-init").collect(),
            entry_point: &["/bin/tidy-init", "--"],
            // Nobody in particular: the init needs no privilege.
            user: Some("65532:65532"),
            notices,
            binaries: Vec::new(),
        }
    }

    pub fn initlab(notices: String) -> Product {
        Product {
            name: "initlab",
            summary: "shows how an init, or a program run as PID 1, behaves",
            description: &[
                "It runs a program or an image as PID 1 and under inits, stops it as `docker",
                "stop` does, reports what happens, and says what to write. It checks what an",
                "init does, and measures it. One static binary without dependencies, with",
                "tidy-init in it.",
            ],
            keywords: "init,docker,container,signals,pid1,testing",
            readme: "integration/README.md",
            links: Vec::new(),
            entry_point: &["/bin/initlab"],
            // It makes namespaces, which a container's user may not.
            user: None,
            notices,
            binaries: Vec::new(),
        }
    }
}

/// What the init is called in the place of other programs.
fn drop_in_names(own: &'static str) -> impl Iterator<Item = &'static str> {
    let others = personality::ALL
        .into_iter()
        .filter(move |personality| !personality.names.contains(&own));
    others.flat_map(|personality| personality.names.iter().copied())
}
