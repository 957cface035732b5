//! Under a file size limit a tool ends with a status and a message, not by a signal, and leaves
//! nothing half written behind.

use hasp_tests::World;

#[test]
fn a_file_size_limit_is_an_error_like_any_other() {
    let world = World::with_project();
    world.write("value", "another-value-of-some-length");
    for (line, status) in [
        ("hasp-vault set db/url --from value -q", 74),
        ("hasp-vault rotate db/url --from value", 74),
        ("hasp-vault deposit db/url --from value", 74),
        ("hasp-grant -q --consumer user -e K=db/url --for 1h --keep -- true", 74),
        ("hasp-grant -q -x --consumer user -e K=db/url -- true", 125),
    ] {
        let outcome = world.sh(&format!("ulimit -f 0; {line}"));
        assert_eq!(outcome.status, status, "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("file too large"), "{line}: {}", outcome.stderr);
    }
    let left = world.files(&world.home());
    let temporary = left.iter().filter(|path| path.extension().is_some_and(|e| e == "tmp"));
    assert_eq!(temporary.collect::<Vec<_>>(), [] as [&std::path::PathBuf; 0]);
    world.sh("hasp-grant -q -x --consumer user -e K=db/url -- true").ok();
}
