"""What needs the history of a person or of a place: pure, without input and output and clocks.

It works on the few rows a day that `itrack.trajectory` finds, never on fixes. The part `itrack habits`, a run over the
whole history and tests call the same.

| module | idea |
| --- | --- |
| `rules` | the numbers that habits are judged by, and the version they carry |
| `life`, `past` | a person's rows; what they teach at a moment |
| `robust`, `slots`, `places`, `rarity` | median and MAD; usual times of day; clusters of stays; isolation forest |
| `unusual_speed`, `unusual_place`, `unusual_hour`, `off_way`, `wandering`, `stopped_long` | one kind of anomaly each |
| `judge` | all of them, and which are told |
| `presence`, `windows`, `crowds`, `surge` | who is where when; people by cells, never fewer than k; sudden crowds |
| `rhythm`, `measures`, `home_work` | a person's days and weeks; what they are measured by; home and work |
"""
