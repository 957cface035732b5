//! The names of what can be wrong with a consumer.

hasp_core::codes! {
    BAD_CONSUMER = "bad-consumer", [Usage], "not a consumer of a grant";
    BAD_REGISTRY = "bad-registry", [Data], "the registry of consumers is damaged";
    CONSUMER_CEILING = "consumer-ceiling", [Denied],
        "a registered program is granted no more than its ceiling";
    CONSUMER_CLASS = "consumer-class", [Denied],
        "a registered program is granted no secret of this class";
    CONSUMER_REASON = "consumer-reason", [Denied],
        "a registered program is granted a secret for a reason only";
    CONSUMER_UNCLEAR = "consumer-unclear", [Usage], "who uses a kept grant has to be said";
    CONSUMER_UNKNOWN = "consumer-unknown", [Missing], "no consumer is registered by this name";
    NO_PARENT = "no-parent", [Usage], "the parent of the process cannot be seen";
    NO_PROC = "no-proc", [Denied], "/proc is missing or belongs to another pid namespace";
    NO_PROCESS = "no-process", [Missing], "no process of this number can be seen";
    NO_PROGRAM = "no-program", [Missing], "a program is not there or cannot be executed";
    NO_SESSION = "no-session", [Usage], "the session has no leader that can be named";
    OTHER_PROCESS = "other-process", [Denied], "the grant is for another process";
    OTHER_PROGRAM = "other-program", [Denied], "the grant is for another program";
    OTHER_SESSION = "other-session", [Denied], "the grant is for another session";
    OTHER_USER = "other-user", [Denied], "the grant is for another user";
    PROGRAM_CHANGED = "program-changed", [Denied], "a pinned program is not the file that it was";
}
