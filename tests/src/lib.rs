//! What the end-to-end tests share: a world of its own for each, driven by shell lines as a person
//! types them, and nothing that knows how the tools work inside.
#![forbid(unsafe_code)]

mod emulator;
mod forms;
mod hints;
mod load;
mod modules;
mod outcome;
mod peers;
mod pty;
mod screen;
mod servers;
mod typist;
mod world;

pub use emulator::{Emulator, Size, difference};
pub use forms::{Needle, holds};
pub use hints::{Hints, fits};
pub use load::Load;
pub use modules::Modules;
pub use outcome::Outcome;
pub use peers::{command, is_root, peer, python, say, skip, wait_until};
pub use pty::{Pty, processes, random, running_in};
pub use screen::Screen;
pub use servers::{Postgres, Server, doors, free_port, sshd, wait_for_port};
pub use typist::Shown;
pub use world::{API_KEY, DB_URL, MANIFEST, PASSPHRASE, World, tools};
