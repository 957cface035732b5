//! The service: ports, connections, and each request on its way.

mod check;
mod client;
mod connection;
mod exchange;
pub mod listen;
pub mod site;
