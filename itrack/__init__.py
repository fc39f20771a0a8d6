"""What every part of I-Track speaks: types, units, errors, settings, wire formats and the `itrack` command."""
