//! The names of the failures that only this tool has, and those of others that it raises too.

pub(crate) use hasp_core::code::{
    BAD_NAME, EXISTS, HOME_UNSET, NO_HOME, NO_REPOSITORY, NO_SUCH_FILE, USAGE,
};

hasp_core::codes! {
    BAD_FILE = "bad-file", [Usage], "a value's file is not given as NAME=PATH";
    BAD_RANGE = "bad-range", [Usage], "not a range of commits";
    BAD_REFS = "bad-refs", [Data], "what git tells a hook about a push is malformed";
    BAD_VALUES = "bad-values", [Data], "a list of values is malformed";
    GIT_FAILED = "git-failed", [Io], "git ended with a failure";
    HOOKS_OFF = "hooks-off", [Denied], "git is set so that it runs no hooks";
    EMPTY_WATCH = "empty-watch", [Missing], "no value is watched where some were";
    NO_AGENT = "no-agent", [Io], "the program that a CI system masks values with failed";
    NO_GIT = "no-git", [Missing], "git cannot be run";
    NO_VALUES = "no-values", [Usage], "there is no value to look for";
    NO_WATCH = "no-watch", [Missing], "the leak watch was never made, or its key is gone";
    NOT_LOOKED_AT = "not-looked-at", [Io], "something could not be read, and nothing was found";
    NOT_RECORDED = "not-recorded", [Io], "hasp-audit did not take an event";
    STDIN_TWICE = "stdin-twice", [Usage], "standard input is named for two things";
}
