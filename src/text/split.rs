//! Taking a text apart at a byte.

/// The parts of a text between separators, as `slice::split` gives them. That is
/// compiled anew for each separator, which costs 1 % of the binary.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// What has not been taken; `None` behind the last part.
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Parts<'a> {
    /// All parts of a text.
    pub fn of(text: &'a [u8], separator: u8) -> Parts<'a> {
        Parts {
            rest: Some(text),
            separator,
        }
    }

    /// All that has not been taken; `None` behind the last part.
    pub fn rest(&self) -> Option<&'a [u8]> {
        self.rest
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let end = text.iter().position(|byte| *byte == self.separator);
        self.rest = end.and_then(|end| text.get(end + 1..));
        end.map_or(Some(text), |end| text.get(..end))
    }
}
