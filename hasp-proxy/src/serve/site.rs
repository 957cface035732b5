//! What the connections of all routes share, and what those of one route know of it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hasp_redact::Patterns;

use crate::config::Route;
use crate::record::Record;
use crate::window::Window;

/// The most connections whose requests are served.
pub const MOST_CONNECTIONS: usize = 64;

/// What all connections share.
pub struct Shared {
    /// The life of the grant.
    pub window: Window,
    /// All values, in all their forms.
    pub patterns: Arc<Patterns>,
    /// What goes on record.
    pub record: Record,
    /// How many connections there are.
    pub connections: AtomicUsize,
    /// The routes.
    pub routes: Vec<Route>,
}

/// A route, and where it listens.
pub struct Site<'a> {
    /// Its number.
    pub index: usize,
    /// The route.
    pub route: &'a Route,
    /// Where it listens.
    pub port: u16,
}
