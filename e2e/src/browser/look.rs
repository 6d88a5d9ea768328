//! How pages are shown: size, theme, motion.

/// How pages are shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// Device pixels per CSS pixel.
    pub scale: f64,
    /// Whether the system's theme is dark.
    pub is_dark: bool,
    /// Whether things may move.
    pub has_motion: bool,
}

impl Look {
    /// A desktop, light.
    pub const WIDE: Self = Self {
        width: 1280,
        height: 800,
        scale: 1.0,
        is_dark: false,
        has_motion: false,
    };
    /// The narrowest telephone.
    pub const NARROW: Self = Self {
        width: 360,
        height: 720,
        ..Self::WIDE
    };

    /// The same in the dark theme.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self {
            is_dark: true,
            ..self
        }
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.is_dark { "dark" } else { "light" }
    }

    pub(super) fn motion(&self) -> &'static str {
        if self.has_motion {
            "no-preference"
        } else {
            "reduce"
        }
    }
}
