//! prototype
use super::spawn_path::PATHS;
use crate::session::{End, Stop};
use clap::Args;

/// x
#[derive(Debug, Args)]
pub(crate) struct Probe {
    #[arg(long, default_value_t = 1000)]
    quads: usize,
    #[arg(long, default_value_t = 0)]
    spin: u32,
    #[arg(long)]
    count: Option<u64>,
}

pub(crate) fn run(p: &Probe) -> Result<End, Stop> {
    let path = PATHS[std::env::var("P").ok().map_or(0, |p| p.parse().unwrap())];
    if let Some(c) = p.count {
        path.run(c, p.spin)?;
        return Ok(End::Complete);
    }
    for path in PATHS {
        let s = path.slices(p.quads, p.spin)?;
        let q = |v: &[f64], f: f64| v[((v.len() - 1) as f64 * f) as usize];
        print!("{} ", path.name());
        for f in [0.02, 0.1, 0.25, 0.5] {
            print!(
                "{:.2}/{:.2}={:.3} ",
                q(&s.tasks, f),
                q(&s.closures, f),
                q(&s.tasks, f) / q(&s.closures, f)
            );
        }
        println!();
    }
    Ok(End::Complete)
}
