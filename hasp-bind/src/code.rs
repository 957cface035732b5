//! The names of what can be wrong with a project or its consent.

hasp_core::codes! {
    BINDING_CHANGED = "binding-changed", [Busy], "another tool changed the binding meanwhile";
    DECLINED = "declined", [No], "a person was asked and did not say yes";
    FOREIGN_PROJECT = "foreign-project", [Denied], "another user owns or can change the project";
    NO_PROJECT = "no-project", [Missing], "the directory belongs to no project";
    NOT_BOUND = "not-bound", [Missing], "the project is not bound to this vault";
    PROJECT_NAME_TAKEN = "project-name-taken", [Denied],
        "another directory is the project of this name";
    STILL_THERE = "still-there", [Usage], "a project that should have moved is still there";
    TARGET_CHANGED = "target-changed", [Denied], "a target was changed since it was consented to";
    TARGET_UNCONSENTED = "target-unconsented", [Denied], "nobody has consented to a target";
    UNBOUND = "unbound", [Denied, Missing], "a reference is not bound in this project";
    VAULT_REKEYED = "vault-rekeyed", [Denied],
        "the project was bound before the vault got the key that it has now";
}
