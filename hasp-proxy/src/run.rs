//! What `hasp-proxy` does with its command line.

use std::ffi::OsStr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Error, Kind, Result, Source, platform};

use crate::cli::Cli;
use crate::code;
use crate::config::{Config, MAX_CONFIG};
use crate::control::{Control, attend};
use crate::record::Record;
use crate::serve::listen;
use crate::serve::site::Shared;

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, context: &mut Context) -> Result<Exit> {
        if let Some(shell) = self.completions {
            return Self::completions(shell, context);
        }
        let (Some(config), Some(control)) = (&self.config, &self.control) else {
            return Err(Error::bug("clap let a needed option pass"));
        };
        let socket = socket(control)?;
        let text = Source::parse(config)?.read(&mut context.env, MAX_CONFIG)?;
        let config = Config::read(text.expose())?;
        drop(text);
        serve(config, socket)
    }
}

/// Listens until the other side of the socket ends.
fn serve(config: Config, socket: UnixStream) -> Result<Exit> {
    let failed = |e| Error::system("reach who started the proxy", e);
    let listeners = listen::bind(config.routes.len())?;
    let ports: Vec<u16> = listeners.iter().map(|(_, port)| *port).collect();
    let upstreams = config.routes.iter().map(|route| route.peer.to().port());
    confine(upstreams.collect())?;
    let roots = Arc::clone(&config.roots);
    let uses_roots = config.routes.iter().any(|route| !route.peer.has_own_roots());
    let shared = Arc::new(Shared {
        window: config.window,
        patterns: config.patterns,
        record: Record::new(Control::new(socket.try_clone().map_err(failed)?)),
        connections: AtomicUsize::new(0),
        routes: config.routes,
    });
    for (index, (listener, port)) in listeners.into_iter().enumerate() {
        listen::accept(&shared, index, listener, port)
            .map_err(|e| Error::system("start a thread", e))?;
    }
    shared.record.ready(&ports).map_err(failed)?;
    if uses_roots {
        // While the command starts; whoever needs them first waits for it.
        std::thread::spawn(move || roots.get().is_ok());
    }
    let ended = attend(socket, |said| shared.record.heard(&said), || shared.record.tell());
    shared.record.tell();
    ended.map(|()| Exit::OK).map_err(failed)
}

/// From here on: libraries and the system's settings to be read, connections to the ports of the
/// routes and to name servers, and nothing else, as far as this system can hold a process to that.
fn confine(mut ports: Vec<u16>) -> Result<()> {
    ports.push(53);
    platform::confine(&ports).map_err(|e| Error::system("confine the proxy", e))
}

fn socket(word: &OsStr) -> Result<UnixStream> {
    let Source::Fd(number) = Source::parse(word)? else {
        let message = "the control socket is not given as a descriptor";
        return Err(Error::new(Kind::Usage, code::BAD_CONFIG, message)
            .hint("name it as fd:N: --control fd:4"));
    };
    let descriptor = platform::duplicate(number)
        .map_err(|e| Error::system(&format!("use descriptor {number} as the control socket"), e))?;
    Ok(UnixStream::from(descriptor))
}
