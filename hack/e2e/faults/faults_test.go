//go:build e2e

// Package faults breaks apps on a real node in all the ways that users meet, and
// holds the status to it: within a minute it tells of the fault with the cure, and
// within a minute of the cure that all is well. Each fault has a namespace of its own.
package faults

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

var (
	all        = flag.Bool("all", false, "every fault instead of the core ones")
	only       = flag.String("only", "", "`names` of faults, separated by commas, instead of all of them")
	atOnce     = flag.Int("at-once", 4, "how many faults at a time; each needs two pods")
	reportFlag = flag.String("report", "", "`file` to write the results to")
)

const (
	// ownerSpace holds a channel whose owner lets nobody else in.
	ownerSpace = "faults-owner"
	// spaceLabel marks what belongs to a space.
	spaceLabel = "faults.offlinepush.io/space"
)

// outcome is what came of a fault.
type outcome struct {
	told, healed time.Duration
	message      string
}

func TestMain(m *testing.M) {
	flag.Parse()
	// The faults wait most of the time, so there may be more of them than processors.
	if err := flag.Set("test.parallel", strconv.Itoa(*atOnce)); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestFaults(t *testing.T) {
	chosen := choose()
	if len(chosen) == 0 {
		t.Fatalf("there is no fault %q", *only)
	}
	cluster := connect(t)
	install(t, cluster, chosen)
	var mu sync.Mutex
	done := map[string]outcome{}
	t.Run("matrix", func(t *testing.T) {
		for _, f := range chosen {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				o := trial(t, cluster, f)
				mu.Lock()
				defer mu.Unlock()
				done[f.name] = o
			})
		}
	})
	if *reportFlag == "" || len(done) < len(chosen) {
		return
	}
	if err := os.WriteFile(*reportFlag, []byte(document(t, chosen, done)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func choose() (chosen []fault) {
	names := strings.Split(*only, ",")
	for _, f := range table() {
		if (*only == "" && (*all || f.core)) || slices.Contains(names, f.name) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// space is the namespace of a fault.
func (f fault) space() string {
	return "fault-" + strings.ReplaceAll(strings.ToLower(f.name), " ", "-")
}

// trial breaks an app that is Ready, and cures it.
func trial(t *testing.T, cluster client.Client, f fault) outcome {
	t.Helper()
	s := newSpace(t, &space{t: t, cluster: cluster, name: f.space()}, orElse(f.sample, sampleSpace))
	s.owner = s.phone(f.vendor())
	f.strike(s)
	var o outcome
	o.told, o.message = s.tells(f.sign)
	s.honest()
	f.heal(s)
	o.healed = s.ready(f.sign.what)
	s.delivers()
	t.Logf("%s: told after %.1f s, Ready %.1f s after the cure: %s", f.name, o.told.Seconds(), o.healed.Seconds(), o.message)
	return o
}

// vendor is the one whose phone a fault is about.
func (f fault) vendor() string {
	if name, found := strings.CutPrefix(f.sign.what, "pushchannel/"); found {
		return name
	}
	return "xiaomi"
}

// connect makes a client of the node's API server.
func connect(t *testing.T) client.Client {
	t.Helper()
	settings, err := config.GetConfig()
	if err != nil {
		t.Fatal(err)
	}
	settings.QPS = -1 // every space looks several times a second
	scheme := runtime.NewScheme()
	if err := pushv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	cluster, err := client.New(settings, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

// install starts an operator that works in the namespaces of the faults.
func install(t *testing.T, cluster client.Client, chosen []fault) {
	t.Helper()
	s := &space{t: t, cluster: cluster, name: ownerSpace}
	s.kubectl("apply", "--server-side", "-k", "config/default")
	s.kubectl("wait", "--for=condition=Established", "crd/pushchannels.offlinepush.io", "crd/pushapps.offlinepush.io")
	names := []string{ownerSpace}
	for _, f := range chosen {
		names = append(names, f.space())
	}
	var hosts []string
	for _, name := range names {
		hosts = append(hosts, "vendorsim."+name+".svc:8443", "nowhere."+name+".svc:8443")
		s.admit(name)
	}
	t.Cleanup(func() { s.remove("namespace", spaceLabel) })
	s.kubectl("-n", "offlinepush-system", "set", "env", "deployment/offlinepush-manager",
		"OFFLINEPUSH_NAMESPACES="+strings.Join(names, ","), "OFFLINEPUSH_ALLOWED_ENDPOINTS="+strings.Join(hosts, ","))
	s.kubectl("-n", "offlinepush-system", "rollout", "status", "deployment/offlinepush-manager", "--timeout=180s")
	if slices.ContainsFunc(chosen, func(f fault) bool { return f.borrows }) {
		newSpace(t, s, sampleSpace)
	}
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
