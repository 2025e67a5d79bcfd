//! How long a screen takes to draw.
fn main() {
    divan::main();
}
