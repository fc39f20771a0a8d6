"""The mobility logic: pure, without input and output, clocks, Spark or pandas. Stream, batch and tests call the same.

| module | idea |
| --- | --- |
| `device_logic` | one phone: fixes and silence in, events out; the door for every caller |
| `point` | an accepted fix, reduced to what the logic needs; distance on the Earth |
| `rules` | the numbers that the logic goes by, and the version they carry |
| `quality` | what is wrong with one fix, seen alone |
| `sequence` | what is wrong with a fix beside those before it: duplicate, late, impossible jump |
| `stops` | staypoints, found from fixes and from silence |
| `trips` | movement between staypoints |
| `gaps` | silence after which the person was elsewhere |
| `anomalies` | what a person should look at, with a sentence |
| `news` | the findings in the words and events that every part speaks |
| `cells` | how many fixes of how many phones fell into which cell during which window |
"""
