//! How a decoded text came about: the layers it was read through, and with them the place of
//! anything in it.

use crate::decode::layer::Layer;

/// One layer, and the text that it was read from.
pub(super) struct Trail<'a> {
    /// The layer outside this one.
    pub outer: Option<&'a Trail<'a>>,
    /// The whole text.
    pub around: &'a [u8],
    /// The part of it that was read, and where that begins.
    pub text: &'a [u8],
    pub start: usize,
    /// How it was read.
    pub layer: Layer,
}

impl Trail<'_> {
    /// The place in the outermost text that this one of the decoded text was read from.
    pub fn place(&self, at: usize) -> usize {
        let inner = self.step(at);
        self.outer.map_or(inner, |outer| outer.place(inner))
    }

    /// The place in the text that this layer was read from.
    pub fn step(&self, at: usize) -> usize {
        self.start + self.layer.read(self.text, &mut Vec::new(), at)
    }

    /// All layers, the outermost first.
    pub fn layers(&self) -> Vec<Layer> {
        let mut layers = self.outer.map(Trail::layers).unwrap_or_default();
        layers.push(self.layer);
        layers
    }

    /// How many there are.
    pub fn depth(&self) -> usize {
        1 + self.outer.map_or(0, Trail::depth)
    }
}
