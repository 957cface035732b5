//! Whose certificates are believed: those of the system's roots, or of a project's own file, which
//! replaces them. Each route has sessions of its own, so that none is resumed for another.

use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// How many sessions a route remembers.
const SESSIONS: usize = 8;

/// The system's roots, read when they are first needed.
#[derive(Default)]
pub struct Roots(OnceLock<Result<Arc<RootCertStore>, String>>);

impl Roots {
    /// The roots.
    ///
    /// # Errors
    /// In words, if the system has none.
    pub fn get(&self) -> Result<Arc<RootCertStore>, String> {
        self.0.get_or_init(system).clone()
    }
}

fn system() -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // One that is broken is left out, as every other program does.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err("this system has no certificates that are trusted: install \
                    ca-certificates, or name 'ca' in the route"
            .to_owned());
    }
    Ok(Arc::new(roots))
}

/// What a route believes.
pub struct Trust {
    roots: Source,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

enum Source {
    System(Arc<Roots>),
    Own(Arc<RootCertStore>),
}

impl Trust {
    /// The system's.
    pub fn system(roots: Arc<Roots>) -> Trust {
        Trust { roots: Source::System(roots), config: OnceLock::new() }
    }

    /// Those of a text in PEM, and no others.
    ///
    /// # Errors
    /// In words, if there is none, or one is malformed.
    pub fn own(pem: &str) -> Result<Trust, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|_| "a certificate of 'ca' is malformed")?;
            roots.add(certificate).map_err(|_| "a certificate of 'ca' is malformed")?;
        }
        if roots.is_empty() {
            return Err("there is no certificate in the file of 'ca'".to_owned());
        }
        Ok(Trust { roots: Source::Own(Arc::new(roots)), config: OnceLock::new() })
    }

    /// Whether it believes a file of the project, not the system.
    pub fn is_own(&self) -> bool {
        matches!(self.roots, Source::Own(_))
    }

    /// How a connection is made.
    ///
    /// # Errors
    /// As [`Roots::get`].
    pub fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config.get_or_init(|| self.make()).clone()
    }

    fn make(&self) -> Result<Arc<ClientConfig>, String> {
        let roots = match &self.roots {
            Source::System(roots) => roots.get()?,
            Source::Own(roots) => Arc::clone(roots),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(Arc::new(config))
    }
}
