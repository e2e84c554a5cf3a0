//! `cargo xtask docs`: the documents as a web site, with all links checked; the manifests, validated; and
//! the picture of two terminals.

mod links;
mod manifests;
mod picture;
mod site;

use anyhow::Result;

use crate::command::step;

/// Build the documents as a web site, target/xtask/site, and check its links and the manifests.
#[derive(clap::Args)]
pub struct Args {
    /// Record docs/img/docker-stop.svg anew: two terminals, in which Docker stops a container.
    #[arg(long)]
    picture: bool,
}

pub fn main(args: &Args) -> Result<()> {
    if args.picture {
        step("picture", picture::record)?;
    }
    step("manifests", manifests::check)?;
    let site = step("site", site::build)?;
    let links = step("links", || links::check(&site))?;
    println!("{}: {links} links", site.join("index.html").display());
    Ok(())
}
