//! The names of what can be wrong with a manifest, a target or a delivery, for this crate and those
//! that read targets.

hasp_core::codes! {
    BAD_ARGV = "bad-argv", [Usage], "a word of a command cannot stand in hasp.toml";
    BAD_DELIVERY = "bad-delivery", [Usage], "a delivery is malformed";
    BAD_DOTENV = "bad-dotenv", [Data], "a line of a .env is malformed";
    BAD_REFERENCE = "bad-reference", [Usage], "not the name of a reference";
    BAD_TARGET = "bad-target", [Data], "not the text of a target";
    BAD_VARIABLE = "bad-variable", [Usage, Config], "a variable cannot carry a value";
    CANNOT_EDIT = "cannot-edit", [Create], "hasp.toml is written in a form that cannot be added to";
    DUPLICATE_VARIABLE = "duplicate-variable", [Usage], "one variable would hold two values";
    FOREIGN_FILE = "foreign-file", [Denied],
        "another user owns or can change a file that would run or be read";
    FOREIGN_DIRECTORY = "foreign-directory", [Denied],
        "no project is found where directories are yours, and above they are another user's";
    MANIFEST_BAD_CLASS = "manifest-bad-class", [Config],
        "hasp.toml names a class that does not exist";
    MANIFEST_BAD_DIR = "manifest-bad-dir", [Config],
        "'dir' of a target is not a directory below the root";
    MANIFEST_BAD_NAME = "manifest-bad-name", [Config], "a name in hasp.toml is malformed";
    MANIFEST_BAD_REFERENCE = "manifest-bad-reference", [Config],
        "what a target is given is not the name of a reference";
    MANIFEST_BAD_RUN = "manifest-bad-run", [Config], "'run' of a target is not a command";
    MANIFEST_BOM = "manifest-bom", [Config], "a file of the project begins with a byte order mark";
    MANIFEST_CONTROL = "manifest-control", [Config],
        "a file of the project holds a character that does not show";
    MANIFEST_DUPLICATE = "manifest-duplicate", [Config], "hasp.toml says something twice";
    MANIFEST_NOT_A_FILE = "manifest-not-a-file", [Config], "hasp.toml is not a regular file";
    MANIFEST_NUL = "manifest-nul", [Config], "a file of the project holds a NUL byte";
    MANIFEST_SECRET = "manifest-secret", [Config],
        "a file of the project holds what looks like a secret";
    MANIFEST_SYMLINK = "manifest-symlink", [Config], "hasp.toml is a symbolic link";
    MANIFEST_SYNTAX = "manifest-syntax", [Config], "hasp.toml is not TOML";
    MANIFEST_TEMPLATE = "manifest-template", [Config], "a template of hasp.toml cannot be used";
    MANIFEST_TOO_DEEP = "manifest-too-deep", [Config], "hasp.toml is nested too deeply";
    MANIFEST_TOO_LARGE = "manifest-too-large", [Config, Usage], "a file of the project is too long";
    MANIFEST_TYPE = "manifest-type", [Config], "a key of hasp.toml has a value of another type";
    MANIFEST_UNKNOWN_KEY = "manifest-unknown-key", [Config],
        "hasp.toml has an unknown key";
    MANIFEST_UNLISTED = "manifest-unlisted", [Config], "a target uses what [refs] does not list";
    MANIFEST_UTF8 = "manifest-utf8", [Config], "a file of the project is not UTF-8";
    NO_DIR = "no-dir", [Missing], "the directory that a target runs in is not there";
    NO_MANIFEST = "no-manifest", [Missing], "there is no hasp.toml";
    PROGRAM_MISSING = "program-missing", [NotFound], "there is no program of that name";
    PROGRAM_NOT_EXECUTABLE = "program-not-executable", [NotExecutable],
        "the program cannot be executed";
    TARGET_UNKNOWN = "target-unknown", [Missing], "hasp.toml has no target of this name";
    TEMPLATE_BAD_PATH = "template-bad-path", [Config],
        "the path of a template does not lead to a regular file of the project";
    TEMPLATE_BAD_REFERENCE = "template-bad-reference", [Config],
        "what stands between braces in a template is not the name of a reference";
    TEMPLATE_FILTER = "template-filter", [Config], "a template names a filter that does not exist";
    TEMPLATE_MISSING = "template-missing", [Config], "a template is not there";
    TEMPLATE_SYNTAX = "template-syntax", [Config], "braces in a template are malformed";
    TWO_STDINS = "two-stdins", [Usage], "two values cannot both be standard input";
}
