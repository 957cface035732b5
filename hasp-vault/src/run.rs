//! From the command line to the verbs: each finds the vault first, since nothing is to be asked for
//! where there is none.

use hasp_audit::{Event, EventKind};
use hasp_core::tool::{Common, Context, Exit, Tool};
use hasp_core::{Here, Kind, Result};

use crate::asker::asker;
use crate::cli::{Cli, IdentityVerb, KeyVerb, Verb};
use crate::denial::{record_denial, record_refusal};
use crate::open::vault::Vault;
use crate::verb;

impl Tool for Cli {
    fn common(&self) -> &Common {
        &self.common
    }

    fn run(self, cx: &mut Context) -> Result<Exit> {
        let asked = self.verb.asked();
        let outcome = self.dispatch(cx);
        outcome.inspect_err(|error| {
            let more = |event: Event| event.field("verb", asked).field("asker", asker());
            // What somebody else made and this vault does not take in is refused too.
            let foreign = matches!(asked, "accept" | "restore")
                && matches!(error.kind(), Kind::Data | Kind::Locked);
            match foreign {
                true => record_refusal(error, EventKind::VaultDeny, cx, more),
                false => record_denial(error, EventKind::VaultDeny, cx, more),
            }
        })
    }
}

impl Cli {
    fn dispatch(self, cx: &mut Context) -> Result<Exit> {
        match self.verb {
            Verb::Init(args) => verb::init::run(&args, cx),
            Verb::Set(args) => verb::set::run(&args, &locate(cx)?, cx),
            Verb::Generate(args) => verb::generate::run(&args, &locate(cx)?, cx),
            Verb::Get(args) => verb::read::get(&args, &locate(cx)?, cx),
            Verb::Reveal(args) => verb::read::reveal(&args, &locate(cx)?, cx),
            Verb::List(args) => verb::list::run(&args, &locate(cx)?, cx),
            Verb::Show(args) => verb::show::show(&args, &locate(cx)?, cx),
            Verb::History(args) => verb::show::history(&args, &locate(cx)?, cx),
            Verb::Check(args) => verb::check::run(&args, &locate(cx)?, cx),
            Verb::Rotate(args) => verb::rotate::run(&args, &locate(cx)?, cx),
            Verb::Revoke(args) => verb::revoke::run(&args, &locate(cx)?, cx),
            Verb::Destroy(args) => verb::destroy::run(&args, &locate(cx)?, cx),
            Verb::Deposit(args) => verb::deposit::run(&args, cx),
            Verb::Inbox { names } => verb::inbox::list(names, &locate(cx)?, cx),
            Verb::Accept(args) => verb::inbox::accept(&args, &locate(cx)?, cx),
            Verb::Reject(args) => verb::inbox::reject(&args, &locate(cx)?, cx),
            Verb::Import(args) => verb::import::run(&args, &locate(cx)?, cx),
            Verb::Export(args) => verb::export::run(&args, &locate(cx)?, cx),
            Verb::Passphrase(args) => verb::passphrase::run(&args, &locate(cx)?, cx),
            Verb::Fsck(args) => verb::fsck::run(&args, &locate(cx)?, cx),
            Verb::Identity(IdentityVerb::New { no_passphrase, replace }) => {
                verb::identity::new(no_passphrase, replace, cx)
            }
            Verb::Identity(IdentityVerb::Show) => verb::identity::show(cx),
            Verb::Join(args) => verb::join::run(&args, cx),
            Verb::Backup => verb::backup::backup(&locate(cx)?, cx),
            Verb::Restore(args) => verb::backup::restore(&args, cx),
            Verb::Resolve(args) => verb::resolve::run(&args, &locate(cx)?, cx),
            Verb::Recipients(args) => verb::recipients::run(&args, &locate(cx)?, cx),
            Verb::Status => verb::status::run(&locate(cx)?, cx),
            Verb::Watch(verb) => verb::watch::run(&verb, locate(cx), cx),
            Verb::Key(KeyVerb::Audit { log, fd }) => {
                verb::key::audit(log.as_deref(), fd, &locate(cx)?, cx)
            }
            Verb::Key(KeyVerb::SignHead { fd }) => verb::key::sign_head(fd, &locate(cx)?, cx),
            Verb::Key(KeyVerb::ReplaceLog) => verb::key::replace_log(&locate(cx)?, cx),
            Verb::Key(KeyVerb::Fp { from, log, fd }) => {
                verb::key::fingerprint(&from, log.as_deref(), fd, &locate(cx)?, cx)
            }
            Verb::Completions { shell } => Cli::completions(shell, cx),
        }
    }
}

fn locate(cx: &Context) -> Result<Vault> {
    Vault::here(&Here::find(&cx.env)?)
}
