// Package chaos breaks a running app on purpose, by a seeded schedule, while
// messages come at a fixed rate, and lets an independent checker say what became
// of them: it knows only what the API acknowledged, what the phones showed and
// what the inboxes hold. The short form runs with all tests; the long one writes
// docs/reliability.md.
package chaos

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/offlinepush/operator/hack/e2e/process"
)

// The flags of a run; the defaults are the short form.
var (
	seedFlag   = flag.Uint64("seed", 0, "`number` that decides faults and receivers; 0 takes a new one")
	duration   = flag.Duration("duration", 40*time.Second, "how long messages come")
	rateFlag   = flag.Int("rate", 60, "messages per second and store")
	faultsFlag = flag.Int("faults", 8, "faults in that time, for each store")
	reportFlag = flag.String("report", "", "`file` to write the results to")
)

var binaries process.Binaries

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "chaos")
	if err == nil {
		defer os.RemoveAll(dir) //nolint:errcheck // the system cleans it
		binaries, err = process.Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// TestChaos is the proof: nothing is lost and nothing goes to a wrong user.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	results := map[string]*result{}
	t.Run("stores", func(t *testing.T) {
		for _, k := range kinds() {
			r := &result{}
			results[k.name] = r
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				*r = trial(t, k, rand.New(rand.NewPCG(seed, uint64(len(k.name)))))
			})
		}
	})
	if *reportFlag != "" && !t.Failed() {
		if err := os.WriteFile(*reportFlag, []byte(document(seed, results)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// trial is one store under load and faults, and the checker's verdict.
func trial(t *testing.T, k kind, dice *rand.Rand) result {
	t.Helper()
	w := newWorld(t, k)
	people := w.settle(t, dice)
	l := startLoad(t, w, people, rand.New(rand.NewPCG(dice.Uint64(), 1)))
	faults := w.breakThings(t, dice)
	acked := l.stop(t)
	w.heal(t)
	people.await(t, acked)
	w.quiet(t)
	people.leave(t)
	r := check(acked, people.evidence(t), faults)
	r.account = w.account(t)
	r.log(t)
	for _, problem := range r.problems {
		t.Error(problem)
	}
	return r
}
