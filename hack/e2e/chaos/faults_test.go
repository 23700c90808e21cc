package chaos

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// fault is something that goes wrong.
type fault struct {
	name string
	// shared means that it takes a database of its own.
	shared bool
	// do lets it happen, and returns when it is over.
	do func(t *testing.T, w *world, dice *rand.Rand)
}

// happened is a fault with its times.
type happened struct {
	name       string
	start, end time.Time
}

const (
	longestStorm = 8 * time.Second
	frozen       = 20 * time.Second // longer than a lease
)

// storm is how long a vendor is in trouble.
func storm() time.Duration { return min(longestStorm, *duration/time.Duration(*faultsFlag)) }

func allFaults() []fault {
	return []fault{
		{name: "a dispatcher is killed (kill -9)", do: kill},
		{name: "a dispatcher is replaced (SIGTERM)", do: replace},
		{name: "a dispatcher freezes for 3 s (SIGSTOP)", do: freeze(3 * time.Second)},
		{name: "a dispatcher freezes for 20 s (SIGSTOP)", shared: true, do: freeze(frozen)},
		{name: "all dispatchers are killed at once", shared: true, do: killAll},
		{name: "the database is killed (kill -9 of all its processes)", shared: true, do: killDatabase},
		{name: "a vendor answers 503 to everything", do: vendorFault(traffic.Fault{Status: 503})},
		{name: "a vendor throttles everything", do: vendorFault(traffic.Fault{Throttle: true, RetryAfterSeconds: 1})},
		{name: "a vendor takes 4 s for each answer", do: vendorFault(traffic.Fault{LatencyMs: 4000})},
		{name: "a vendor resets half of the connections", do: vendorFault(traffic.Fault{ResetConnection: true, Probability: 0.5})},
		{name: "a third of a vendor's answers are lost after it accepted", do: vendorFault(traffic.Fault{DropResponseAfterAccept: true, Probability: 0.33})},
		{name: "all access tokens of a vendor end", do: expire},
		{name: "a credential is rotated at the vendor, and 2 s later here", do: rotate},
	}
}

// breakThings lets faults happen one after the other, spread over the time of the load.
func (w *world) breakThings(t *testing.T, dice *rand.Rand) (all []happened) {
	t.Helper()
	var usable []fault
	for _, f := range allFaults() {
		if !f.shared || w.shared {
			usable = append(usable, f)
		}
	}
	start := time.Now()
	order := dice.Perm(len(usable))
	for n := range *faultsFlag {
		due := start.Add(*duration * time.Duration(n+1) / time.Duration(*faultsFlag+1))
		pause(t, time.Until(due))
		f := usable[order[n%len(order)]]
		h := happened{name: f.name, start: time.Now()}
		t.Logf("%s: %s", w.name, f.name)
		f.do(t, w, dice)
		h.end = time.Now()
		all = append(all, h)
	}
	pause(t, time.Until(start.Add(*duration)))
	return all
}

// heal ends what a fault may have left, so that the rest can arrive.
func (w *world) heal(t *testing.T) {
	t.Helper()
	for _, v := range vendors() {
		if err := w.sim.Client.ClearFault(t.Context(), v.Row); err != nil {
			t.Fatal(err)
		}
	}
}

func kill(t *testing.T, w *world, dice *rand.Rand) {
	t.Helper()
	n := dice.IntN(len(w.dispatchers))
	w.dispatchers[n].Kill()
	pause(t, time.Duration(200+dice.IntN(3000))*time.Millisecond)
	w.start(t, n)
}

func killAll(t *testing.T, w *world, dice *rand.Rand) {
	t.Helper()
	for _, d := range w.dispatchers {
		d.Kill()
	}
	pause(t, time.Duration(200+dice.IntN(1000))*time.Millisecond)
	for n := range w.dispatchers {
		w.start(t, n)
	}
}

func replace(t *testing.T, w *world, dice *rand.Rand) {
	t.Helper()
	n := dice.IntN(len(w.dispatchers))
	w.dispatchers[n].Terminate(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if code, err := w.dispatchers[n].Wait(ctx); err != nil || code != 0 {
		t.Errorf("a dispatcher that was told to stop ended with %d, %v", code, err)
	}
	w.start(t, n)
}

func freeze(d time.Duration) func(*testing.T, *world, *rand.Rand) {
	return func(t *testing.T, w *world, dice *rand.Rand) {
		t.Helper()
		n := dice.IntN(len(w.dispatchers))
		w.dispatchers[n].Signal(t, syscall.SIGSTOP)
		pause(t, d)
		w.dispatchers[n].Signal(t, syscall.SIGCONT)
	}
}

func killDatabase(t *testing.T, w *world, dice *rand.Rand) {
	t.Helper()
	if err := w.database.Kill9(); err != nil {
		t.Fatal(err)
	}
	pause(t, time.Duration(500+dice.IntN(3000))*time.Millisecond)
	if err := w.database.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func vendorFault(f traffic.Fault) func(*testing.T, *world, *rand.Rand) {
	return func(t *testing.T, w *world, dice *rand.Rand) {
		t.Helper()
		f.Seed = dice.Uint64()
		row := vendors()[dice.IntN(len(vendors()))].Row
		if err := w.sim.Client.SetFault(t.Context(), row, f); err != nil {
			t.Fatal(err)
		}
		pause(t, storm())
		if err := w.sim.Client.ClearFault(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
}

func expire(t *testing.T, w *world, dice *rand.Rand) {
	t.Helper()
	row := []string{"fcm", "oppo"}[dice.IntN(2)]
	if err := w.sim.Client.ExpireTokens(t.Context(), row); err != nil {
		t.Fatal(err)
	}
}

func rotate(t *testing.T, w *world, _ *rand.Rand) {
	t.Helper()
	for i, row := range w.doc.Channels {
		if row.Xiaomi == nil {
			continue
		}
		app, err := w.sim.Client.RotateXiaomiApp(t.Context(), row.Xiaomi.PackageName, "")
		if err != nil {
			t.Fatal(err)
		}
		pause(t, 2*time.Second)
		next := *row.Xiaomi
		next.AppSecret = config.NewSecret(app.AppSecret)
		w.doc.Channels[i].Xiaomi = &next
		w.configure(t)
	}
}
