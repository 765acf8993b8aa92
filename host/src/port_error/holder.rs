//! Who has a device file open, as far as `/proc` tells.

use std::fs;
use std::path::Path;

/// Who has the file open: `minicom (process 4711)`.
pub(super) fn holder(path: &Path) -> String {
    let unknown = || format!("another program (`sudo fuser -v {}` shows which)", path.display());
    let Ok(real) = path.canonicalize() else { return unknown() };
    let holds = |process: &fs::DirEntry| {
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        files.map(|file| fs::read_link(file.path())).any(|target| target.is_ok_and(|target| target == real))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut numbered = processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry)));
    let Some((pid, process)) = numbered.find(|(_, process)| holds(process)) else { return unknown() };
    let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
    match pid == std::process::id() {
        true => "this very program, under another name".into(),
        false => format!("{} (process {pid})", name.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::holder;
    use std::path::Path;

    #[test]
    fn the_holder_of_a_file_is_found() {
        let file = std::fs::File::open("/etc/passwd").unwrap();
        assert_eq!(holder(Path::new("/etc/passwd")), "this very program, under another name");
        drop(file);
    }
}
