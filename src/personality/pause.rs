//! `pause`, the process that holds the namespaces of a pod: `tidy-init --pause`.

use super::definition::Personality;
use super::native::{self, NATIVE};
use crate::cli::{CommandLine, Fault, Page, Request, UsageError};
use crate::config::Behaviour;
use crate::log::{Messages, Sink};
use crate::text::{Line, Rows};
use log::Level;

pub static PAUSE: Personality = Personality {
    names: &["pause"],
    grammar: NATIVE.grammar,
    reads_variable: true,
    parse,
    describe,
    usage_status: NATIVE.usage_status,
    defaults: NATIVE.defaults,
    behaviour: Behaviour::NATIVE,
    messages: Messages {
        prefix,
        table: Rows(&[]),
        main_child_is_reaped_too: false,
    },
};

fn parse(line: &mut CommandLine<'_, '_>) -> Result<(), Fault> {
    line.builder.request = Some(Request::Pause);
    native::parse(line)
}

fn describe(
    error: &UsageError<'_>,
    line: &mut Line<'_>,
    sink: &mut dyn Sink,
) -> Option<&'static Page> {
    prefix(line, Level::Error, sink);
    error.describe(line);
    None
}

fn prefix(line: &mut Line<'_>, _: Level, _: &mut dyn Sink) {
    line.text("[pause] ");
}
