//! What was read and not verified, in a type of its own: it chooses which files are opened, and
//! nothing else.

/// Something that anybody may have written who can write where it was found.
#[derive(Clone, Debug)]
pub struct Unverified<T>(T);

impl<T> Unverified<T> {
    pub(crate) fn new(found: T) -> Unverified<T> {
        Unverified(found)
    }

    /// What was found, to find something by it that is verified then.
    pub fn for_finding(&self) -> &T {
        &self.0
    }
}
