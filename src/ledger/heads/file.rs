//! The file of signed heads: one line for each, appended and synced.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// The longest accepted line; a signed head takes an eighth of this, a closing record with forty kinds
/// of transfer half.
const MAX_LINE: u64 = 4096;

/// Appends lines and returns after they are synced to disk; creates the folder and file if missing.
/// A partial line left by a crash is truncated first: it was never reported as written.
pub fn append(path: &Path, lines: &[String]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
    }
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    drop_torn_line(&mut file)?;
    let mut text = lines.join("\n");
    text.push('\n');
    file.seek(SeekFrom::End(0))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Sync the folder too: otherwise a new file can be lost in a power failure.
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn drop_torn_line(file: &mut File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(MAX_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    file.take(MAX_LINE).read_to_end(&mut end)?;
    let torn = end.iter().rev().take_while(|byte| **byte != b'\n').count();
    let torn = u64::try_from(torn).map_err(io::Error::other)?;
    if torn == MAX_LINE {
        return Err(too_long());
    }
    if torn > 0 {
        file.set_len(length - torn)?;
    }
    Ok(())
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a line is too long: not a file of signed heads")
}

/// Iterates over the complete lines of such a file; skips a line that is still being written.
#[derive(Debug)]
pub(in crate::ledger) struct HeadLines<R>(R);

impl<R: BufRead> HeadLines<R> {
    /// The lines of `reader`.
    pub const fn new(reader: R) -> Self {
        Self(reader)
    }

    fn read(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.0.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line)?;
        match line.pop() {
            Some(b'\n') => Ok(Some(String::from_utf8_lossy(&line).into_owned())),
            Some(_) if u64::try_from(line.len()).is_ok_and(|n| n >= MAX_LINE) => Err(too_long()),
            Some(_) | None => Ok(None),
        }
    }
}

impl<R: BufRead> Iterator for HeadLines<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<io::Result<String>> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Result<String, io::ErrorKind>> {
        HeadLines::new(text.as_bytes()).map(|line| line.map_err(|e| e.kind())).take(3).collect()
    }

    #[test]
    fn reads_whole_lines_of_bounded_length() {
        assert_eq!(lines(""), []);
        assert_eq!(lines("a\n\nb"), [Ok("a".to_owned()), Ok(String::new())]);
        let longest = "x".repeat(4096);
        assert_eq!(lines(&format!("{longest}\n")), [Ok(longest.clone())]);
        assert_eq!(lines(&format!("{longest}x\n"))[0], Err(io::ErrorKind::InvalidData));
        assert_eq!(lines(&longest), []);
    }

    #[test]
    fn appends_after_dropping_what_a_crash_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/heads.jsonl");
        append(&path, &["one".into(), "two".into()]).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"torn").unwrap();
        append(&path, &["three".into()]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads.jsonl");
        let other = "y".repeat(5000);
        fs::write(&path, &other).unwrap();
        let error = append(&path, &["one".into()]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(&path).unwrap(), other);
    }
}
