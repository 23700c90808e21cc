package http_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// refusesToStart launches the dispatcher, which must end with 1 and say why.
func (w *world) refusesToStart(t *testing.T, words ...string) {
	t.Helper()
	w.disp.Launch(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code, err := w.disp.Wait(ctx)
	out := w.disp.Output()
	if err != nil || code != 1 {
		t.Fatalf("it ended with %d, %v, want 1:\n%s", code, err, out)
	}
	for _, word := range words {
		if !strings.Contains(out, word) {
			t.Errorf("the error does not say %q:\n%s", word, out)
		}
	}
}

// A bad configuration ends the start with an error that names the path and what must hold.
func TestBadConfigurationAtStart(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, store)
			for _, c := range []struct {
				name  string
				spoil func(*config.Document)
				words []string
			}{
				{"type", func(d *config.Document) { d.Channels[1].AppType = 12 }, []string{"channels[1].appType", "must be 1 to 9"}},
				{"two", func(d *config.Document) {
					d.Routing.MaxBacklog, d.Channels[0].FCM = 0, nil
				}, []string{"routing.maxBacklog: is 0, must be 1", "channels[0].fcm: must be set for vendor FCM"}},
				{"version", func(d *config.Document) { d.Version = "2.0" }, []string{`version: is \"2.0\"`, "reads 1.x"}},
			} {
				t.Run(c.name, func(t *testing.T) {
					bad := w.copyOf(t)
					c.spoil(bad)
					w.disp.Configure(t, bad)
					w.refusesToStart(t, c.words...)
				})
			}
			t.Run("no JSON", func(t *testing.T) {
				w.disp.ConfigureRaw(t, []byte(`{"version":"1.0",`))
				w.refusesToStart(t, "config", "reading the document")
			})
		})
	}
}

// copyOf is the document in force, with all of its secrets.
func (w *world) copyOf(t *testing.T) *config.Document {
	t.Helper()
	d, _, err := config.Parse(must1(config.Encode(w.doc))(t))
	must(t, err)
	return d
}

// A bad configuration at run time leaves the old one in force and the report says why; a good one heals it.
func TestBadConfigurationWhileRunning(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			h := w.newPhone(t, vendors()[0])
			h.bind(t, "bob")
			before := w.disp.Report(t)
			bad := w.copyOf(t)
			bad.Auth.DeviceJWT.Algorithms = []string{"none"}
			w.disp.Configure(t, bad)
			until(t, "the report says that the document was refused", func() error {
				c := w.disp.Report(t).Config
				if !strings.Contains(c.Error, "auth.deviceJWT.algorithms[0]") || c.Hash != before.Config.Hash {
					return fmt.Errorf("%+v", c)
				}
				return nil
			})
			if !strings.Contains(w.disp.Metrics(t), "offlinepush_config_loaded 0") {
				t.Error("the metrics do not say that the document was refused")
			}
			w.send(t, w.newMessage("alice", "bob"))
			h.arrivals(t, 1)

			good := w.copyOf(t)
			good.Routing.MaxBacklog++
			hash := w.disp.Configure(t, good)
			until(t, "the new document is in force", func() error {
				if c := w.disp.Report(t).Config; c.Hash != hash || c.Error != "" {
					return fmt.Errorf("%+v", c)
				}
				return nil
			})
		})
	}
}

// A store has one holder, whose name a second one is told, and one app.
func TestStoreRefusesStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sqlite())
	holder := w.disp
	second := *holder
	second.Pod = "dispatcher-1"
	w.disp = &second
	w.refusesToStart(t, "held by pod dispatcher-0", "stop that process")
	w.disp = holder
	if r := w.disp.Report(t); !r.Store.Ready {
		t.Errorf("the holder suffered: %+v", r.Store)
	}

	w.disp.Kill()
	other := w.copyOf(t)
	other.App.AppID = "other-app"
	w.disp.Configure(t, other)
	w.refusesToStart(t, appID, "other-app", "give each app its own volume")
	w.disp.Configure(t, w.doc)
	w.disp.Start(t)
}

// A database that is not the app's, or does not let it in, is no end: the process says why where operators
// look, takes no requests, and starts when the configuration names one that does.
func TestDatabaseRefusesStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, postgres())
	for _, c := range []struct {
		name        string
		spoil, heal func(*config.Document)
		words       []string
	}{
		{
			"other app",
			func(d *config.Document) { d.App.AppID = "other-app" },
			func(d *config.Document) { d.Store.Postgres.Schema = "other_app" },
			[]string{appID, "other-app", "give each app its own schema"},
		},
		{
			"no database",
			func(d *config.Document) {
				d.Store = process.DatabaseAt(strings.Replace(d.Store.Postgres.URI.Reveal(), "/test", "/absent", 1))
			},
			func(d *config.Document) { d.Store = w.doc.Store },
			[]string{"does not exist"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			second, doc := w.disp.Another(t, "stranger"), w.copyOf(t)
			c.spoil(doc)
			second.Configure(t, doc)
			second.Launch(t)
			second.AwaitAdmin(t)
			until(t, "the report says why", func() error {
				r := second.Report(t)
				for _, word := range c.words {
					if r.Store.Ready || !strings.Contains(r.Store.Error, word) {
						return fmt.Errorf("%+v lacks %q", r.Store, word)
					}
				}
				return nil
			})
			if second.Ready(t) {
				t.Error("it takes requests")
			}
			c.heal(doc)
			second.Configure(t, doc)
			second.AwaitReady(t)
		})
	}
	if r := w.disp.Report(t); !r.Store.Ready {
		t.Errorf("the holder suffered: %+v", r.Store)
	}
}
