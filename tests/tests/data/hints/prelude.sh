# What the situations share. Everything lies in a project of its own, which has nothing bound yet.
set -eu
# Keeps the shell's state for whoever types next.
save() { { declare -px; declare -f; echo "DATA=$DATA; STATE=$STATE; cd '$PWD'"; } >"$STATE"; }
# NAME [VALUE [OPTIONS]]: a secret.
put() {
    local name=$1 value=${2:-Zx8-Quartz-4711-$1}
    shift; [ $# -eq 0 ] || shift
    printf %s "$value" | hasp-vault set "$name" -q "$@"
}
# A target that runs, with its secret, bound.
project() {
    put db/url
    printf '#!/bin/sh\necho ran "$@"\n' >show; chmod 700 show
    cat >hasp.toml <<'TOML'
[project]
name = "api"

[refs]
"db/url" = { about = "the database" }

[target.test]
run = ["./show", "..."]
env = { DATABASE_URL = "db/url" }
TOML
    hasp-bind --yes -q
}
# OPTIONS: a token for every process of this user, in the file ../token.
token() { hasp-grant -q --consumer user -o ../token "$@"; }
keep() { hasp-grant -q --consumer user --for 1h --keep "$@"; }
# The identity under a passphrase, which is in the file ../pass.
lock() { printf 'correct horse battery staple' >../pass; hasp-vault passphrase -q --new ../pass; }
# LINE STEP..: what is typed at a terminal, and what is shown there.
tty() {
    python3 "$DATA/typist.py" "$@" >../shown 2>../untyped || { cat ../untyped >&2; return 99; }
    python3 -c 'import json, sys
told = json.load(open("../shown"))
sys.stderr.write(told["shown"].replace("\r", ""))
sys.exit(told["status"])'
}
# Another user's file or directory.
others() { chown 64999 "$@"; }
export RECIPIENT=age1hasptest1dahx2gr0vcs8g6r9yp4k27tnyyymp4f8
export IDENTITY=AGE-PLUGIN-HASPTEST-1DAHX2GR0VCS8G6R9YP4K27TNYYN8YKF6
# Puts the plugin of the tests on PATH; it is linked in the home by what is typed.
plugin() {
    mkdir -p ../bin; cp "$DATA/age-plugin-hasptest" ../bin/; chmod 755 ../bin/age-plugin-hasptest
    export PATH=$(realpath ../bin):$PATH
}
link_plugin() { mkdir -p $HASP_HOME/plugins; ln -s "$(command -v age-plugin-hasptest)" $HASP_HOME/plugins/; }
# A repository with the vault in it, in the midst of a merge of two new values of k.
conflict() {
    git init -q .; git config user.name t; git config user.email t@t
    put k; cp -R $HASP_HOME/vault vault; export HASP_VAULT=$PWD/vault; git add -A; git commit -qm one
    cp -R $HASP_HOME ../theirs; git checkout -q -b theirs
    printf Theirs-Value-4711 | HASP_HOME=$PWD/../theirs hasp-vault set k -q
    git add -A; git commit -qm two; git checkout -q -; printf Ours-Value-4711 | hasp-vault set k -q
    git add -A; git commit -qm three; ! git merge -q theirs >/dev/null 2>&1
}
# NAME: an identity of its own, in the file ../NAME.
paper() { age-keygen -o ../$1 2>/dev/null; }
# NAME: a field of the first object on stdin.
field() { python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())[sys.argv[1]])' "$1"; }
key() { hasp-vault status --json | field public_key; }
program() { printf '#!/bin/sh\n%s\n' "$2" >"$1"; chmod 700 "$1"; }
