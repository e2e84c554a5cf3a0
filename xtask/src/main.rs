//! Everything a person types to work on tidy-init: `cargo xtask dist | run | test | measure |
//! conformance | kernels | bench | faults | soak | field-guide | docs`.

mod apt;
mod arch;
mod bench;
mod check;
mod command;
mod conformance;
mod dist;
mod docs;
mod faults;
mod field_guide;
mod harness;
mod kernels;
mod measure;
mod project;
mod python;
mod release;
mod reproduce;
mod run;
mod simulate;
mod smoke;
mod soak;
mod source;
mod static_program;
mod steps;
mod suite;
mod test;
mod toolchain;
mod zig;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, run, test and measure tidy-init.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Dist(dist::Args),
    Run(run::Args),
    Reproduce(reproduce::Args),
    Release(release::Args),
    Smoke(smoke::Args),
    Test(test::Args),
    Measure(measure::Args),
    Conformance(conformance::Args),
    Kernels(kernels::Args),
    Simulate(simulate::Args),
    Bench(bench::Args),
    Faults(faults::Args),
    Soak(soak::Args),
    FieldGuide(field_guide::Args),
    Docs(docs::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    command::init_log();
    let outcome = match &cli.task {
        Task::Dist(args) => dist::main(args).map(|()| ExitCode::SUCCESS),
        Task::Run(args) => run::main(args),
        Task::Release(args) => release::main(args).map(|()| ExitCode::SUCCESS),
        Task::Reproduce(args) => reproduce::main(args).map(|()| ExitCode::SUCCESS),
        Task::Smoke(args) => smoke::main(args).map(|()| ExitCode::SUCCESS),
        Task::Test(args) => test::main(args).map(|()| ExitCode::SUCCESS),
        Task::Measure(args) => measure::main(args).map(|()| ExitCode::SUCCESS),
        Task::Conformance(args) => conformance::main(args).map(|()| ExitCode::SUCCESS),
        Task::Kernels(args) => kernels::main(args).map(|()| ExitCode::SUCCESS),
        Task::Simulate(args) => simulate::main(args).map(|()| ExitCode::SUCCESS),
        Task::Bench(args) => bench::main(args).map(|()| ExitCode::SUCCESS),
        Task::Faults(args) => faults::main(args).map(|()| ExitCode::SUCCESS),
        Task::Soak(args) => soak::main(args).map(|()| ExitCode::SUCCESS),
        Task::FieldGuide(args) => field_guide::main(args).map(|()| ExitCode::SUCCESS),
        Task::Docs(args) => docs::main(args).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        log::error!("{error:#}");
        ExitCode::FAILURE
    })
}
