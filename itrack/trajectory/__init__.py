"""The mobility logic: pure, without input and output, clocks, Spark or pandas. Stream, batch and tests call the same.

What is done for each fix is compiled (numba) and works on records of plain numbers; the rest is Python.

| module | idea |
| --- | --- |
| `fleet` | many phones: fixes and silence in, findings out; the door for the stream |
| `replay` | one phone's whole past in one go; the door for batch, repairs and explanations |
| `phone` | one phone: the next point, or silence; compiled |
| `recent` | late points find their place among the newest ones, and what that changes is told; compiled |
| `point` | a fix as the logic works on it; distance on the Earth |
| `rules` | the numbers that the logic goes by, and the version they carry |
| `quality` | what is wrong with one fix, seen alone |
| `sequence` | what is wrong with a point beside those before it: repeated, impossible jump |
| `stops` | staypoints, found from points and from silence; `stop_state` is what it remembers |
| `places`, `arriving`, `leaving`, `dating` | the newest places; how a stay begins, how it ends, and when it did |
| `stop_batch` | all stops of a track and nothing else; `sliding` is the literature's rule, to compare with |
| `trips` | movement between staypoints |
| `path`, `outliers`, `progress` | how long a way was, along points that are wrong by metres |
| `passages` | where a person on the move was seen, to count people by cells |
| `anomalies` | what a person should look at, shown by single fixes |
| `found` | a finding as a record of numbers |
| `words` | a finding in words: the structs that every part speaks |
| `news` | what is to be told of findings: events, corrections, withdrawals |
| `explain` | why a fix was used, or was not |
| `compiled` | how functions are compiled, and where that is kept |
"""
