package http_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Secrets stay out of logs, reports, metrics and answers, also when everything goes wrong with them: every
// world of these tests looks for them when it ends, and this one provokes the errors that could quote them.
func TestNoSecretLeaks(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := prepare(t, store)
			collector := w.traceAll(t)
			w.disp.Start(t)
			bob, alice := w.newUser("bob"), w.newUser("alice")
			phones := map[string]*handset{}
			for _, v := range vendors() {
				phones[v.row] = w.newPhone(t, v)
				phones[v.row].bind(t, bob)
			}
			_, messages := phones["fcm"].open(t, bob)
			w.send(t, w.newMessage(alice, bob))
			next(t, messages)
			phones["xiaomi"].arrivals(t, 1)
			w.pushTest(t, w.disp, w.secretPushTest(bob))

			w.provokePlanes(t, phones["fcm"], bob)
			w.provokeVendors(t)
			w.provokeConfiguration(t)
			w.disp.Metrics(t)
			until(t, "the collector was told of pushes", func() error {
				if handed(collector.Spans()) == 0 {
					return io.ErrNoProgress
				}
				return nil
			})
			w.disp.Kill()
			w.disp.Start(t)
			w.disp.Report(t)
			w.disp.Metrics(t)
			w.keepEverything(t)

			// The search would find what is there: the one secret that one answer has to show.
			for _, h := range phones {
				if got := w.kept.Places(h.credentials.DeviceSecret); !slices.Equal(got, []string{registration}) {
					t.Errorf("the device secret is in %v, want only its %q", got, registration)
				}
			}
			for _, place := range []string{"log of dispatcher", "log of vendorsim", "admin port GET /report", "admin port GET /metrics", "server plane POST", inTraces} {
				if w.kept.Bytes(place) == 0 {
					t.Errorf("nothing of the %s was kept", place)
				}
			}
		})
	}
}

// request is something that must be refused although, or because, there are secrets in it.
type request struct {
	method, url string
	header      map[string]string
	body        string
	status      int
}

// provokePlanes puts secrets where they do not belong.
func (w *world) provokePlanes(t *testing.T, h *handset, user string) {
	t.Helper()
	key, registrationKey := w.doc.Auth.ServerKeys[0].Reveal(), w.doc.Auth.RegistrationKeys[0].Reveal()
	token, body := w.userToken(t, user), unique("body")
	id := url.PathEscape(user)
	w.secrets.add("the text of a message", body)
	proof := h.credentials.DeviceSecret
	device, server := w.disp.DeviceURL, w.disp.ServerURL
	binding := device + "/v1/devices/" + h.credentials.PushID + "/binding"
	bearer := func(text string) map[string]string {
		return map[string]string{"Authorization": "Bearer " + text, "Content-Type": "application/json"}
	}
	for _, r := range []request{
		{http.MethodPost, server + "/v1/messages", bearer(registrationKey), "{}", 401},
		{http.MethodPost, server + "/v1/messages", bearer(key), `{"body":"` + body + `",`, 400},
		{http.MethodPost, server + "/v1/messages", bearer(key), `{"body":"` + body + `","push":"` + body + `"}`, 422},
		{http.MethodPost, server + "/v1/messages", bearer(key), `"` + body + `"`, 422},
		{http.MethodGet, server + "/v1/messages/" + key, bearer(key), "", 404},
		{http.MethodGet, server + "/v1/users/" + id + "%00/devices", bearer(key), "", 422},
		{http.MethodGet, server + "/v1/calls/" + id, bearer(key), "", 404},
		{http.MethodPut, server + "/v1/users/" + id + "/badge", bearer(key), `{"badge":"` + user + `"}`, 422},
		{http.MethodPost, server + "/v1/messages", bearer(key), `{"from":"` + user + `","from":"` + user + `","body":"` + body + `"}`, 400},
		{http.MethodPost, device + "/v1/devices", bearer(key), "{}", 401},
		{http.MethodPost, device + "/v1/devices", bearer(registrationKey), `{"vendor":"` + h.token + `","token":"` + h.token + `"}`, 422},
		{http.MethodPost, device + "/v1/devices", bearer(registrationKey), `{"vendor":"FCM","token":{"` + h.token + `":"` + h.token + `"}}`, 422},
		{http.MethodPut, binding, map[string]string{"Authorization": "Bearer " + token + "x", wire.SecretHeader: proof}, "", 401},
		{http.MethodPut, binding, map[string]string{"Authorization": "Bearer " + proof, wire.SecretHeader: token}, "", 401},
		{http.MethodDelete, binding, map[string]string{wire.SecretHeader: key}, "", 401},
		{http.MethodGet, w.disp.AdminURL + report.Path, bearer(key), "", 401},
	} {
		w.refused(t, r)
	}
	broken := client.Restore(device, wire.RegisteredDevice{PushID: h.credentials.PushID, DeviceSecret: key}, w.devicePlane)
	if _, err := broken.Open(t.Context(), client.Login{UserToken: token}); err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("a session with a wrong secret: %v", err)
	}
}

func (w *world) refused(t *testing.T, r request) {
	t.Helper()
	req := must1(http.NewRequestWithContext(t.Context(), r.method, r.url, strings.NewReader(r.body)))(t)
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	resp, err := w.kept.Client("refusal").Do(req)
	must(t, err)
	defer resp.Body.Close()
	if answer := must1(io.ReadAll(resp.Body))(t); resp.StatusCode != r.status {
		t.Errorf("%s %s: %d %s, want %d", r.method, req.URL.Path, resp.StatusCode, answer, r.status)
	}
}

// provokeVendors makes vendors refuse tokens, messages and credentials, in their own words.
func (w *world) provokeVendors(t *testing.T) {
	t.Helper()
	for _, v := range vendors() {
		user := w.newUser("victim of " + v.row)
		h := w.newPhone(t, v)
		h.bind(t, user)
		for _, f := range []traffic.Fault{{Status: 400, Count: 1}, {Status: 401, Count: 2}, {ResetConnection: true, Count: 1}} {
			w.fault(t, v.row, f)
			w.send(t, w.newMessage(w.newUser("alice"), user))
		}
		must(t, w.sim.Client.Uninstall(t.Context(), h.id))
		w.send(t, w.newMessage(w.newUser("alice"), user))
	}
	must(t, w.sim.Client.Revoke(t.Context(), "xiaomi", packageName))
	must(t, w.sim.Client.Revoke(t.Context(), "fcm", w.account.ClientEmail))
	for _, v := range vendors() {
		user := w.newUser("later victim of " + v.row)
		h := w.newPhone(t, v)
		h.bind(t, user)
		w.send(t, w.newMessage(w.newUser("alice"), user))
		w.awaitState(t, v.row, report.CredentialRejected)
	}
}

// provokeConfiguration lets the document be wrong in and around its secrets.
func (w *world) provokeConfiguration(t *testing.T) {
	t.Helper()
	good := string(must1(config.Encode(w.doc))(t))
	secret := w.doc.Channels[1].Xiaomi.AppSecret.Reveal()
	for _, bad := range []string{
		strings.Replace(good, `"`+secret+`"`, `{"`+secret+`":"`+secret+`"}`, 1),
		strings.Replace(good, `"`+secret+`"`, `"`+secret, 1),
		strings.Replace(good, `"report": "`, `"report": "not base64 `, 1),
		strings.Replace(good, `"serverKeys": [`, `"serverKeys": ["short",`, 1),
	} {
		if bad == good {
			t.Fatal("the document has another shape than the test expects")
		}
		w.disp.ConfigureRaw(t, []byte(bad))
		until(t, "the report says that the document was refused", func() error {
			if c := w.disp.Report(t).Config; c.Error == "" {
				return io.ErrNoProgress
			}
			return nil
		})
		w.disp.ConfigureRaw(t, []byte(good))
		until(t, "the good document is back", func() error {
			if c := w.disp.Report(t).Config; c.Error != "" {
				return io.ErrNoProgress
			}
			return nil
		})
	}
}
