package pushtest_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
	"github.com/offlinepush/operator/dispatcher/pushtest"
	"github.com/offlinepush/operator/dispatcher/report"
)

const appSecret, phoneToken = "the-secret-of-the-app", "the-token/of+the=phone"

// withVendor is a dispatcher whose Xiaomi row leads to the handler.
func withVendor(t *testing.T, bed *planetest.Bed, vendor http.HandlerFunc) *pushtest.Service {
	t.Helper()
	server := httptest.NewTLSServer(vendor)
	t.Cleanup(server.Close)
	bed.Configure(t, func(d *config.Document) {
		d.ExternalURL = "https://push.example"
		row := &d.Channels[1]
		row.Xiaomi.AppSecret = config.NewSecret(appSecret)
		row.Endpoint.URL = server.URL
		row.Endpoint.CABundle = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	})
	log := slog.New(slog.DiscardHandler)
	engine := delivery.New(delivery.Deps{
		Live: bed.Live, Store: bed.Store, NewProvider: catalog.New, Lease: bed.Lease, Log: log,
		Metrics: metrics.New(prometheus.NewRegistry()),
		Provider: provider.Deps{
			Guard: provider.EndpointGuard{AllowLoopback: true}, Now: bed.Store.Now, Log: log,
		},
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	engine.Start(ctx)
	t.Cleanup(func() {
		stop()
		engine.Wait()
	})
	return pushtest.New(pushtest.Deps{Store: bed.Store, Deliverer: engine, Live: bed.Live})
}

// until asks until the vendor's hop says that it has an answer.
func until(t *testing.T, s *pushtest.Service, req report.PushTest) report.PushTestDevice {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	limit := time.After(time.Minute)
	for {
		d := ask(t, s, req).Devices[0]
		if d.Push.Code != "" || d.Push.Status != report.HopPending {
			return d
		}
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("no answer: %+v", d)
		}
	}
}

// TestAnswersShowNoSecret lets the vendor quote the request, which holds every secret that the dispatcher tells it.
func TestAnswersShowNoSecret(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, err := bed.Bindings.Register(t.Context(), binding.Registration{Selector: message.Selector{Vendor: "Xiaomi", AppType: 1, Region: "China"}, Token: phoneToken})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	s := withVendor(t, bed, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		_ = r.ParseForm()
		quote, _ := json.Marshal(fmt.Sprintf("%v %s %s", r.Header, body, phoneToken))
		_, _ = fmt.Fprintf(w, `{"result":"error","code":"21301","reason":"no","quote":%s,"more":%q}`, quote, strings.Repeat("x", 4<<10))
	})
	req := test("uid-1")
	req.UserID, req.PushID = "", c.PushID
	got := until(t, s, req)
	if got.Push.Status != report.HopPending || got.Push.Code != "21301" || got.Push.LatencyMilliseconds == nil {
		t.Errorf("got %+v", got.Push)
	}
	if !strings.Contains(got.Push.Answer, "key=<redacted>") || len(got.Push.Answer) > report.MaxPushTestAnswer {
		t.Errorf("answer of %d bytes: %s", len(got.Push.Answer), got.Push.Answer)
	}
	doc, _ := bed.Live.Current()
	shown, _ := json.Marshal(got)
	for _, secret := range []string{appSecret, phoneToken, "the-token", doc.ReceiptSecret("xiaomi").Reveal()} {
		if strings.Contains(string(shown), secret) {
			t.Errorf("shows %q in %s", secret, shown)
		}
	}
	for range 3 {
		ask(t, s, req)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestAnAcceptedPushIsTold(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bert")
	c, err := bed.Bindings.Register(t.Context(), binding.Registration{Selector: message.Selector{Vendor: "Xiaomi", AppType: 1, Region: "China"}, Token: phoneToken})
	if err != nil {
		t.Fatal(err)
	}
	s := withVendor(t, bed, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"result":"ok","code":0,"data":{"id":"vendors-id"}}`)
	})
	req := test("uid-1")
	req.UserID, req.PushID = "", c.PushID
	got := until(t, s, req)
	if got.Push.Status != report.HopSucceeded || got.Push.MessageID != "vendors-id" || !strings.Contains(got.Push.Answer, "vendors-id") {
		t.Errorf("got %+v", got)
	}
}
