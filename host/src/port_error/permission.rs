//! How to be allowed to open a device file: the way that fits the file, the user and the groups.

use std::path::Path;

const GROUP_READ_WRITE: u32 = 0o060;

/// The way that fits: into the file's group where that helps, else a udev rule.
pub(super) fn how_to_be_allowed(path: &Path, user: &str, group: &str, gid: u32, mode: u32, groups: &str) -> String {
    // A rule goes by the kernel's name, which that of a link such as those in /dev/serial/by-id is not.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let device = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kernel = match device.trim_end_matches(|digit: char| digit.is_ascii_digit()) {
        "" => device.clone(),
        kind => format!("{kind}*"),
    };
    if gid == 0 || mode & GROUP_READ_WRITE != GROUP_READ_WRITE {
        return format!(
            "Only root may: add a udev rule, `echo 'KERNEL==\"{kernel}\", GROUP=\"dialout\", MODE=\"0660\"' | sudo tee \
             /etc/udev/rules.d/70-pocketmux.rules`, join the group with `sudo usermod -aG dialout {user}`, log in again, and replug the \
             device."
        );
    }
    if is_member(user, group, groups) {
        return format!("You were put into its group {group}, but after you logged in: log out and in again.");
    }
    format!("It belongs to the group {group}: run `sudo usermod -aG {group} {user}`, then log out and in again.")
}

/// The name of a group in the text of `/etc/group`, or its number.
pub(super) fn name_of(gid: u32, groups: &str) -> String {
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.get(2).is_some_and(|field| field.parse() == Ok(gid)));
    found.and_then(|fields| fields.first().map(|name| (*name).to_owned())).unwrap_or_else(|| gid.to_string())
}

fn is_member(user: &str, group: &str, groups: &str) -> bool {
    let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.first() == Some(&group));
    found
        .and_then(|fields| fields.get(3).copied())
        .is_some_and(|members| members.split(',').any(|member| member == user))
}

#[cfg(test)]
mod tests {
    use super::{how_to_be_allowed, name_of};
    use std::path::Path;

    const GROUPS: &str = "root:x:0:\ndialout:x:20:ann,bob\nplugdev:x:46:\n";

    #[test]
    fn the_fix_for_a_forbidden_device_names_its_group() {
        let fix = |user: &str, gid: u32, mode: u32| {
            how_to_be_allowed(Path::new("/dev/ttyACM0"), user, &name_of(gid, GROUPS), gid, mode, GROUPS)
        };
        assert!(fix("eve", 20, 0o20_660).contains("`sudo usermod -aG dialout eve`"));
        assert!(fix("eve", 46, 0o20_660).contains("-aG plugdev eve"));
        assert!(fix("eve", 999, 0o20_660).contains("-aG 999 eve"));
        assert!(fix("bob", 20, 0o20_660).contains("log out and in again"));
        assert!(
            fix("eve", 0, 0o20_600).contains("udev rule") && fix("eve", 0, 0o20_600).contains("KERNEL==\"ttyACM*\"")
        );
        assert!(fix("eve", 20, 0o20_600).contains("udev rule"));
    }

    #[test]
    fn the_rule_for_a_link_names_the_device_behind_it() {
        let link = std::env::temp_dir().join(format!("pocketmux-link-{}", std::process::id()));
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let fix = how_to_be_allowed(&link, "eve", "root", 0, 0o20_600, GROUPS);
        std::fs::remove_file(&link).unwrap();
        assert!(fix.contains("KERNEL==\"null*\""), "{fix}");
    }
}
