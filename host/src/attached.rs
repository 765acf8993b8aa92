//! The serial devices that are attached now, as the operating system lists them.

use std::fmt::Write as _;
use std::path::Path;

use serialport::{SerialPortType, UsbPortInfo};

/// What tells a USB serial port from all others, wherever it is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsbId {
    vid: u16,
    pid: u16,
    serial: String,
    /// Which of a device's several ports.
    interface: Option<u8>,
}

impl UsbId {
    /// `None` for a device without serial number, which looks like all others of its kind.
    fn of(info: &UsbPortInfo) -> Option<Self> {
        let serial = info.serial_number.clone().filter(|serial| !serial.is_empty())?;
        Some(Self { vid: info.vid, pid: info.pid, serial, interface: info.interface })
    }
}

impl std::fmt::Display for UsbId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04x}:{:04x}:{}", self.vid, self.pid, self.serial)?;
        match self.interface {
            Some(interface) if interface > 0 => write!(f, ":{interface}"),
            _ => Ok(()),
        }
    }
}

/// A serial device that is attached.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Where it is opened, such as `/dev/ttyACM0`.
    pub path: String,
    usb: Option<UsbPortInfo>,
}

impl Attached {
    /// Every serial device, USB first; none where the system cannot tell.
    #[must_use]
    pub fn list() -> Vec<Self> {
        // The library takes for granted that Linux has this directory; a container may not.
        if cfg!(target_os = "linux") && !Path::new("/sys/class/tty").is_dir() {
            return Vec::new();
        }
        let mut all: Vec<Self> = serialport::available_ports().unwrap_or_default().into_iter().map(Self::of).collect();
        all.sort_by(|a, b| (a.usb.is_none(), &a.path).cmp(&(b.usb.is_none(), &b.path)));
        all
    }

    /// A device that is not there.
    #[cfg(test)]
    pub(crate) fn example(path: &str, is_usb: bool) -> Self {
        let usb = UsbPortInfo {
            vid: 0x0d28,
            pid: 0x0204,
            serial_number: Some("9904".into()),
            manufacturer: Some("Arm".into()),
            product: Some("BBC micro:bit".into()),
            interface: None,
        };
        Self { path: path.into(), usb: is_usb.then_some(usb) }
    }

    fn of(info: serialport::SerialPortInfo) -> Self {
        let usb = match info.port_type {
            SerialPortType::UsbPort(usb) => Some(usb),
            _ => None,
        };
        Self { path: info.port_name, usb }
    }

    /// True for a port on USB; the others are as a rule the computer's own, with nothing attached.
    #[must_use]
    pub fn is_usb(&self) -> bool {
        self.usb.is_some()
    }

    /// What tells it from all others, if it has that.
    pub(crate) fn id(&self) -> Option<UsbId> {
        self.usb.as_ref().and_then(UsbId::of)
    }

    /// The device at `path`, also when that is a link such as those in `/dev/serial/by-id`.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let real = path.canonicalize().ok()?;
        Self::list().into_iter().find(|attached| Path::new(&attached.path) == real)
    }

    /// The device of that identity, wherever it is now.
    pub(crate) fn with_id(id: &UsbId) -> Option<Self> {
        Self::list().into_iter().find(|attached| attached.id().as_ref() == Some(id))
    }

    /// A table of devices: path, VID:PID, serial number, product.
    #[must_use]
    pub fn table(all: &[Self]) -> String {
        let mut rows = vec![["PORT", "VID:PID", "SERIAL NUMBER", "PRODUCT"].map(str::to_owned)];
        rows.extend(all.iter().map(Self::row));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [first, second, third] = [width(0), width(1), width(2)];
        let mut table = String::new();
        for [path, id, serial, product] in &rows {
            let line = format!("{path:first$}  {id:second$}  {serial:third$}  {product}");
            let _ = writeln!(table, "{}", line.trim_end());
        }
        table
    }

    fn row(&self) -> [String; 4] {
        let Some(usb) = &self.usb else { return [self.path.clone(), "-".into(), "-".into(), "-".into()] };
        let text = |field: &Option<String>| field.clone().unwrap_or_else(|| "-".into());
        let product = match (&usb.product, &usb.manufacturer) {
            (Some(product), _) => product.clone(),
            (None, manufacturer) => text(manufacturer),
        };
        [self.path.clone(), format!("{:04x}:{:04x}", usb.vid, usb.pid), text(&usb.serial_number), product]
    }

    /// A sentence on what is there, for someone who asked for something that is not.
    pub(crate) fn sentence(all: &[Self]) -> String {
        let paths: Vec<&str> = all.iter().map(|attached| attached.path.as_str()).collect();
        match paths.as_slice() {
            [] => "No serial device is attached; `--port demo` starts a virtual one".into(),
            paths => format!("Attached are: {}", paths.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Attached;

    fn usb(path: &str, serial: Option<&str>, interface: Option<u8>) -> Attached {
        let mut device = Attached::example(path, true);
        if let Some(usb) = &mut device.usb {
            usb.serial_number = serial.map(str::to_owned);
            usb.interface = interface;
        }
        device
    }

    #[test]
    fn the_table_is_aligned_and_says_what_is_unknown() {
        let table = Attached::table(&[
            usb("/dev/ttyACM0", Some("9904"), None),
            Attached { path: "/dev/ttyS0".into(), usb: None },
        ]);
        let expected = "PORT          VID:PID    SERIAL NUMBER  PRODUCT\n\
                        /dev/ttyACM0  0d28:0204  9904           BBC micro:bit\n\
                        /dev/ttyS0    -          -              -\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn an_identity_needs_a_serial_number_and_tells_interfaces_apart() {
        assert!(usb("a", None, None).id().is_none());
        assert!(usb("a", Some(""), None).id().is_none());
        assert_eq!(usb("a", Some("1"), Some(0)).id(), usb("b", Some("1"), Some(0)).id());
        assert_ne!(usb("a", Some("1"), Some(0)).id(), usb("a", Some("1"), Some(2)).id());
        assert_eq!(usb("a", Some("1"), Some(2)).id().unwrap().to_string(), "0d28:0204:1:2");
    }
}
