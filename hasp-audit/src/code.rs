//! The names of failures that the record has; what several tools fail with is in `hasp_core::code`.

pub use hasp_core::code::{
    BAD_TIME, BUSY, EXISTS, INTERRUPTED, LOCKED, NO_TERMINAL, NOT_FOUND, TAMPERED, USAGE,
};

hasp_core::codes! {
    BAD_EVENT = "bad-event", [Data, Usage], "not an event of the record";
    BAD_HEAD = "bad-head", [Data], "not a signed head of a record";
    BAD_KEY = "bad-key", [Usage], "not a public key";
    EVENT_RESERVED = "event-reserved", [Denied], "only hasp itself records events of this name";
    EXPORT_FORGED = "export-forged", [No], "an exported file is not what the key signed";
    HEAD_FORGED = "head-forged", [Data, No], "a head of the record was not signed by its vault";
    HEAD_MISMATCH = "head-mismatch", [No],
        "the record is not the one that the signed head belongs to";
    KEY_STATE = "key-state", [Data, No], "the key of the next record is lost or damaged";
    LOG_MISSING = "log-missing", [Data, No], "the record is gone";
    LOG_NOT_CURRENT = "log-not-current", [Usage], "nothing is written to this log any more";
    LOSS_ACCEPTED = "loss-accepted", [No], "records are missing, and somebody accepted that";
    NOTHING_LOST = "nothing-lost", [Usage], "no record is missing: there is no loss to accept";
    NOTHING_TO_RECOVER = "nothing-to-recover", [Usage], "the key of the next record is good";
    RECORD_TOO_LONG = "record-too-long", [Bug], "an event does not fit into a record";
    START_UNGRANTED = "start-ungranted", [No], "a command was started that its grant did not allow";
    TAIL_MISSING = "tail-missing", [Data, No], "the end of the record was cut off";
    VALUE_UNKNOWN = "value-unknown", [No], "no record knows this value";
}
