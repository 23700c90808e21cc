package catalog

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
)

func fcmBench(t *testing.T) bench {
	t.Helper()
	s := simulated(t)
	sim := s.Client()
	must(t, sim.CreateProject(t.Context(), fcm.Project{ProjectID: app}))
	account, err := sim.CreateServiceAccount(t.Context(), fcm.NewAccount{ProjectID: app})
	must(t, err)
	b := bench{vendor: fcm.Name, app: app, account: account.ClientEmail, sim: sim, quota: message.Throttled}
	b.rotate = func(t *testing.T, row config.Channel) config.Channel {
		t.Helper()
		rotated, err := sim.RotateServiceAccount(t.Context(), account.ClientEmail)
		must(t, err)
		row.FCM = &config.FCMChannel{ServiceAccount: serviceAccount(t, rotated)}
		return row
	}
	b.row = config.Channel{
		Name: "fcm", Vendor: string(FCM), AppType: 1,
		Endpoint: config.Endpoint{URL: s.URL + "/fcm", CABundle: string(s.CA)},
		FCM:      &config.FCMChannel{ProjectID: app, ServiceAccount: serviceAccount(t, account)},
	}
	return b
}

func serviceAccount(t *testing.T, a fcm.ServiceAccount) config.Secret {
	t.Helper()
	key, err := json.Marshal(a)
	must(t, err)
	return config.NewSecret(string(key))
}

func TestFCMRefreshesExpiredTokens(t *testing.T) {
	t.Parallel()
	b := fcmBench(t)
	p := b.provider(t)
	var targets []provider.Target
	var want []message.Class
	for range 20 {
		_, target := b.phone(t)
		targets, want = append(targets, target), append(want, message.Accepted)
	}
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), want...)
	must(t, b.sim.ExpireTokens(t.Context(), b.vendor))
	expect(t, p.Send(t.Context(), providertest.Notification(), targets), want...)
}

func TestFCMInstallationID(t *testing.T) {
	t.Parallel()
	b := fcmBench(t)
	b.row.FCM.Target = "InstallationID"
	made, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: b.app})
	must(t, err)
	targets := []provider.Target{{Token: made.InstallationID}, {Token: made.Token}}
	expect(t, b.provider(t).Send(t.Context(), providertest.Notification(), targets), message.Accepted, message.InvalidToken)
}

func TestFCMForeignProject(t *testing.T) {
	t.Parallel()
	b := fcmBench(t)
	must(t, b.sim.CreateProject(t.Context(), fcm.Project{ProjectID: "other-1"}))
	foreign, err := b.sim.CreatePhone(t.Context(), simulator.NewPhone{Vendor: b.vendor, App: "other-1"})
	must(t, err)
	p := b.provider(t)
	n, targets := providertest.Notification(), []provider.Target{{Token: foreign.Token}}
	expect(t, p.Send(t.Context(), n, targets), message.CredentialRejected)
	_, good := b.phone(t)
	expect(t, p.Send(t.Context(), n, append(targets, good)), message.InvalidToken, message.Accepted)
}

func TestFCMPictureAndBadge(t *testing.T) {
	t.Parallel()
	b := fcmBench(t)
	p := b.provider(t)
	id, target := b.phone(t)
	n := providertest.Notification()
	n.Image, target.Badge = "https://chat.example/anna.png", new(int32(7))
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Accepted)
	arrivals, err := b.sim.Notifications(t.Context(), id, 0, 10*time.Second)
	must(t, err)
	if got := arrivals[0]; got.Image != n.Image || got.Badge == nil || *got.Badge != 7 {
		t.Errorf("the phone shows %+v", got)
	}
	n.Image = "https://chat.example/" + strings.Repeat("x", 4096)
	expect(t, p.Send(t.Context(), n, []provider.Target{target}), message.Rejected)
}
