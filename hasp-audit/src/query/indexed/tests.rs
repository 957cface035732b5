//! Lines by the index: numbers that all terms share, and the lines of these numbers.

use super::*;

#[test]
fn lists_are_intersected() {
    let none: [u32; 0] = [];
    assert_eq!(both(&[1, 3, 5, 9], &[0, 3, 4, 9, 12]), [3, 9]);
    assert_eq!(both(&[3], &[0, 1, 2, 3, 4]), [3]);
    assert_eq!(both(&none, &[1]), none);
}

#[test]
fn lines_are_picked_by_number() {
    let picked = |content: &[u8], wanted: &[u32]| {
        let mut found: Vec<Vec<u8>> = Vec::new();
        let mut each = |line: &[u8]| {
            found.push(line.to_vec());
            Ok(())
        };
        assert!(pick(content, 10, wanted, &mut each).is_ok());
        found
    };
    assert_eq!(picked(b"a\nb\nc\n", &[10, 12]), [b"a", b"c"]);
    assert_eq!(picked(b"a\nb\nc", &[11, 12]), [b"b", b"c"]);
}
