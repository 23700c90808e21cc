package ingress_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	rules "github.com/offlinepush/operator/dispatcher/message" // message is the body of one here
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestPresence(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	server := serverOf(bed)
	_, bob := bed.Phone(t, "FCM", "bob")
	_, carl := bed.Phone(t, "Xiaomi", "carl")
	_, dora := bed.Phone(t, "OPPO", "dora")
	if _, err := bed.Store.Unbind(t.Context(), dora.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := bed.Store.Connect(t.Context(), []store.Session{{Device: carl.Key, Epoch: carl.Epoch, Number: 1}}); err != nil {
		t.Fatal(err)
	}
	users := []string{"carl", "bob", "dora", "nobody", "bob"}
	statuses := func(want ...string) {
		t.Helper()
		found, err := server.QueryPresence(t.Context(), users)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, p := range found {
			if got = append(got, p.Status); p.UserID != users[i] || p.Online != (p.Status == wire.StatusOnline) {
				t.Errorf("%+v for %s", p, users[i])
			}
			if alone, err := server.Presence(t.Context(), users[i]); err != nil || alone != p {
				t.Errorf("%s alone: %+v, %v", users[i], alone, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	statuses("Online", "Offline", "LoggedOut", "NeverLoggedIn", "Offline")
	if err := server.SetPresence(t.Context(), "bob", wire.SetPresence{Online: true, TTLSeconds: 600}); err != nil {
		t.Fatal(err)
	}
	statuses("Online", "Online", "LoggedOut", "NeverLoggedIn", "Online")
	decided(t, sent(t, bed, func(m *wire.SendMessage) { m.To = users[:4] }),
		"Suppressed OnlineElsewhere", "Pending NotAcknowledged", "Suppressed LoggedOut", "Suppressed NeverLoggedIn")
	if err := server.SetPresence(t.Context(), "bob", wire.SetPresence{}); err != nil {
		t.Fatal(err)
	}
	statuses("Online", "Offline", "LoggedOut", "NeverLoggedIn", "Offline")
	if err := server.SetPresence(t.Context(), "bob", wire.SetPresence{Online: true}); err != nil {
		t.Fatal(err)
	}
	found, err := bed.Store.Recipients(t.Context(), []store.Ask{{UserID: bob.UserID}})
	if left := found["bob"].OnlineUntil.Sub(bed.Store.Now()); err != nil || left < 30*time.Second || left > time.Minute {
		t.Errorf("without a TTL online for %s, %v", left, err)
	}
	if _, err := server.QueryPresence(t.Context(), make([]string, 101)); client.CodeOf(err) != wire.CodeInvalidRequest {
		t.Errorf("101 users: %v", err)
	}
}

// TestDesktop: a device without a vendor has sessions only, and keeps the phone quiet while it has one.
func TestDesktop(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	server := serverOf(bed)
	phone := deviceOf(t, bed, wire.RegisterDevice{Vendor: "FCM", Platform: "Android", Token: "t"})
	computer := deviceOf(t, bed, wire.RegisterDevice{Platform: "windows"})
	for _, d := range []*client.Device{phone, computer} {
		mustBind(t, bed, d, "bob")
	}
	if err := server.SetPushRule(t.Context(), "bob", ruleOf(t, `{"onlinePlatforms":["Windows"],"notToReceiveOfflinePushPlatforms":["android"]}`)); err != nil {
		t.Fatal(err)
	}
	decide := func(want map[string]string) {
		t.Helper()
		got := map[string]string{}
		for _, l := range sent(t, bed, nil) {
			got[l.PushID] = l.Rule
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	phoneID, computerID := phone.Credentials.PushID, computer.Credentials.PushID
	decide(map[string]string{phoneID: rules.RuleOffline, computerID: rules.ReasonSessionOnly})
	session, err := computer.Open(t.Context(), client.Login{UserToken: bed.UserToken(t, "bob"), OnMessage: func(wire.Message) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	decide(map[string]string{phoneID: rules.ReasonPlatform, computerID: rules.ReasonSessionOnly})
	session.Close()
	if err := computer.SetToken(t.Context(), "t2"); client.CodeOf(err) != wire.CodeInvalidRequest || !strings.Contains(err.Error(), "body.token: must be left out") {
		t.Errorf("a token of no vendor: %v", err)
	}
	for field, d := range map[string]wire.RegisterDevice{
		"body.vendor: must be set beside token":       {Token: "t"},
		"body.vendor: must be set beside region":      {Region: "China"},
		"body.vendor: must be set beside environment": {Environment: "Sandbox"},
		"body.token: must not be empty":               {Vendor: "FCM"},
		"body.vendor: must be set beside voipToken":   {VoIPToken: "t"},
	} {
		_, err := client.Register(t.Context(), bed.Device.URL, planetest.RegistrationKey, d, bed.Device.Client())
		if client.CodeOf(err) != wire.CodeInvalidRequest || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want %s", err, field)
		}
	}
}
