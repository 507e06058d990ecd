"""Side-by-side measurements: `python -m benchmarks --help`, explained in docs/performance.md."""
