//! The system's authorities, and those that the environment adds → how TLS is
//! spoken over HTTP.

use crate::hint::Hint;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{CertificateResult, load_native_certs};
use std::error::Error;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// AWS's tools read a file of further authorities from here.
const FURTHER: &str = "AWS_CA_BUNDLE";
/// A file of the system's authorities, in place of its own.
const FILE: &str = "SSL_CERT_FILE";
/// What names the system's authorities in place of its own files.
const IN_PLACE: [&str; 2] = [FILE, "SSL_CERT_DIR"];

/// Why it isn't known whom to trust.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// rustls refuses the configuration.
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
    /// What the environment names can't be read.
    #[error("read the certificates of {variable}")]
    Certificates {
        /// The environment variable.
        variable: &'static str,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl TrustError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Tls(_) => None,
            Self::Certificates { variable, .. } => Some(Hint::new(format!(
                "{variable} names certificates in PEM; unset it to trust the system's alone"
            ))),
        }
    }
}

/// The machine's own certificates, read by a thread beside what else there is to do at a
/// start: it takes some milliseconds.
#[derive(Debug)]
pub struct Authorities(Option<JoinHandle<CertificateResult>>);

impl Authorities {
    /// Begins to read them.
    #[must_use]
    pub fn read() -> Self {
        Self(Builder::new().spawn(load_native_certs).ok())
    }

    fn wait(self) -> CertificateResult {
        let read = self.0.and_then(|thread| thread.join().ok());
        read.unwrap_or_else(load_native_certs)
    }
}

/// Trusts what the machine trusts; where it has no certificates of its own, as
/// in a minimal container, Mozilla's. And what `AWS_CA_BUNDLE` has.
pub(super) fn tls(
    authorities: Authorities,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<ClientConfig, TrustError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Tls)?;
    let mut roots = RootCertStore::empty();
    if let Some(file) = env(FILE).filter(|path| !path.is_empty()) {
        first_certificate(FILE, &file)?;
    }
    let mut native = authorities.wait();
    // Whoever names a file means it.
    let named = IN_PLACE.into_iter().find(|name| env(name).is_some());
    if let (Some(variable), true, Some(error)) =
        (named, native.certs.is_empty(), native.errors.pop())
    {
        let source = error.into();
        return Err(TrustError::Certificates { variable, source });
    }
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let file = env(FURTHER).filter(|path| !path.is_empty());
    let further = file.map(|path| certificates(FURTHER, &path)).transpose()?;
    roots.add_parsable_certificates(further.into_iter().flatten());
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

type Certificates = Box<dyn Iterator<Item = Result<CertificateDer<'static>, TrustError>>>;

/// The certificates of a file, of which there is one at least.
fn open(variable: &'static str, path: &str) -> Result<Certificates, TrustError> {
    let failed =
        move |source: Box<dyn Error + Send + Sync>| TrustError::Certificates { variable, source };
    let file = std::fs::File::open(path).map_err(|error| failed(error.into()))?;
    let found = CertificateDer::pem_reader_iter(file);
    let mut found = found
        .map(move |each| each.map_err(|error| failed(error.into())))
        .peekable();
    if found.peek().is_none() {
        return Err(failed("there is none in it".into()));
    }
    Ok(Box::new(found))
}

fn certificates(
    variable: &'static str,
    path: &str,
) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    open(variable, path)?.collect()
}

/// That the file has one; all of it is read elsewhere.
fn first_certificate(variable: &'static str, path: &str) -> Result<(), TrustError> {
    open(variable, path)?.next().transpose().map(drop)
}
