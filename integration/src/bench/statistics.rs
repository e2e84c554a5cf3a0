//! Figures from samples.

use fastrand::Rng;
use serde::Serialize;

/// How often the samples are redrawn for an interval.
const RESAMPLES: usize = 1000;

/// A fixed seed: the same samples give the same interval.
const SEED: u64 = 1;

/// A figure and its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// The median. Panics without samples.
#[must_use]
pub fn median(samples: &[f64]) -> f64 {
    middle(&mut samples.to_vec())
}

fn middle(samples: &mut [f64]) -> f64 {
    let half = samples.len() / 2;
    let even = samples.len().is_multiple_of(2);
    let (below, upper, _) = samples.select_nth_unstable_by(half, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    match lower.filter(|_| even) {
        Some(lower) => (lower + *upper) / 2.0,
        None => *upper,
    }
}

/// The percentile by the nearest-rank method; `part` is between 0 and 1. Panics without samples.
#[must_use]
pub fn percentile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// The ratio of the medians, with a bootstrapped interval. Both were sampled in the same rounds, so
/// whole rounds are drawn: a disturbance in a round affected both. Panics when the numbers of
/// samples differ or are 0.
#[must_use]
pub fn ratio(samples: &[f64], base: &[f64]) -> Estimate {
    assert_eq!(samples.len(), base.len(), "as many rounds of both");
    let mut rng = Rng::with_seed(SEED);
    let mut drawn = [Vec::new(), Vec::new()];
    let mut draw = || {
        drawn.iter_mut().for_each(Vec::clear);
        for _ in samples {
            let round = rng.usize(..samples.len());
            drawn[0].push(samples[round]);
            drawn[1].push(base[round]);
        }
        let [above, below] = &mut drawn;
        middle(above) / middle(below)
    };
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| draw()).collect();
    ratios.sort_by(f64::total_cmp);
    Estimate {
        value: median(samples) / median(base),
        low: ratios[RESAMPLES * 25 / 1000],
        high: ratios[RESAMPLES * 975 / 1000 - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let samples: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        assert_eq!(percentile(&samples, 0.5), 500.0);
        assert_eq!(percentile(&samples, 0.99), 990.0);
        assert_eq!(percentile(&samples, 0.999), 999.0);
        assert_eq!(percentile(&[5.0], 0.999), 5.0);
    }

    #[test]
    fn the_interval_holds_the_ratio_and_widens_with_the_noise() {
        let noisy = |scale: f64, noise: f64| -> Vec<f64> {
            (0..200).map(|i| scale + noise * f64::from(i % 7)).collect()
        };
        let base = noisy(100.0, 0.1);
        let [quiet, loud] = [0.1, 20.0].map(|noise| ratio(&noisy(200.0, noise), &base));
        for estimate in [quiet, loud] {
            assert!(estimate.low <= estimate.value && estimate.value <= estimate.high);
        }
        assert!((quiet.value - 2.0).abs() < 0.01, "{quiet:?}");
        assert!(quiet.high - quiet.low < loud.high - loud.low);
    }
}
