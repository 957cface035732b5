//! What another user can change does not run in our name, whichever word of a command names it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use hasp_tests::{DB_URL, World, is_root, say};

#[test]
fn whichever_word_names_a_file_of_another_user_it_is_refused() {
    if !is_root() {
        say("skipped: changing owners needs root");
        return;
    }
    let world = World::new();
    world.store("k", DB_URL);
    world.write("t.in", "text\n");
    world.sh("hasp-bind -q add k").ok();
    world
        .sh("mkdir sub work; echo 'echo ran' >sub/x; echo 'all:; @true' >sub/Makefile; chmod 755 \
              sub/x")
        .ok();
    world.sh("printf 'all:\\n\\t@true\\n' >sub/Makefile; cp sub/Makefile .").ok();
    let token = "hasp-grant -q --consumer user --uses 99 --for 1h -e K=k";
    for (file, command) in [
        ("sub/x", "timeout 5 sh sub/x"),
        ("sub/x", "env -S 'sh sub/x'"),
        ("sub/x", "sh -c '. sub/x'"),
        ("sub/x", "sh -c 'cat <sub/x'"),
        ("sub/x", "awk -f sub/x"),
        ("sub/x", "awk -fsub/x"),
        ("sub/x", "sh -c true --require=./sub/x"),
        ("sub", "timeout 5 sh sub/x"),
        ("sub/Makefile", "sh -c : make -C sub"),
        ("Makefile", "sh -c 'true || make'"),
        ("work", "-C work /bin/true"),
    ] {
        let (at, command) = match command.strip_prefix("-C work ") {
            Some(command) => ("-C work", command),
            None => ("", command),
        };
        world.sh(&format!("{token} {at} -o \"$PWD/../one\" -- {command}")).ok();
        for (change, back) in
            [("chown 61237", "chown 0"), ("chmod o+w", "chmod o-w"), ("chmod 1777", "chmod 755")]
        {
            world.sh(&format!("{change} {file}")).ok();
            world.sh(&format!("{token} {at} -- {command}")).refused_with_hint(77, "foreign-file");
            let used = world.sh("hasp-exec -g ../one");
            assert_eq!(used.status, 125, "{change} {file}: {command}");
            used.refused_with_hint(125, "foreign-file");
            world.sh(&format!("{back} {file}")).ok();
        }
    }
    // Further words, which come from whoever uses the grant, are no exception.
    world.sh(&format!("{token} -o ../open -- cat ...; chmod o+w sub/x")).ok();
    world.sh("hasp-exec -g ../open -- cat sub/x").refused_with_hint(125, "foreign-file");
    world.sh("hasp-exec -g ../open -- cat t.in").ok();
    // As the hint says, it can be meant.
    world.sh("hasp-bind -q --shared add k").ok();
    world.sh(&format!("{token} -o ../one -- sh sub/x && hasp-exec -g ../one")).ok();
}
