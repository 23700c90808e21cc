package http_test

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/pushkit"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// everyVendor is a world with a row for each vendor, whose receipts come through a proxy that ends TLS.
func everyVendor(t *testing.T, store storeKind) *world {
	t.Helper()
	kept := process.NewTranscript()
	w := &world{
		kept: kept, users: process.NewUsers(t), secrets: &secrets{},
		devicePlane: kept.Client("device plane"), serverPlane: kept.Client("server plane"),
	}
	w.doc = process.NewDocument(appID, w.users.Trust(t))
	w.doc.Store = store.open(t)
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(must1(url.Parse(w.disp.DeviceURL))(t))
	}})
	t.Cleanup(proxy.Close)
	w.doc.ExternalURL = proxy.URL
	a := must1(simulator.ReadAccounts(process.Accounts))(t)
	a.Huawei.Apps[0].Receipts = []pushkit.ReceiptConfig{{ID: "r", URL: w.receipts("huawei"), User: process.ReceiptUser, Key: process.ReceiptKey}}
	a.HarmonyOS.Apps[0].Receipts = []pushkit.ReceiptConfig{{ID: "r", URL: w.receipts("harmonyos"), User: process.ReceiptUser, Key: process.ReceiptKey}}
	a.Honor.Apps[0].ReceiptURL = w.receipts("honor")
	a.Meizu.Apps[0].Callbacks, a.Meizu.Apps[0].ReceiptToken = []string{w.receipts("meizu")}, process.MeizuToken
	dir := t.TempDir()
	accounts, ca := filepath.Join(dir, "accounts.json"), filepath.Join(dir, "ca.crt")
	must(t, os.WriteFile(accounts, must1(json.Marshal(a))(t), 0o600))
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	must(t, os.WriteFile(ca, certificate, 0o600))
	w.sim = process.StartSimulator(t, binaries, kept, "--accounts", accounts, "--receipt-ca", ca)
	w.doc.Channels, w.doc.Profiles = process.Rows(t, w.sim, a), chats()
	w.secrets.addDocument(w.doc)
	w.disp = process.NewDispatcher(t, binaries, kept, w.doc)
	w.all = []*process.Dispatcher{w.disp}
	t.Cleanup(func() { w.inspect(t) })
	w.disp.Start(t)
	w.devices = w.service.Client(kept, "device plane")
	w.service.Lead(w.disp.DeviceURL)
	return w
}

func (w *world) receipts(row string) string { return w.doc.ReceiptURL(row).Reveal() }

// everyModel is a phone of each vendor.
func everyModel() (all []vendor) {
	for _, v := range process.Vendors() {
		all = append(all, vendor{v.Row, v.API, v.App})
	}
	return all
}

// reports says that the vendor reports what became of pushes.
func (v vendor) reports() bool {
	switch v.row {
	case "fcm", "apns", "webpush":
		return false
	}
	return true
}

// One message reaches a user's ten phones, one of each vendor, as each vendor's client reads it, and the
// vendors' receipts find their way back to it.
func TestEveryVendor(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := everyVendor(t, store)
			phones := map[string]*handset{}
			for _, v := range everyModel() {
				phones[v.row] = w.newPhone(t, v)
				phones[v.row].bind(t, "bob")
			}
			must(t, phones["apns"].device().SetBadge(t.Context(), 4))
			m := w.newMessage("alice", "bob")
			m.Push.ResourcesID, m.Push.EnableBadge, m.Push.BadgeIncrement = anyHour, true, 2
			sent := w.send(t, m)
			for _, v := range everyModel() {
				got := phones[v.row].arrivals(t, 1)[0]
				if got.Title != m.Push.Title || got.Content.Content != m.Push.Content || got.Payload != m.Push.Payload {
					t.Errorf("%s shows %+v", v.row, got.Content)
				}
				if v.row == "apns" && (got.Badge == nil || *got.Badge != 6) {
					t.Errorf("the badge is %v, want 6", got.Badge)
				}
			}
			w.settled(t)
			w.reported(t, sent.MessageID)
		})
	}
}

// reported waits until every vendor that reports has said that its phone got the message.
func (w *world) reported(t *testing.T, messageID string) {
	t.Helper()
	reporting := map[string]bool{}
	for _, v := range everyModel() {
		reporting[v.row] = v.reports()
	}
	until(t, "the receipts are there", func() error {
		var missing []error
		for _, d := range must1(w.server().Trace(t.Context(), messageID))(t).Devices {
			if d.State != "Handed" {
				t.Fatalf("%s: %s %s %s %s", d.Channel, d.State, d.Reason, d.Code, d.Detail)
			}
			if reporting[d.Channel] && !delivered1(d.Receipts) {
				missing = append(missing, fmt.Errorf("%s reported %+v", d.Channel, d.Receipts))
			}
		}
		return errors.Join(missing...)
	})
}

func delivered1(receipts []wire.Receipt) bool {
	for _, r := range receipts {
		if r.Event == "Delivered" {
			return true
		}
	}
	return false
}
