// Package fair_test measures what pushes through one vendor pay for the trouble of another, with real programs, a store on
// disk and HTTP on the way:
//
//	go test ./hack/e2e/fair -run '^$' -bench .
package fair_test

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

const (
	// rounds with the first vendor well and rounds with it in trouble take turns, so that whatever else the machine does meets both.
	rounds      = 4
	roundLength = 5 * time.Second
	// floodRate is how many messages a second are for phones of the first vendor, in batches; probeRate for those of the second.
	floodRate, floodBatch = 200, 20
	probeRate             = 40
	patience              = 30 * time.Second
	// hanging is beyond the patience of a dispatcher with its vendor.
	hanging = 7 * time.Second
)

// world is a dispatcher with a row for either vendor, in front of a simulator of its own.
type world struct {
	sim    *process.Simulator
	disp   *process.Dispatcher
	server *client.Server
	// phone is one of the second vendor, seen its newest arrival that was read.
	phone string
	seen  int64
	took  []time.Duration
}

// BenchmarkBesideAHangingVendor sends at a fixed rate through Xiaomi while FCM has more to do than it can, and compares how
// long a push is on its way, from the request to its arrival on the phone, with the same while FCM is well.
func BenchmarkBesideAHangingVendor(b *testing.B) {
	binaries, err := process.Build(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for name, open := range map[string]func(testing.TB) config.Store{
		"sqlite": func(testing.TB) config.Store { return config.Store{} }, "postgres": process.NewDatabase,
	} {
		b.Run(name, func(b *testing.B) {
			well, troubled := newWorld(b, binaries, open(b)), newWorld(b, binaries, open(b))
			check(b, troubled.sim.Client.SetFault(b.Context(), "fcm", traffic.Fault{LatencyMs: int(hanging.Milliseconds())}))
			for _, w := range []*world{well, troubled} {
				w.round(b) // fills caches, connections and the queue of FCM
				w.took = nil
			}
			for b.Loop() {
				for range rounds {
					well.round(b)
					troubled.round(b)
				}
			}
			if n := troubled.disp.Report(b).Account.Pending; n < floodRate {
				b.Fatalf("%d pushes wait: FCM was not at full load", n)
			}
			compare(b, well.took, troubled.took)
		})
	}
}

// compare reports the latencies with FCM well and in trouble, and how many times one is the other.
func compare(b *testing.B, well, troubled []time.Duration) {
	b.Helper()
	for unit, q := range map[string]float64{"median": 0.5, "p99": 0.99} {
		before, after := quantile(well, q), quantile(troubled, q)
		b.ReportMetric(float64(before.Microseconds())/1000, unit+"-ms-well")
		b.ReportMetric(float64(after.Microseconds())/1000, unit+"-ms-hanging")
		b.ReportMetric(float64(after)/float64(before), unit+"-ratio")
	}
	b.ReportMetric(0, "ns/op")
}

func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[int(q*float64(len(all)-1))]
}

func newWorld(b *testing.B, binaries process.Binaries, store config.Store) *world {
	b.Helper()
	w := &world{sim: process.StartSimulator(b, binaries, process.NewTranscript(), "--accounts", process.Accounts)}
	doc := process.NewDocument("fair", process.NewUsers(b).Trust(b))
	doc.Store = store
	accounts := must(simulator.ReadAccounts(process.Accounts))(b)
	doc.Channels = process.Rows(b, w.sim, accounts)[:2]
	w.disp = process.NewDispatcher(b, binaries, process.NewTranscript(), doc)
	w.disp.Start(b)
	w.server = client.NewServer(w.disp.ServerURL, doc.Auth.ServerKeys[0].Reveal(), &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: probeRate}, Timeout: patience,
	})
	for _, v := range process.Vendors()[:2] {
		bought := must(w.sim.Client.CreatePhone(b.Context(), simulator.NewPhone{Vendor: v.Row, App: v.App}))(b)
		device := must(client.Register(b.Context(), w.disp.DeviceURL, doc.Auth.RegistrationKeys[0].Reveal(),
			wire.RegisterDevice{Vendor: v.API, Token: bought.Token}, http.DefaultClient))(b)
		check(b, w.server.Bind(b.Context(), device.Credentials.PushID, v.Row))
		w.phone = bought.ID
	}
	return w
}

// round sends to both vendors' phones for a while, and waits for what is for the second's.
func (w *world) round(b *testing.B) {
	b.Helper()
	end := time.Now().Add(roundLength)
	var sending sync.WaitGroup
	sending.Go(func() { w.flood(b, end) })
	sent := w.probe(b, end)
	sending.Wait()
	w.collect(b, sent)
}

// flood keeps the first vendor busy.
func (w *world) flood(b *testing.B, end time.Time) {
	b.Helper()
	tick := time.NewTicker(time.Second * floodBatch / floodRate)
	defer tick.Stop()
	for time.Now().Before(end) {
		batch := make([]wire.SendMessage, floodBatch)
		for i := range batch {
			batch[i] = newMessage("fcm")
		}
		if _, err := w.server.SendBatch(b.Context(), batch); err != nil {
			b.Errorf("sending: %v", err)
			return
		}
		<-tick.C
	}
}

// probe sends to the second vendor's phone at its rate, whether or not what went before was answered, and returns when each
// message began to be sent.
func (w *world) probe(b *testing.B, end time.Time) map[string]time.Time {
	b.Helper()
	began := map[string]time.Time{}
	tick := time.NewTicker(time.Second / probeRate)
	defer tick.Stop()
	var sending sync.WaitGroup
	defer sending.Wait()
	for time.Now().Before(end) {
		m := newMessage("xiaomi")
		began[m.Push.Payload] = time.Now()
		sending.Go(func() {
			if _, err := w.server.Send(b.Context(), m); err != nil {
				b.Errorf("sending: %v", err)
			}
		})
		<-tick.C
	}
	return began
}

func newMessage(to string) wire.SendMessage {
	id := rand.Text()
	return wire.SendMessage{
		ClientID: id, From: "alice", To: []string{to}, Body: "hello", Push: &wire.Push{Title: "hello", Content: "hello", Payload: id},
	}
}

// collect waits until the phone has all that was sent to it, and keeps how long each push took.
func (w *world) collect(b *testing.B, sent map[string]time.Time) {
	b.Helper()
	for limit := time.Now().Add(patience); len(sent) > 0; {
		if time.Now().After(limit) {
			b.Fatalf("%d pushes did not arrive", len(sent))
		}
		for _, a := range must(w.sim.Client.Notifications(b.Context(), w.phone, w.seen, time.Second))(b) {
			w.seen = a.Seq
			if began, ok := sent[a.Payload]; ok {
				w.took = append(w.took, a.ArrivedAt.Sub(began))
				delete(sent, a.Payload)
			}
		}
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// must is check for a call with a value.
func must[V any](v V, err error) func(*testing.B) V {
	return func(b *testing.B) V {
		b.Helper()
		check(b, err)
		return v
	}
}
