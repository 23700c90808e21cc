package http_test

import (
	"fmt"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// A vendor that refuses the credential keeps its messages, says why in its own words, and leaves the other
// vendor alone; a new credential by a mounted file lets the kept ones through, in the same process.
func TestRefusedCredentialKeepsMessages(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			for i, c := range []struct {
				vendor vendor
				// account is what the vendor's console calls the credential's owner; rotate makes a new one.
				account    func(*world) string
				rotate     func(*testing.T, *world, *config.Channel)
				code, says string
			}{
				{
					vendors()[0],
					func(w *world) string { return w.account.ClientEmail },
					func(t *testing.T, w *world, row *config.Channel) {
						t.Helper()
						fresh := must1(w.sim.Client.CreateServiceAccount(t.Context(), fcm.NewAccount{ProjectID: project}))(t)
						row.FCM = &config.FCMChannel{ProjectID: project, ServiceAccount: process.KeyFile(t, fresh)}
					},
					"invalid_grant", "Invalid grant: account not found",
				},
				{
					vendors()[1],
					func(*world) string { return packageName },
					func(t *testing.T, w *world, row *config.Channel) {
						t.Helper()
						app := must1(w.sim.Client.RotateXiaomiApp(t.Context(), packageName, ""))(t)
						row.Xiaomi = &config.XiaomiChannel{PackageName: packageName, Region: "China", AppSecret: config.NewSecret(app.AppSecret)}
					},
					"21301", "Invalid application credentials.; 认证失败",
				},
			} {
				t.Run(c.vendor.row, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, store)
					refused, other := w.newPhone(t, c.vendor), w.newPhone(t, vendors()[1-i])
					refused.bind(t, "bob")
					other.bind(t, "bob")
					w.send(t, w.newMessage("alice", "bob"))
					refused.arrivals(t, 1)
					other.arrivals(t, 1)
					before := w.disp.Report(t)

					must(t, w.sim.Client.Revoke(t.Context(), c.vendor.row, c.account(w)))
					kept := w.newMessage("alice", "bob")
					w.send(t, kept)
					other.arrivals(t, 2)
					row := w.awaitState(t, c.vendor.row, report.CredentialRejected)
					if row.Code != c.code || row.Message != c.says || row.Pending != 1 {
						t.Errorf("the row says %q, %q with %d pending; want %q, %q with 1", row.Code, row.Message, row.Pending, c.code, c.says)
					}
					if o := w.disp.Channel(t, other.row); o.State != report.Delivering {
						t.Errorf("the other row is %s: %+v", o.State, o)
					}
					refused.silent(t, 1)

					c.rotate(t, w, &w.doc.Channels[i])
					w.secrets.addDocument(w.doc)
					hash := w.disp.Configure(t, w.doc)
					if got := refused.arrivals(t, 2)[1].Title; got != kept.Push.Title {
						t.Errorf("the kept message shows %q, want %q", got, kept.Push.Title)
					}
					w.settled(t)
					w.awaitState(t, c.vendor.row, report.Delivering)
					after := w.disp.Report(t)
					if after.Incarnation != before.Incarnation || !after.StartedAt.Equal(before.StartedAt) || after.Config.Hash != hash {
						t.Errorf("it is not the same process with the new document %s:\n%+v\n%+v", hash, before, after)
					}
					other.silent(t, 2)
				})
			}
		})
	}
}

// awaitState waits until a channel row is in a state.
func (w *world) awaitState(t *testing.T, row string, state report.ChannelState) (c report.Channel) {
	t.Helper()
	until(t, fmt.Sprintf("the row %s is %s", row, state), func() error {
		if c = w.disp.Channel(t, row); c.State != state {
			return fmt.Errorf("it is %+v", c)
		}
		return nil
	})
	return c
}

// A phone whose app was removed is put into quarantine by the vendor's word, and a new token ends that.
func TestDeadTokenIsQuarantinedUntilItIsReplaced(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			for _, v := range vendors() {
				t.Run(v.row, func(t *testing.T) {
					t.Parallel()
					user := "bob-" + v.row
					h := w.newPhone(t, v)
					h.bind(t, user)
					fresh := must1(w.sim.Client.RotateToken(t.Context(), h.id))(t)
					w.secrets.add("a vendor token", fresh.Token)
					for _, reason := range []string{"InvalidToken", "NoToken"} { // the second is not even tried
						sent := w.send(t, w.newMessage("alice", user))
						until(t, "the push is quarantined", func() error {
							d := must1(w.server().Trace(t.Context(), sent.MessageID))(t).Devices
							if len(d) != 1 || d[0].State != "Quarantined" || d[0].Reason != reason {
								return fmt.Errorf("%+v", d)
							}
							return nil
						})
					}
					must(t, h.device().SetToken(t.Context(), fresh.Token))
					w.send(t, w.newMessage("alice", user))
					h.arrivals(t, 1)
				})
			}
		})
	}
}
