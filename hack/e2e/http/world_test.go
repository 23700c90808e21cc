package http_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
	"github.com/offlinepush/operator/hack/e2e/process"
)

const (
	appID       = "e2e-app"
	project     = "e2e-project"
	packageName = "com.example.chat"
	profile     = "im"
	// patience bounds what should take a second, on a busy machine with the race detector.
	patience = 2 * time.Minute
)

// world is a dispatcher with a row for each vendor, in front of a simulator.
type world struct {
	sim *process.Simulator
	// disp is the dispatcher that phones and servers talk to, one of all.
	disp    *process.Dispatcher
	all     []*process.Dispatcher
	kept    *process.Transcript
	users   *process.Users
	doc     *config.Document
	account fcm.ServiceAccount
	secrets *secrets

	devicePlane, serverPlane *http.Client
	// service is where the SDK's phones connect to, by way of devices.
	service process.Service
	devices *http.Client
}

// newWorld starts both.
func newWorld(t *testing.T, store storeKind) *world {
	t.Helper()
	w := prepare(t, store)
	w.disp.Start(t)
	return w
}

// prepare starts the simulator and configures a dispatcher that does not run yet.
// When the test ends it looks for leaked secrets and data races.
func prepare(t *testing.T, store storeKind) *world {
	t.Helper()
	kept := process.NewTranscript()
	w := &world{
		kept: kept, users: process.NewUsers(t), sim: process.StartSimulator(t, binaries, kept), secrets: &secrets{},
		devicePlane: kept.Client("device plane"), serverPlane: kept.Client("server plane"),
	}
	w.doc = process.NewDocument(appID, w.users.Trust(t))
	w.doc.Store = store.open(t)
	w.doc.Channels = []config.Channel{w.fcmRow(t), w.xiaomiRow(t)}
	w.doc.Profiles = []config.Profile{{ResourcesID: profile, Settings: []config.Setting{
		{Vendor: "FCM", AppType: 1, FCM: &config.FCMSetting{Priority: "High", ChannelID: "chat-fcm", Sound: "ding"}},
		{Vendor: "Xiaomi", AppType: 1, Xiaomi: &config.XiaomiSetting{ChannelID: "chat-xiaomi"}},
	}}}
	w.secrets.addDocument(w.doc)
	w.disp = process.NewDispatcher(t, binaries, kept, w.doc)
	w.all = []*process.Dispatcher{w.disp}
	t.Cleanup(func() { w.inspect(t) })
	return w
}

// another starts a further dispatcher over the same database.
func (w *world) another(t *testing.T) *process.Dispatcher {
	t.Helper()
	d := w.disp.Another(t, fmt.Sprintf("dispatcher-%d", len(w.all)))
	w.all = append(w.all, d)
	d.Start(t)
	return d
}

func (w *world) fcmRow(t *testing.T) config.Channel {
	t.Helper()
	must(t, w.sim.Client.CreateProject(t.Context(), fcm.Project{ProjectID: project}))
	w.account = must1(w.sim.Client.CreateServiceAccount(t.Context(), fcm.NewAccount{ProjectID: project}))(t)
	return config.Channel{
		Name: "fcm", Vendor: "FCM", AppType: 1,
		Endpoint: config.Endpoint{URL: w.sim.URL + "/fcm", AuthURL: w.sim.URL + "/fcm/token", CABundle: w.sim.CA},
		FCM:      &config.FCMChannel{ProjectID: project, ServiceAccount: process.KeyFile(t, w.account)},
	}
}

func (w *world) xiaomiRow(t *testing.T) config.Channel {
	t.Helper()
	app := must1(w.sim.Client.CreateXiaomiApp(t.Context(), xiaomi.App{
		PackageName: packageName, Channels: []xiaomi.Channel{{ID: "chat-xiaomi"}},
	}))(t)
	return config.Channel{
		Name: "xiaomi", Vendor: "Xiaomi", AppType: 1,
		Endpoint: config.Endpoint{URL: w.sim.URL + "/xiaomi", CABundle: w.sim.CA},
		Xiaomi:   &config.XiaomiChannel{PackageName: packageName, Region: "China", AppSecret: config.NewSecret(app.AppSecret)},
	}
}

// server is the app's own server.
func (w *world) server() *client.Server { return w.serverAt(w.disp) }

// serverAt is the app's own server, which talks to one dispatcher.
func (w *world) serverAt(d *process.Dispatcher) *client.Server {
	return client.NewServer(d.ServerURL, w.doc.Auth.ServerKeys[0].Reveal(), w.serverPlane)
}

// fault lets a vendor's requests go wrong until it is cleared or has happened its count.
func (w *world) fault(t *testing.T, vendor string, f traffic.Fault) {
	t.Helper()
	must(t, w.sim.Client.SetFault(t.Context(), vendor, f))
}

func (w *world) clearFault(t *testing.T, vendor string) {
	t.Helper()
	must(t, w.sim.Client.ClearFault(t.Context(), vendor))
}

// inspect is what must hold at the end of every test.
func (w *world) inspect(t *testing.T) {
	t.Helper()
	for _, sign := range []string{"DATA RACE", "panic"} {
		if places := w.kept.Places(sign); len(places) > 0 {
			t.Errorf("%s in the %v", sign, places)
		}
	}
	w.secrets.search(t, w.kept)
	for _, d := range w.all {
		if t.Failed() && d.Program != nil {
			t.Logf("the log of %s:\n%s", d.Pod, tail(d.Output()))
		}
	}
}

// tail is the end of a log.
func tail(log string) string {
	const most = 8 << 10
	return log[max(0, len(log)-most):]
}

// settled waits until nothing is pending, and checks that every push is accounted for.
func (w *world) settled(t *testing.T) {
	t.Helper()
	until(t, "nothing is pending", func() error {
		a := w.disp.Report(t).Account
		if n := a.Unaccounted(); n != 0 {
			t.Fatalf("%d pushes are unaccounted for: %+v", n, a)
		}
		if a.Pending != 0 {
			return fmt.Errorf("%d are: %+v", a.Pending, a)
		}
		return nil
	})
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("waited %s until %s: %v", patience, what, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must1 is must for a call with a value.
func must1[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		must(t, err)
		return v
	}
}
