package main

import "testing"

// TestTimeIsUp: the end of the time is no failure, and nothing else is taken for it.
func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	const (
		start = "fuzz: elapsed: 0s, gathering baseline coverage: 20/20 completed, now fuzzing with 2 workers\n"
		going = "fuzz: elapsed: 1s, execs: 29431 (28466/sec), new interesting: 1 (total: 21)\n"
		late  = "--- FAIL: FuzzGrant (1.05s)\n    context deadline exceeded\nFAIL\n"
	)
	for said, want := range map[string]bool{
		start + going + late: true,
		start + late:         true,
		"--- FAIL: FuzzGrant (1.05s)\n    --- FAIL: FuzzGrant (0.00s)\n        a_test.go:9: context deadline exceeded\n    \n    Failing input written to x\nFAIL\n": false,
		"failure while testing seed corpus entry: FuzzGrant/seed\n" + late:                                                                                           false,
		start + going + "fuzz: minimizing 112-byte failing input file\n" + late:                                                                                      false,
		start + going + "--- FAIL: FuzzGrant (1.05s)\n    fuzzing process hung or terminated unexpectedly: exit status 2\nFAIL\n":                                    false,
	} {
		if got := timeIsUp.MatchString(said); got != want {
			t.Errorf("%q: %t, want %t", said, got, want)
		}
	}
}
