package fleet_test

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var many = flag.Int("apps", 1000, "the number of apps and of channels of TestThousandAppsAndChannels")

const (
	// manyLimit only ends a test that hangs; what it takes is in the log.
	manyLimit = 10 * time.Minute
	// megabytes is what the manager of a thousand apps may hold.
	megabytes = 150
	// quiet is how long nothing may be written; every channel is probed and every dispatcher reports four times meanwhile.
	quiet = time.Minute
)

// TestThousandAppsAndChannels: a thousand channels and a thousand apps in one namespace settle, cost nothing from then on but
// reports and probes, and do not notice that the manager restarts.
func TestThousandAppsAndChannels(t *testing.T) {
	if race || testing.Short() {
		t.Skip("a thousand apps are too many for the race detector")
	}
	usual := func(s *settings) { s.ReportPeriod = 15 * time.Second }
	began := time.Now()
	f := launch(t, *many)
	t.Logf("%d channels, %d apps and their Secrets were made in %.0f s", len(f.channels), len(f.apps), time.Since(began).Seconds())
	before := writes(t)
	began = time.Now()
	p := f.start(t, usual)
	f.ready(t, manyLimit)
	settled := time.Since(began)
	v := f.idle(t, p, manyLimit)
	t.Logf("settled in %.0f s, in which the manager worked %.0f s: %d passes over apps, %d over channels, requests that may write: %v",
		settled.Seconds(), p.processor(t).Seconds(), v.Passes["pushapp"], v.Passes["pushchannel"], since(before, writes(t)))
	f.peace(t, p)

	versions, before := f.versions(t), writes(t)
	p.stop(t)
	began = time.Now()
	p = f.start(t, usual)
	f.idle(t, p, manyLimit)
	t.Logf("a new manager went over everything in %.0f s: requests that may write: %v", time.Since(began).Seconds(), since(before, writes(t)))
	f.unchanged(t, versions, "a restart of the manager")
	for request := range since(before, writes(t)) {
		if !strings.HasPrefix(request, "APPLY ") {
			t.Errorf("a restart of the manager made requests %s", request)
		}
	}
	f.peace(t, p)
}

// peace watches a settled fleet for a minute, in which nobody may write, and measures the manager.
func (f *fleet) peace(t *testing.T, p *process) {
	t.Helper()
	before, probes := writes(t), f.vendor.Probes(f.namespace)
	<-time.After(quiet)
	if wrote := since(before, writes(t)); len(wrote) > 0 {
		t.Errorf("in %s of peace there were requests %v", quiet, wrote)
	}
	heap := float64(p.vitals(t).Heap) / 1e6
	now, most := p.memory(t)
	t.Logf("0 writes in %s, with %d probes; the manager holds %.0f MB, at most %.0f MB, of which %.0f MB are live heap",
		quiet, f.vendor.Probes(f.namespace)-probes, now, most, heap)
	if most > megabytes {
		t.Errorf("the manager held %.0f MB, want at most %d MB", most, megabytes)
	}
}
