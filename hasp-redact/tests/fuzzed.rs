//! What the fuzz target of the filter runs, for a few thousand inputs made of what values and
//! their forms are made of.

#[path = "../../fuzz/bodies/filter.rs"]
mod filter;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_bytes(data: Vec<u8>) {
        filter::filter(&data);
    }

    #[test]
    fn letters_and_what_dumps_are_made_of(
        length: u8, read: u8, rest in "[a-zA-Z0-9:,x \n]{60,300}",
    ) {
        filter::filter(&[&[length, read], rest.as_bytes()].concat());
    }
}
