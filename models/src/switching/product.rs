//! What densities of normal errors are multiplied up with.

/// ½ ln 2π.
pub(super) const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// A product of many small numbers, kept as its logarithm without taking one each time.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogProduct {
    log: f64,
    product: f64,
}

impl LogProduct {
    pub const ONE: Self = Self { log: 0.0, product: 1.0 };

    /// Multiplies by `factor`, at least 1e-300.
    pub fn push(&mut self, factor: f64) {
        if factor < 1e-100 {
            self.log += libm::log(factor);
            return;
        }
        self.product *= factor;
        if !(1e-150..=1e150).contains(&self.product) {
            self.log += libm::log(self.product);
            self.product = 1.0;
        }
    }

    pub fn log(self) -> f64 {
        self.log + libm::log(self.product)
    }
}
