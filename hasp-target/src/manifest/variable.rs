//! Which environment variables a value may be delivered in: none that makes a program load code or
//! that belongs to the shell, to git or to hasp, since a manifest from a repository chooses the
//! name (DESIGN section 6).

use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::manifest::loaders::{self, Fate};
use crate::manifest::suspicion::suspicion;

/// The longest name taken, in bytes.
const MAX_VARIABLE_NAME: usize = 128;

/// Refuses a name that cannot or must not carry a value.
///
/// # Errors
/// `[bad-variable]`, `Kind::Usage`.
pub fn check_variable(name: &str) -> Result<()> {
    match fault(name) {
        None => Ok(()),
        Some(fault) => Err(bad_variable(name, &fault)),
    }
}

/// What becomes of a variable of the inherited environment that no target keeps by name.
pub fn fate(name: &str) -> Fate {
    loaders::listed(name).map_or(Fate::Inherited, |(row, _)| row.fate)
}

/// Refuses a name for `pass-env` that `pass-env` cannot pass.
///
/// # Errors
/// `[bad-variable]`, `Kind::Usage`.
pub fn check_passed(name: &str) -> Result<()> {
    let fault = match name {
        _ if name.starts_with("HASP_") => "it belongs to hasp and is never passed on",
        _ if fate(name) == Fate::Dropped => {
            "it makes programs load code; to keep it, name it in keep-env"
        }
        _ if !is_identifier(name) => "it is not a name of letters, digits and '_'",
        _ => return Ok(()),
    };
    Err(bad_variable(name, fault))
}

/// Refuses a name for `keep-env` that is inherited in any case, or never kept.
///
/// # Errors
/// `[bad-variable]`, `Kind::Usage`.
pub fn check_kept(name: &str) -> Result<()> {
    let fault = match name {
        _ if name.starts_with("HASP_") => "it belongs to hasp and is never passed on",
        _ if name.contains(['=', '\0']) || name.len() > MAX_VARIABLE_NAME => {
            "it is not a name of letters, digits and '_'"
        }
        _ if fate(name) == Fate::Inherited => {
            "it is inherited in any case: keep-env is for what hasp.toml(5) lists as loading code"
        }
        _ => return Ok(()),
    };
    Err(bad_variable(name, fault))
}

fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if !is_identifier(name) {
        return Some("it is not a name of letters, digits and '_'".to_owned());
    }
    if loaders::is_credential(name) {
        return None;
    }
    let (row, family) = loaders::listed(name)?;
    Some(match family {
        "HASP_*" => "HASP_* variables belong to hasp".to_owned(),
        _ => format!("{family} makes programs load code or belongs to others ({})", row.of),
    })
}

/// POSIX: a letter or '_', then letters, digits and '_'.
pub(crate) fn is_identifier(name: &str) -> bool {
    let bytes = name.as_bytes();
    let starts = bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    starts
        && bytes.len() <= MAX_VARIABLE_NAME
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Only what could be a variable is shown: `-e` with a value in place of `VAR=REF` is split at any
/// '=' in it.
fn bad_variable(name: &str, fault: &str) -> Error {
    let plain =
        name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.%".contains(&b));
    let shown = match plain && suspicion(name).is_none() {
        true => format!("the variable '{name}'"),
        false => "what stands in place of a variable (not shown: it may be a value)".to_owned(),
    };
    Error::new(Kind::Usage, code::BAD_VARIABLE, format!("{shown} cannot be used: {fault}"))
        .hint("choose a name that the program reads, for example DATABASE_URL")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One name of each family that reviewers, and the makers of these programs, name as loading
    /// code.
    const LOADERS: &str = "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT DYLD_INSERT_LIBRARIES BASH_ENV ENV \
                           BASH_FUNC_ls NODE_OPTIONS \
        PYTHONPATH PYTHONSTARTUP PYTHONHOME PYTHONUSERBASE PERL5LIB PERL5OPT PERL5DB PERLLIB \
        RUBYOPT RUBYLIB GEM_PATH GIT_SSH \
        GIT_SSH_COMMAND PATH HOME IFS HASP_X HASP_GRANT NODE_PATH JAVA_TOOL_OPTIONS _JAVA_OPTIONS \
        JDK_JAVA_OPTIONS \
        CLASSPATH DOTNET_STARTUP_HOOKS GCONV_PATH GLIBC_TUNABLES OPENSSL_CONF GIT_EXTERNAL_DIFF \
        GIT_ASKPASS GIT_EXEC_PATH \
        GIT_PAGER GIT_EDITOR GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 \
        GIT_CONFIG_GLOBAL GIT_DIR \
        GIT_SEQUENCE_EDITOR GIT_TEMPLATE_DIR EDITOR VISUAL PAGER MANPAGER LESSOPEN LESSCLOSE \
        SHELLOPTS PS4 \
        PROMPT_COMMAND ZDOTDIR RUSTC_WRAPPER RUSTC CARGO_HOME CARGO_BUILD_RUSTC_WRAPPER MAKEFLAGS \
        MAKEFILES GNUMAKEFLAGS \
        LUA_INIT LUA_INIT_5_4 LUA_PATH LUA_CPATH_5_4 ERL_AFLAGS ERL_LIBS npm_config_node_options \
        NPM_CONFIG_NODE_OPTIONS \
        Npm_Config_Script_Shell YARN_YARN_PATH yarn_plugins PYTEST_ADDOPTS PYTEST_PLUGINS \
        PIP_CONFIG_FILE CC CFLAGS LDFLAGS \
        GOFLAGS GOTOOLCHAIN MAVEN_OPTS GRADLE_OPTS JAVA_OPTS JAVA_HOME CORECLR_PROFILER_PATH \
        PHPRC PHP_INI_SCAN_DIR \
        R_PROFILE_USER JULIA_LOAD_PATH TCLLIBPATH GUILE_LOAD_PATH SSH_ASKPASS SUDO_ASKPASS \
        RSYNC_RSH TAR_OPTIONS AWS_PAGER \
        KUBE_EDITOR PSQLRC TF_CLI_CONFIG_FILE SHELL XDG_CONFIG_HOME VIMINIT EXINIT CDPATH FPATH \
        fish_function_path \
        RM TEX LEX YACC MAKEINFO CO GET PC WEAVE TANGLE ARFLAGS YFLAGS LFLAGS MAKE VPATH \
        COMPILE.c LINK.o APT_CONFIG CONFIG_SHELL \
        SCONSFLAGS JUST_JUSTFILE AWKPATH AWKLIBPATH MANOPT MANROFFOPT GROFF_BIN_PATH \
        GROFF_COMMAND_PREFIX BAT_OPTS GS_OPTIONS \
        shell_escape TEXMFCNF GNUPLOT_DRIVER_DIR GUNICORN_CMD_ARGS IPYTHONDIR JUPYTER_CONFIG_DIR \
        SPEC_OPTS RAKEOPT IRBRC PRYRC \
        HARNESS_PERL_SWITCHES TK_LIBRARY LUAROCKS_CONFIG PLTCOLLECTS CRYSTAL_PATH npm_execpath \
        npm_node_execpath \
        NAPI_RS_NATIVE_LIBRARY_PATH ESBUILD_BINARY_PATH HADOOP_CLASSPATH KAFKA_OPTS JVM_OPTS \
        BORG_PASSCOMMAND BORG_RSH CVS_RSH \
        RESTIC_PASSWORD_COMMAND RCLONE_PASSWORD_COMMAND KUBECTL_EXTERNAL_DIFF CLOUDSDK_PYTHON \
        TERRAGRUNT_TFPATH TG_TF_PATH ZIPOPT \
        TAPE P4EDITOR CVSEDITOR HGEDITOR TIGRC_USER SCREENRC MAILRC GVIMINIT \
        GDK_PIXBUF_MODULE_FILE GI_TYPELIB_PATH \
        OMP_TOOL_LIBRARIES HDF5_PLUGIN_PATH MAGICK_CODER_MODULE_PATH XTABLES_LIBDIR TC_LIB_DIR \
        QEMU_MODULE_DIR VALGRIND_LIB \
        VALGRIND_OPTS X_RSH NEW_PASSWORD_COMMAND NEW_PASSCOMMAND NEWEDITOR NEW_CLASSPATH \
        NEW_MODULE_PATH NEW_OPTS";

    #[test]
    fn code_loading_and_foreign_names_are_refused() {
        let malformed =
            ["A=B", "", "1A", "A B", "A-B", "A.B", "\u{c4}", "A\0", "A\n", "BASH_FUNC_ls%%"];
        for name in LOADERS.split_whitespace().chain(malformed) {
            let error = check_variable(name).expect_err(name);
            assert_eq!((error.code(), error.kind()), (code::BAD_VARIABLE, Kind::Usage), "{name:?}");
            assert!(!error.message().chars().any(char::is_control));
        }
        let error = check_variable("postgres://u:hunter2@h/?x").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
        assert_eq!(check_variable(&"A".repeat(129)).unwrap_err().code(), code::BAD_VARIABLE);
    }

    #[test]
    fn no_name_that_is_refused_is_inherited_from_whoever_uses_a_grant() {
        for name in LOADERS.split_whitespace() {
            assert_ne!(fate(name), Fate::Inherited, "{name}");
        }
    }

    #[test]
    fn names_that_only_resemble_them_and_credentials_are_fine() {
        let good = "DATABASE_URL _x a1 LDAP_PASSWORD ENVIRONMENT MY_PATH PATH2 GITHUB_TOKEN \
                    GIT_TOKEN NODE_OPTION PERL_X \
            PYPI_TOKEN HASPX IFS2 ld_preload GHCR_TOKEN MAVEN_GPG_PASSPHRASE DENO_DEPLOY_TOKEN \
            NODE_AUTH_TOKEN NPM_TOKEN \
            GEM_HOST_API_KEY BUNDLE_GEMS__CONTRIBSYS__COM PGPASSFILE \
            GOOGLE_APPLICATION_CREDENTIALS AWS_SECRET_ACCESS_KEY \
            RESTIC_PASSWORD BORG_PASSPHRASE RCLONE_CONFIG_PASS DB_PASSWORD RMX MAKER OPTS GETX";
        for name in good.split_whitespace().chain(loaders::CREDENTIALS.split_whitespace()) {
            check_variable(&name.replace('*', "X")).unwrap();
        }
    }

    #[test]
    fn passing_and_keeping_are_two_things() {
        for name in ["LC_ALL", "TERM", "PYTHONUNBUFFERED"] {
            check_passed(name).unwrap();
            assert!(check_kept(name).is_err());
        }
        for name in ["PATH", "HOME", "MAKEFLAGS"] {
            check_passed(name).unwrap();
            check_kept(name).unwrap();
        }
        for name in ["LD_LIBRARY_PATH", "ENV", "BASH_FUNC_ls%%", "PYTHONPATH", "EDITOR"] {
            assert!(check_passed(name).is_err());
            check_kept(name).unwrap();
        }
        for name in ["HASP_GRANT", "", "A=B", "LD_A=B"] {
            assert!(check_passed(name).is_err() && check_kept(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_an_identifier(name: String) {
            if check_variable(&name).is_ok() {
                prop_assert!(is_identifier(&name));
            }
        }

        #[test]
        fn what_may_be_delivered_and_is_no_credential_is_on_no_list(
            name in "[A-Z_]{1,12}|PYTHON[A-Z]{0,4}|LD_[A-Z]{0,4}"
        ) {
            if check_variable(&name).is_ok() && !loaders::is_credential(&name) {
                prop_assert_eq!(fate(&name), Fate::Inherited);
            }
        }
    }
}
