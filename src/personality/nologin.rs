//! `nologin`, the shell of an account that may not log in.

use super::definition::Personality;
use super::native::NATIVE;
use crate::cli::{CommandLine, Fault, Grammar, Options, Page, Request};
use crate::config::Behaviour;

pub static NOLOGIN: Personality = Personality {
    names: &["nologin"],
    grammar: Grammar {
        options: &Options::NONE,
        long: false,
        permutes: false,
    },
    // It has nothing that an option could change.
    reads_variable: false,
    parse,
    describe: NATIVE.describe,
    usage_status: 1,
    defaults: NATIVE.defaults,
    behaviour: Behaviour::NATIVE,
    messages: NATIVE.messages,
};

static REFUSAL: Page = Page {
    status: 1,
    ..Page::new(|line| {
        line.text("This account is currently not available.\n");
    })
};

fn parse(line: &mut CommandLine<'_, '_>) -> Result<(), Fault> {
    line.builder.request = Some(Request::Print(&REFUSAL));
    Ok(())
}
