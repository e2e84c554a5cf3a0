//! The meaning of an exit status.

use crate::signals::signal_name;

/// The meaning of the status of PID 1 in a few words, as `docs/exit-codes.md` has it at length.
#[must_use]
pub fn meaning(status: i32) -> String {
    match status {
        0 => "success".to_owned(),
        125 => "the init or the engine failed".to_owned(),
        126 => "cannot be executed".to_owned(),
        127 => "not found".to_owned(),
        // 128 + n, where n is a signal; from 193 on there is none.
        129..=192 => format!("signal {}", signal_name(status - 128)),
        _ => "the program's own".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn a_status_says_what_a_shell_says() {
        let told = [0, 1, 127, 143, 255].map(meaning);
        let expected = [
            "success",
            "the program's own",
            "not found",
            "signal TERM",
            "the program's own",
        ];
        assert_eq!(told, expected);
    }
}
