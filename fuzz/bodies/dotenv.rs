//! A .env file: every assignment lies in the file, and its value can be taken out of it.

use hasp_core::dotenv::read;

/// The bytes of a file.
pub fn dotenv(data: &[u8]) {
    let file = read(data);
    for variable in &file.variables {
        assert!(data.get(variable.span.clone()).is_some(), "a value outside of the file");
        assert!(variable.value(data).is_ok_and(|value| value.len() <= variable.span.len()));
    }
    assert!(file.winning().len() <= file.variables.len());
    assert!(file.doubled().iter().all(|(_, lines)| lines.len() > 1));
}
