//! What to paste into a Dockerfile, a command line or a manifest.

use serde::Serialize;

use super::{
    advice::{Advice, Topic},
    settings::sig,
    words::quoted,
};
use crate::init::{Feature, Personality};

/// Complete settings that follow from the advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paste {
    /// Lines of a Dockerfile.
    pub dockerfile: String,
    /// A command, for an engine that has tidy-init as its init.
    pub docker_run: String,
    /// Fields of a Kubernetes container, and of its pod.
    pub kubernetes: String,
}

impl Paste {
    /// The settings for this command; `None` if no advice needs any.
    pub(super) fn of(advice: &[Advice], command: &[String], image: Option<&str>) -> Option<Self> {
        if advice.iter().any(|advice| advice.id.comes_first()) {
            return None;
        }
        let mut options: Vec<String> = Vec::new();
        for feature in advice.iter().filter_map(|advice| advice.feature) {
            // A status that is not a signal's hides real failures: nothing to paste unread.
            if matches!(feature, Feature::ExitMap(status) if status <= 128) {
                continue;
            }
            let words = Personality::Native.options(feature).unwrap_or_default();
            if !options.windows(words.len().max(1)).any(|w| w == words) {
                options.extend(words);
            }
        }
        let needs_init = advice.iter().any(|advice| advice.id == Topic::NeedsInit);
        let slow = advice.iter().find(|advice| advice.id == Topic::Slow);
        if options.is_empty() && !needs_init && slow.is_none() {
            return None;
        }
        let graceful = advice.iter().find_map(|advice| match advice.feature {
            Some(Feature::Rewrite(_, other)) if advice.id == Topic::GracefulSignal => Some(other),
            _ => None,
        });
        let json = |words: &[String]| serde_json::to_string(words).unwrap_or_default();
        let mut init = vec!["/bin/tidy-init".to_owned()];
        init.extend(options.iter().cloned());
        init.push("--".to_owned());
        let mut dockerfile = format!("ENTRYPOINT {}\nCMD {}", json(&init), json(command));
        if let Some(signal) = graceful {
            dockerfile += &format!("\nSTOPSIGNAL {}", sig(signal));
        }
        let mut docker = vec!["docker".to_owned(), "run".to_owned(), "--init".to_owned()];
        if !options.is_empty() {
            docker.push("-e".to_owned());
            docker.push(format!("TIDY_INIT_OPTS={}", options.join(" ")));
        }
        match image {
            // It has its entry point, which the command includes.
            Some(image) => docker.push(image.to_owned()),
            None => {
                docker.push("IMAGE".to_owned());
                docker.extend(command.iter().cloned());
            }
        }
        let words = [&init[..], command].concat();
        let mut kubernetes = format!("command: {}", json(&words));
        let seconds = slow.and_then(|slow| slow.line.as_ref()?.rsplit(' ').next());
        if let Some(seconds) = seconds {
            kubernetes += &format!("\nterminationGracePeriodSeconds: {seconds}");
        }
        Some(Self {
            dockerfile,
            docker_run: quoted(&docker),
            kubernetes,
        })
    }
}
