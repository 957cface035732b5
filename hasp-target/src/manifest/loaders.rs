//! The variables by which programs run or load code, in one table: no value is delivered in one of
//! them, and no grant takes one from whoever uses it. hasp.toml(5) prints the same table; a test
//! compares the two.

/// What becomes of a variable of the inherited environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The command does not get it, unless it is kept by name.
    Dropped,
    /// The command gets what it was when the grant was minted, unless it is kept by name: a person
    /// saw that.
    Pinned,
    /// Of make's flags the jobserver and what only makes make do or say less.
    MakeFlags,
    /// The command gets it: of a family that loads code, this one does not.
    Inherited,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    /// Who reads these variables.
    pub of: &'static str,
    /// What becomes of them.
    pub fate: Fate,
    /// Names with blanks between them; a `*` stands for any letters.
    pub names: &'static str,
}

/// The table. Of rows that match a name the first counts.
pub const TABLE: &[Row] = &[
    row(
        "places of programs and of what they read",
        Fate::Pinned,
        "PATH HOME SHELL XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_DATA_DIRS VIRTUAL_ENV \
         CONDA_PREFIX CARGO_HOME RUSTUP_HOME GOPATH GOROOT JAVA_HOME NVM_DIR PYENV_* RBENV_* \
         NODENV_* VOLTA_HOME ASDF_DIR ASDF_DATA_DIR GNUPGHOME KUBECONFIG DOCKER_CONFIG \
         AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE",
    ),
    row(
        "programs by the names of make's variables, and their flags",
        Fate::Pinned,
        "CC CXX CPP FC F77 OBJC M2C PC LD AR AS NM RANLIB RM CO GET LEX YACC LINT MAKE \
         MAKE_COMMAND MAKEINFO TEX TEXI2DVI WEAVE CWEAVE TANGLE CTANGLE INSTALL CFLAGS CXXFLAGS \
         CPPFLAGS FFLAGS FCFLAGS OBJCFLAGS LDFLAGS LDLIBS LOADLIBES ARFLAGS ASFLAGS COFLAGS \
         GFLAGS LFLAGS YFLAGS PFLAGS RFLAGS LINTFLAGS TEXI2DVI_FLAGS TARGET_ARCH TARGET_MACH \
         OUTPUT_OPTION",
    ),
    row("make", Fate::MakeFlags, "MAKEFLAGS"),
    row(
        "Python, only how it prints",
        Fate::Inherited,
        "PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONUTF8 PYTHONFAULTHANDLER",
    ),
    row("hasp", Fate::Dropped, "HASP_*"),
    row(
        "make, its files and variables",
        Fate::Dropped,
        "GNUMAKEFLAGS MFLAGS MAKEFILES MAKEOVERRIDES MAKESHELL VPATH COMPILE.* LINK.* \
         PREPROCESS.* LEX.* YACC.* LINT.*",
    ),
    row(
        "the dynamic linker and libc",
        Fate::Dropped,
        "LD_* DYLD_* GCONV_PATH GETCONF_DIR GLIBC_TUNABLES LOCPATH NLSPATH",
    ),
    row(
        "TLS, Kerberos, SASL and ODBC",
        Fate::Dropped,
        "OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES KRB5_CONFIG GSS_MECH_CONFIG SASL_PATH \
         ODBCINI ODBCSYSINI ODBCINSTINI",
    ),
    row(
        "graphical libraries",
        Fate::Dropped,
        "GTK_MODULES GTK_PATH GIO_EXTRA_MODULES GIO_MODULE_DIR GST_PLUGIN_* GDK_PIXBUF_* \
         GI_TYPELIB_PATH GVIMINIT TK_LIBRARY QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH \
         QML_IMPORT_PATH QML2_IMPORT_PATH",
    ),
    row(
        "shells",
        Fate::Dropped,
        "BASH_ENV ENV BASH_FUNC_* BASH_LOADABLES_PATH SHELLOPTS BASHOPTS IFS CDPATH PS0 PS1 PS2 \
         PS4 PROMPT_COMMAND ZDOTDIR FPATH FCEDIT fish_* PSModulePath",
    ),
    row(
        "git and other version control",
        Fate::Dropped,
        "GIT_ALLOW_PROTOCOL GIT_ASKPASS GIT_COMMON_DIR GIT_CONFIG GIT_CONFIG_* GIT_DIR \
         GIT_EXEC_PATH GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND GIT_SSH* GIT_TEMPLATE_DIR HG HGMERGE \
         HGRCPATH SVN_SSH TIGRC_*",
    ),
    row(
        "programs that ask or connect",
        Fate::Dropped,
        "*_ASKPASS *_RSH *_PASSWORD_COMMAND *_PASSCOMMAND SSH_SK_PROVIDER SSH_SK_HELPER \
         SSH_PKCS11_HELPER RSYNC_CONNECT_PROG WGETRC CURL_HOME MAILRC",
    ),
    row(
        "editors, pagers and browsers",
        Fate::Dropped,
        "*EDITOR VISUAL PAGER MANPAGER *_PAGER BROWSER *_BROWSER LESS LESSCLOSE LESSEDIT \
         LESSKEY* LESSOPEN VIM VIMINIT VIMRUNTIME EXINIT MYVIMRC EMACSLOADPATH EMACSPATH MANOPT \
         MANROFFOPT SCREENRC",
    ),
    row(
        "tools with commands in their options",
        Fate::Dropped,
        "TAR_OPTIONS FZF_* RIPGREP_CONFIG_PATH BAT_CONFIG_PATH BAT_OPTS APT_CONFIG ZIPOPT TAPE \
         AWKPATH AWKLIBPATH GH_CONFIG_DIR PSQLRC LIBMYSQL_* MYSQL_HOME ANSIBLE_* TF_CLI_* \
         TF_DATA_DIR TF_PLUGIN_CACHE_DIR TF_REATTACH_PROVIDERS HELM_PLUGINS HELM_CONFIG_HOME \
         HELM_DATA_HOME DOCKER_CLI_PLUGIN_EXTRA_DIRS KUBECTL_EXTERNAL_DIFF CLOUDSDK_PYTHON* \
         TERRAGRUNT_* TG_TF_* TG_CONFIG TG_DOWNLOAD_DIR TG_SOURCE* TG_AUTH_PROVIDER_CMD JUST_*",
    ),
    row(
        "typesetting and plotting",
        Fate::Dropped,
        "GROFF_* GS_OPTIONS GS_LIB shell_escape shell_escape_commands openout_any openin_any \
         TEXMF* TEXINPUTS* LUAINPUTS* CLUAINPUTS* GNUPLOT_*",
    ),
    row(
        "programs with modules of their own",
        Fate::Dropped,
        "*_MODULE_PATH HDF5_PLUGIN_PATH OMP_TOOL_LIBRARIES XTABLES_LIBDIR TC_LIB_DIR \
         QEMU_MODULE_DIR VALGRIND_LIB VALGRIND_OPTS MAGICK_*",
    ),
    row(
        "Python",
        Fate::Dropped,
        "PYTHON* PYTEST_* COVERAGE_PROCESS_START COVERAGE_RCFILE GUNICORN_CMD_ARGS IPYTHONDIR \
         JUPYTER_CONFIG_* JUPYTER_PATH JUPYTER_DATA_DIR SCONSFLAGS PIP_* UV_* MYPYPATH",
    ),
    row(
        "Perl",
        Fate::Dropped,
        "PERL5* PERLLIB PERLIO PERLDB_OPTS PERL_MM_OPT PERL_MB_OPT PERL_CPANM_OPT HARNESS_PERL*",
    ),
    row(
        "Ruby",
        Fate::Dropped,
        "RUBY* SPEC_OPTS RAKEOPT IRBRC PRYRC JRUBY_OPTS GEM_HOME GEM_PATH GEM_SPEC_CACHE GEMRC \
         BUNDLE_GEMFILE BUNDLE_APP_CONFIG BUNDLE_BIN* BUNDLE_BUILD__* BUNDLE_LOCAL__* \
         BUNDLE_MIRROR__* BUNDLE_PATH BUNDLE_USER_*",
    ),
    row(
        "Node and its package managers",
        Fate::Dropped,
        "NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE NODE_COMPILE_CACHE npm_config_* \
         npm_execpath npm_node_execpath NAPI_RS_* ESBUILD_BINARY_PATH pnpm_config_* yarn_* \
         COREPACK_* TS_NODE_* BUN_OPTIONS BUN_INSTALL BUN_CONFIG_* DENO_DIR DENO_INSTALL_ROOT \
         DENO_V8_FLAGS",
    ),
    row(
        "Java",
        Fate::Dropped,
        "JAVA* _JAVA_* JDK_* *CLASSPATH *_OPTS *_JAVA_OPTIONS MAVEN_ARGS MAVEN_CONFIG MAVEN_HOME \
         MAVEN_BASEDIR GRADLE_HOME GRADLE_USER_HOME ANT_ARGS ANT_HOME LEIN_* CATALINA_* GROOVY_* \
         KOTLIN_HOME SCALA_HOME",
    ),
    row(
        "Microsoft .NET and Mono",
        Fate::Dropped,
        "DOTNET_* CORECLR_* COR_PROFILER* COR_ENABLE_PROFILING COMPlus_* MONO_* NUGET_PACKAGES \
         NUGET_*PLUGIN_PATHS MSBUILD*",
    ),
    row("Rust", Fate::Dropped, "CARGO CARGO_* RUSTC* RUSTDOC* RUSTFLAGS RUSTFMT RUSTUP_*"),
    row(
        "Go",
        Fate::Dropped,
        "GOFLAGS GOENV GOBIN GOTOOLCHAIN GOTOOLDIR GOWORK GOPROXY GOMODCACHE GOCACHEPROG CGO_*",
    ),
    row(
        "C and what builds it",
        Fate::Dropped,
        "GCC_* COMPILER_PATH LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH CCACHE_* \
         CMAKE_* PKG_CONFIG* ACLOCAL_PATH M4PATH CONFIG_SITE CONFIG_SHELL",
    ),
    row(
        "other languages",
        Fate::Dropped,
        "LUA_INIT* LUA_PATH* LUA_CPATH* LUAROCKS_CONFIG* PLTCOLLECTS CRYSTAL_* ERL_* ELIXIR_* \
         MIX_ARCHIVES MIX_EXS MIX_HOME PHPRC PHP_INI_SCAN_DIR COMPOSER COMPOSER_HOME \
         COMPOSER_VENDOR_DIR R_PROFILE* R_ENVIRON* R_LIBS* R_HOME R_DEFAULT_PACKAGES JULIA_* \
         TCLLIBPATH TCL_LIBRARY GUILE_* GHCRTS GHC_* OCAML* CAML_* NIX_PATH NIX_CONFIG",
    ),
];

/// Names of these families that hold a value or the file of one: they may be delivered, and their
/// fate is the family's.
pub const CREDENTIALS: &str = "KUBECONFIG DOCKER_CONFIG AWS_CONFIG_FILE \
                               AWS_SHARED_CREDENTIALS_FILE ODBCINI KRB5_CONFIG \
    CARGO_REGISTRY_TOKEN CARGO_REGISTRIES_*_TOKEN PIP_INDEX_URL PIP_EXTRA_INDEX_URL \
    UV_INDEX_URL UV_*_TOKEN UV_*_PASSWORD RUBYGEMS_API_KEY YARN_NPM_AUTH_* COREPACK_NPM_TOKEN \
    BUN_CONFIG_TOKEN CCACHE_REMOTE_STORAGE ANSIBLE_*_TOKEN ANSIBLE_*PASSWORD \
    ANSIBLE_*PASSWORD_FILE ANSIBLE_PRIVATE_KEY_FILE";

/// Families that their readers take in capitals and in small letters.
pub const ANY_CASE: &str = "npm_config_* pnpm_config_* yarn_* YARN_NPM_AUTH_*";

const fn row(of: &'static str, fate: Fate, names: &'static str) -> Row {
    Row { of, fate, names }
}

/// The row of a name and what of it matches; `None` for a variable that loads no code that we know
/// of.
pub fn listed(name: &str) -> Option<(&'static Row, &'static str)> {
    TABLE.iter().find_map(|row| {
        row.names.split_whitespace().find(|p| matches(p, name)).map(|pattern| (row, pattern))
    })
}

/// Whether the name is one of [`CREDENTIALS`].
pub fn is_credential(name: &str) -> bool {
    CREDENTIALS.split_whitespace().any(|pattern| matches(pattern, name))
}

/// Of the value of MAKEFLAGS: the jobserver, how many jobs, and the letters that make make do or
/// say less. Variables and `--eval`, which choose what recipes run, are left out.
pub fn make_flags(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().take_while(|w| *w != "--").collect();
    // GNU make writes single letters first, as one word without a dash.
    let first = words
        .first()
        .filter(|w| !value.starts_with(' ') && w.bytes().all(|b| b.is_ascii_alphabetic()));
    let mut left: String =
        first.iter().flat_map(|w| w.chars()).filter(|c| MAKE_LETTERS.contains(*c)).collect();
    for word in words.into_iter().filter(|w| harmless(w)) {
        left.extend([" ", word]);
    }
    left
}

/// keep going, print only, ask only, say nothing, touch, say where.
const MAKE_LETTERS: &str = "knqstw";
const MAKE_WORDS: [&str; 5] = [
    "--jobserver-auth=",
    "--jobserver-fds=",
    "--jobserver-style=",
    "--jobs=",
    "--no-print-directory",
];

fn harmless(word: &str) -> bool {
    if word.starts_with("--") {
        return MAKE_WORDS.iter().any(|w| word.starts_with(w));
    }
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match word.strip_prefix('-') {
        Some(jobs) if jobs.starts_with(['j', 'l']) => number(&jobs[1..]),
        Some(letters) => !letters.is_empty() && letters.chars().all(|c| MAKE_LETTERS.contains(c)),
        None => false,
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    if ANY_CASE.split_whitespace().any(|p| p == pattern) {
        return fits(&pattern.to_ascii_lowercase(), &name.to_ascii_lowercase());
    }
    fits(pattern, name)
}

/// A pattern has at most one `*`.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters_at_either_end_or_between() {
        assert!(fits("LD_*", "LD_") && fits("*_EDITOR", "KUBE_EDITOR") && fits("A_*_B", "A_x_B"));
        assert!(
            !fits("LD_*", "LD")
                && !fits("A_*_B", "A_B")
                && !fits("CC", "CCX")
                && !fits("*_EDITOR", "EDITOR")
        );
    }

    #[test]
    fn the_first_row_that_matches_counts_and_each_name_stands_once() {
        assert_eq!(listed("PYTHONUTF8").map(|(row, _)| row.fate), Some(Fate::Inherited));
        assert_eq!(listed("CARGO_HOME").map(|(row, _)| row.fate), Some(Fate::Pinned));
        assert_eq!(listed("DATABASE_URL").map(|(_, name)| name), None);
        let mut names: Vec<&str> =
            TABLE.iter().flat_map(|row| row.names.split_whitespace()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn of_makes_flags_only_what_chooses_no_recipe_is_left() {
        for (given, left) in [
            ("", ""),
            (" -j4 --jobserver-auth=3,4", " -j4 --jobserver-auth=3,4"),
            (
                "ks -j --jobserver-auth=fifo:/tmp/GMfifo1 -- CC=evil X=1",
                "ks -j --jobserver-auth=fifo:/tmp/GMfifo1",
            ),
            ("kews --no-print-directory", "kws --no-print-directory"),
            (" --eval=x:;evil -f evil.mk -I evil --include-dir=/evil -Cevil", ""),
            (" SHELL=/evil -- -j2", ""),
            ("SHELL=/evil -k", " -k"),
            (" -ke -j2evil -l1.5", " -l1.5"),
        ] {
            assert_eq!(make_flags(given), left, "{given}");
        }
    }

    /// The page is read as a person reads it: subjects, what becomes of them, names.
    #[test]
    fn the_manual_prints_this_very_table() {
        let page = include_str!("../../../man/hasp.toml.5");
        let table = page
            .split(".Sh VARIABLES THAT LOAD CODE")
            .nth(1)
            .and_then(|rest| rest.split("\n.Sh ").next());
        let names = |text: &str| -> Vec<String> {
            let names = text.lines().filter_map(|l| l.strip_prefix(".Ev "));
            names.map(|l| l.trim_end_matches([' ', ',', '.']).to_owned()).collect()
        };
        let items: Vec<&str> = table.unwrap_or_default().split("\n.It ").skip(1).collect();
        let expected =
            TABLE.iter().map(|row| (row.of, row.names)).chain([("Credentials", CREDENTIALS)]);
        let expected: Vec<_> = expected.collect();
        assert_eq!(items.len(), expected.len());
        for (item, (of, listed)) in items.iter().zip(expected) {
            assert!(item.starts_with(of), "{of}: {item}");
            assert_eq!(
                names(item.split("\n.El").next().unwrap_or_default()),
                listed.split_whitespace().collect::<Vec<_>>()
            );
        }
    }
}
