package client_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// TestAnIPhone lives with both tokens, counts its badge, and its vendor reports.
func TestAnIPhone(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Configure(t, func(d *config.Document) {
		d.ExternalURL = "https://push.example"
		d.Channels = append(d.Channels, config.Channel{Name: "iphones", Vendor: "APNs", AppType: 1, APNs: &config.APNsChannel{
			BundleID: "com.example", Environment: "Production", TeamID: "t", KeyID: "k", PrivateKey: config.NewSecret("k"),
		}})
	})
	ctx := t.Context()
	phone, err := client.Register(ctx, bed.Device.URL, planetest.RegistrationKey, wire.RegisterDevice{
		Vendor: "APNs", Token: "alert", VoIPToken: "calls",
	}, bed.Device.Client())
	if err != nil {
		t.Fatal(err)
	}
	server := client.NewServer(bed.Server.URL, planetest.ServerKey, bed.Server.Client())
	if err := server.Bind(ctx, phone.Credentials.PushID, "bob"); err != nil {
		t.Fatal(err)
	}
	if err := phone.SetVoIPToken(ctx, "fresh calls"); err != nil {
		t.Fatal(err)
	}
	d, err := bed.Bindings.Find(ctx, phone.Credentials.PushID)
	if err != nil {
		t.Fatal(err)
	}
	states, err := bed.Store.Fence(ctx, store.FenceQuery{Devices: []int64{d.Key}, Kind: message.TokenVoIP})
	if got := states.Devices[d.Key].Token.Value; err != nil || got != "fresh calls" {
		t.Errorf("the token for calls is %q, %v", got, err)
	}
	send := func(id string) wire.Sent {
		t.Helper()
		sent, err := server.Send(ctx, wire.SendMessage{
			ClientID: id, From: "alice", To: []string{"bob"}, Push: &wire.Push{Title: "t", EnableBadge: true, BadgeIncrement: 2},
		})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	send("untold")
	if err := phone.SetBadge(ctx, 5); err != nil {
		t.Fatal(err)
	}
	told := send("told")
	if err := server.SetUserBadge(ctx, "bob", 0); err != nil {
		t.Fatal(err)
	}
	send("read")
	var badges []int32
	for _, row := range bed.Rows.All() {
		badges = append(badges, row.Targets[0].Badge)
	}
	if diff := cmp.Diff([]int32{0, 7, 2}, badges); diff != "" {
		t.Errorf("badges (-want +got):\n%s", diff)
	}
	doc, _ := bed.Live.Current()
	path, _ := strings.CutPrefix(doc.ReceiptURL("iphones").Reveal(), doc.ExternalURL)
	body := strings.NewReader(`[{"MessageID":"` + told.MessageID + `","Token":"alert","Event":"Dropped","Code":"7","Reason":"full"}]`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, bed.Device.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := bed.Device.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the vendor's callback: %s, %v", resp.Status, err)
	}
	trace, err := server.Trace(ctx, told.MessageID)
	if err != nil || len(trace.Devices) != 1 || !slices.ContainsFunc(trace.Devices[0].Receipts, func(r wire.Receipt) bool {
		return r.Event == "Dropped" && r.Code == "7" && r.Reason == "full" && !r.At.IsZero()
	}) {
		t.Errorf("the trace is %+v, %v", trace, err)
	}
}

func TestBadgesThatAreNone(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	phone, server := both(t, bed)
	for _, badge := range []int32{-1, 100_000} {
		if err := phone.SetBadge(t.Context(), badge); client.CodeOf(err) != wire.CodeInvalidRequest {
			t.Errorf("%d on the phone: %v", badge, err)
		}
		if err := server.SetUserBadge(t.Context(), "bob", badge); client.CodeOf(err) != wire.CodeInvalidRequest {
			t.Errorf("%d for the user: %v", badge, err)
		}
	}
	phone.Credentials.DeviceSecret = "wrong"
	if err := phone.SetBadge(t.Context(), 1); client.CodeOf(err) != wire.CodeUnauthenticated {
		t.Errorf("with a wrong secret: %v", err)
	}
	if err := server.SetUserBadge(t.Context(), "nobody", 1); err != nil {
		t.Errorf("a user without devices: %v", err)
	}
}
