package http_test

import (
	"crypto/rand"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// Places where a secret may be seen. One that ends with a star stands for all that begin like it.
const (
	// registration is the one answer that shows a device secret.
	registration = "device plane POST /v1/devices"
	// onDevicePlane and onServerPlane are the answers to those who gave, or may know, what is in them.
	onDevicePlane, onServerPlane = "device plane *", "server plane *"
	// atVendors is what was sent to vendors.
	atVendors = "requests to vendors"
	// inTraces is what the collector was told.
	inTraces = "traces"
	// inStore is what a backup of the store has.
	inStore = process.StorePlace
)

// shortest is the length from which a text cannot be in a log by chance.
const shortest = 12

// secret is a text that must not be seen but at the allowed places.
type secret struct {
	what, text string
	allowed    []string
}

func (s secret) mayBe(at string) bool {
	return slices.ContainsFunc(s.allowed, func(allowed string) bool {
		begin, all := strings.CutSuffix(allowed, "*")
		return at == allowed || all && strings.HasPrefix(at, begin)
	})
}

// secrets are all that a test uses. They are safe for concurrent use.
type secrets struct {
	mu  sync.Mutex
	all []secret
}

func (s *secrets) add(what, text string, allowed ...string) {
	if len(text) < shortest {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, secret{what, text, allowed})
}

// addDocument adds every secret of a configuration, and the lines of those that are files.
func (s *secrets) addDocument(d *config.Document) {
	for _, v := range config.Secrets(d) {
		s.add("a secret of the configuration", v.Reveal())
		for line := range strings.SplitSeq(strings.ReplaceAll(v.Reveal(), `\n`, "\n"), "\n") {
			if line != v.Reveal() && !strings.Contains(line, "PRIVATE KEY") {
				s.add("a line of a secret of the configuration", line)
			}
		}
	}
}

// search looks for every secret in everything that was written and answered.
func (s *secrets) search(t *testing.T, kept *process.Transcript) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		for _, place := range kept.Places(one.text) {
			if !one.mayBe(place) {
				t.Errorf("%s is in the %s: %q", one.what, place, one.text[:shortest]+"…")
			}
		}
	}
}

// newUser is a user whose id is nowhere else. No log, report, metric or vendor gets to know it.
func (w *world) newUser(name string) string {
	id := unique(name)
	w.secrets.add("a user id", id[strings.LastIndex(id, " ")+1:], onDevicePlane, onServerPlane, inStore)
	return id
}

// keepEverything keeps what no program writes or answers by itself: what vendors were sent, and what the stores hold.
func (w *world) keepEverything(t *testing.T) {
	t.Helper()
	for row := range w.rows() {
		sent := must1(w.sim.Client.Requests(t.Context(), row, 0, 0))(t)
		w.kept.Add(atVendors, must1(json.Marshal(sent))(t))
	}
	for _, d := range w.all {
		d.KeepStore(t)
	}
	for _, place := range []string{atVendors, inStore} {
		if w.kept.Bytes(place) < 1000 {
			t.Errorf("of the %s only %d bytes were kept", place, w.kept.Bytes(place))
		}
	}
}

// rows are the names of the channel rows, which are the vendors' at the simulator too.
func (w *world) rows() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, c := range w.doc.Channels {
			if !yield(c.Name) {
				return
			}
		}
	}
}

// unique makes a text that is nowhere else.
func unique(prefix string) string { return prefix + " " + rand.Text() }
