//! Tells the crate the digest of its own sources: forecasts record which code made them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    let mut files = Vec::new();
    gather(Path::new("src"), &mut files)?;
    files.sort();
    let mut digest = blake3::Hasher::new();
    for path in files {
        let text = fs::read(&path)?;
        let name = path.to_string_lossy().replace('\\', "/");
        digest.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        digest.update(&(text.len() as u64).to_le_bytes()).update(&text);
    }
    // The crates beneath, libm first of all, have their say in the bits.
    if let Ok(lock) = fs::read("../Cargo.lock") {
        digest.update(&lock);
    }
    println!("cargo::rustc-env=MODELS_CODE={}", digest.finalize().to_hex());
    Ok(())
}

fn gather(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
