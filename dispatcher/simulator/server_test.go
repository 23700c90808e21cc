package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
)

func TestFCMByPathAndByHost(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	ctx := t.Context()
	check(t, b.CreateProject(ctx, fcm.Project{ProjectID: "chat"}))
	account := must(b.CreateServiceAccount(ctx, fcm.NewAccount{ProjectID: "chat"}))(t)
	if want := b.server.URL + "/fcm/token"; account.TokenURI != want {
		t.Errorf("token_uri = %s, want %s", account.TokenURI, want)
	}
	p := must(b.CreatePhone(ctx, simulator.NewPhone{Vendor: "fcm", App: "chat"}))(t)
	for i, base := range []struct{ api, token string }{
		{b.server.URL + "/fcm", account.TokenURI},
		{"https://fcm.googleapis.com", "https://oauth2.googleapis.com/token"},
	} {
		bearer := b.grant(t, account, base.token)
		got, err := b.post(ctx, base.api+"/v1/projects/chat/messages:send", "Bearer "+bearer, "application/json", fcmBody(p.Token))
		check(t, err)
		if got.status != http.StatusOK || got.protocol != 2 {
			t.Fatalf("%s: %+v", base.api, got)
		}
		arrivals := must(b.Notifications(ctx, p.ID, int64(i), patience))(t)
		if len(arrivals) != 1 || arrivals[0].Title != "Hi" || arrivals[0].Payload != "p" {
			t.Errorf("%s: arrivals %+v", base.api, arrivals)
		}
	}
	requests := must(b.Requests(ctx, "fcm", 0, 0))(t)
	encoded := string(must(json.Marshal(requests))(t))
	if len(requests) != 4 || strings.Contains(encoded, "ya29.") || strings.Contains(encoded, "eyJ") {
		t.Errorf("requests must be four without access token and assertion: %s", encoded)
	}
	if diff := cmp.Diff([]string{p.Token}, requests[1].Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

// TestSharedHost: both Push Kits of Huawei have one host, which their paths share.
func TestSharedHost(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	const host = "https://push-api.cloud.huawei.com"
	for path, words := range map[string]string{
		"/v1/1/messages:send": "80200001", "/v3/1/messages:send": "80200001", "/v9/1/messages:send": "no vendor at host",
	} {
		got, err := b.post(t.Context(), host+path, "", "application/json", "{}")
		check(t, err)
		if !strings.Contains(got.body, words) {
			t.Errorf("%s: got %+v", path, got)
		}
	}
	for _, vendor := range []string{"huawei", "harmonyos"} {
		if requests := must(b.Requests(t.Context(), vendor, 0, 0))(t); len(requests) != 1 {
			t.Errorf("%s got %+v", vendor, requests)
		}
	}
}

func TestHTTP1(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	transport, _ := b.vendors.Transport.(*http.Transport)
	transport.ForceAttemptHTTP2 = false
	got, err := b.post(t.Context(), b.server.URL+"/xiaomi/v3/message/regid", "key=x", "application/x-www-form-urlencoded", "")
	check(t, err)
	if got.protocol != 1 || !strings.Contains(got.body, "21301") {
		t.Errorf("answer %+v", got)
	}
	got, err = b.post(t.Context(), b.server.URL+"/nokia/send", "", "", "")
	check(t, err)
	if got.status != http.StatusNotFound || !strings.Contains(got.body, "a path that begins with one of: ") {
		t.Errorf("answer %+v", got)
	}
}

func TestXiaomiSecretsPhonesAndFaults(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	ctx := t.Context()
	app := must(b.CreateXiaomiApp(ctx, xiaomi.App{PackageName: "io.chat"}))(t)
	p := must(b.CreatePhone(ctx, simulator.NewPhone{Vendor: "xiaomi", App: "io.chat", ID: "mi"}))(t)
	expect := func(what, secret, token, want string) {
		t.Helper()
		if body, err := b.xiaomi(ctx, secret, token); err != nil || !strings.Contains(body, want) {
			t.Errorf("%s: %s %v, want %s", what, body, err, want)
		}
	}
	expect("good", app.AppSecret, p.Token, `"code":0`)

	check(t, b.Revoke(ctx, "xiaomi", "io.chat"))
	expect("revoked", app.AppSecret, p.Token, `"code":21301`)
	rotated := must(b.RotateXiaomiApp(ctx, "io.chat", "fresh"))(t)
	expect("rotated", rotated.AppSecret, p.Token, `"code":0`)

	renewed := must(b.RotateToken(ctx, "mi"))(t)
	expect("old token", "fresh", p.Token, `"code":20301`)
	check(t, b.Uninstall(ctx, "mi"))
	expect("uninstalled", "fresh", renewed.Token, `"code":20301`)
	if _, err := b.RotateToken(ctx, "mi"); err == nil {
		t.Error("a phone without app got a token")
	}
	again := must(b.Reinstall(ctx, "mi"))(t)
	must(b.SetState(ctx, "mi", phone.Change{Online: new(false)}))(t)
	expect("offline", "fresh", again.Token, `"code":0`)
	if got := must(b.Phone(ctx, "mi"))(t); got.Pending != 1 || len(got.Tray) != 0 {
		t.Errorf("offline phone %+v", got)
	}
	must(b.SetState(ctx, "mi", phone.Change{Online: new(true)}))(t)
	if got := must(b.Phone(ctx, "mi"))(t); got.Pending != 0 || len(got.Tray) != 1 {
		t.Errorf("phone %+v", got)
	}

	check(t, b.SetFault(ctx, "xiaomi", traffic.Fault{Throttle: true, Count: 1}))
	expect("throttled", "fresh", again.Token, `"code":200002`)
	expect("after the throttling", "fresh", again.Token, `"code":0`)
	check(t, b.SetFault(ctx, "xiaomi", traffic.Fault{Code: "65003"}))
	expect("fault", "fresh", again.Token, `"code":65003`)
	check(t, b.ClearFault(ctx, "xiaomi"))
	expect("after the fault", "fresh", again.Token, `"code":0`)
	check(t, b.ClearRequests(ctx, "xiaomi"))
	before := len(must(b.Notifications(ctx, "mi", 0, 0))(t))
	check(t, b.SetFault(ctx, "xiaomi", traffic.Fault{DropResponseAfterAccept: true, Count: 1}))
	if body, err := b.xiaomi(ctx, "fresh", again.Token); err == nil {
		t.Errorf("an answer came: %s", body)
	}
	if after := must(b.Notifications(ctx, "mi", int64(before), patience))(t); len(after) != 1 {
		t.Errorf("arrivals %+v, want the one whose answer was dropped", after)
	}
	if requests := must(b.Requests(ctx, "xiaomi", 0, patience))(t); len(requests) != 1 || requests[0].Status != 0 || !requests[0].Faulted {
		t.Errorf("requests %+v", requests)
	}
}

func TestStreamAndClick(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	app := must(b.CreateXiaomiApp(t.Context(), xiaomi.App{PackageName: "io.chat"}))(t)
	p := must(b.CreatePhone(t.Context(), simulator.NewPhone{Vendor: "xiaomi", App: "io.chat"}))(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var seen []int64
	must(b.xiaomi(ctx, app.AppSecret, p.Token))(t)
	for a, err := range b.Stream(ctx, p.ID, 0) {
		check(t, err)
		if seen = append(seen, a.Seq); a.Seq == 3 {
			cancel()
			break
		}
		must(b.xiaomi(ctx, app.AppSecret, p.Token))(t)
	}
	if diff := cmp.Diff([]int64{1, 2, 3}, seen); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	check(t, b.Click(t.Context(), p.ID, 3))
	if err := b.Click(t.Context(), p.ID, 2); err == nil {
		t.Error("a replaced notification was clicked")
	}
	for _, err := range b.Stream(t.Context(), "nobody", 0) {
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Status != http.StatusNotFound {
			t.Errorf("stream of no phone: %v", err)
		}
	}
}

func TestPhonesCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var before []phone.Phone
	for range 2 {
		b := start(t, simulator.Options{})
		check(t, b.CreateProject(ctx, fcm.Project{ProjectID: "chat"}))
		must(b.CreateXiaomiApp(ctx, xiaomi.App{PackageName: "io.chat"}))(t)
		if before == nil {
			must(b.CreatePhone(ctx, simulator.NewPhone{Vendor: "fcm", App: "chat", ID: "a"}))(t)
			must(b.CreatePhone(ctx, simulator.NewPhone{Vendor: "xiaomi", App: "io.chat", ID: "b"}))(t)
			before = must(b.Phones(ctx))(t)
			continue
		}
		for _, p := range before {
			must(b.CreatePhone(ctx, simulator.NewPhone{Vendor: p.Vendor, App: p.App, ID: p.ID, Token: p.Token}))(t)
		}
		if diff := cmp.Diff(before, must(b.Phones(ctx))(t)); diff != "" {
			t.Errorf("phones (-want +got):\n%s", diff)
		}
		check(t, b.Forget(ctx, "a"))
		if got := must(b.Phones(ctx))(t); len(got) != 1 {
			t.Errorf("phones %+v", got)
		}
	}
}

func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	ctx := t.Context()
	check(t, b.CreateProject(ctx, fcm.Project{ProjectID: "chat"}))
	phone := func(n simulator.NewPhone) error {
		_, err := b.CreatePhone(ctx, n)
		return err
	}
	account := func(n fcm.NewAccount) error {
		_, err := b.CreateServiceAccount(ctx, n)
		return err
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"vendor", phone(simulator.NewPhone{Vendor: "nokia"}), `vendor: is "nokia", must be one of: `},
		{"project", phone(simulator.NewPhone{Vendor: "fcm", App: "x"}), `app: FCM has no project "x"`},
		{"package", phone(simulator.NewPhone{Vendor: "xiaomi", App: "x"}), `app: xiaomi has no app "x"`},
		{"token", phone(simulator.NewPhone{Vendor: "fcm", App: "chat", Token: "x"}), "token: is not shaped like FCM's"},
		{"account's project", account(fcm.NewAccount{ProjectID: "x"}), `projectID: FCM has no project "x"`},
		{"token's life", account(fcm.NewAccount{ProjectID: "chat", TokenLifetimeSeconds: -1}), "tokenLifetimeSeconds: is -1"},
		{"fault", b.SetFault(ctx, "fcm", traffic.Fault{}), "fault: does nothing; set status"},
		{"fault's vendor", b.SetFault(ctx, "x", traffic.Fault{Status: 500}), `vendor: is "x", must be one of: `},
		{"revocation", b.Revoke(ctx, "fcm", "x"), `FCM has no service account "x"`},
		{"click", b.Click(ctx, "x", 1), `there is no phone "x"; create it`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("error %v, want %s", tt.err, tt.want)
			}
		})
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]simulator.Options{
		"https://sim.test:8443": {PublicURL: "https://sim.test:8443/"},
		"https://localhost:":    {Addr: ":0"},
		"https://127.0.0.1:":    {},
	} {
		b := start(t, o)
		check(t, b.CreateProject(t.Context(), fcm.Project{ProjectID: "chat"}))
		account := must(b.CreateServiceAccount(t.Context(), fcm.NewAccount{ProjectID: "chat"}))(t)
		if !strings.HasPrefix(account.TokenURI, want) || account.TokenURI != b.server.URL+"/fcm/token" {
			t.Errorf("token_uri = %s, want %s…", account.TokenURI, want)
		}
		b.grant(t, account, account.TokenURI)
	}
}

func TestAccountsFile(t *testing.T) {
	t.Parallel()
	first := start(t, simulator.Options{})
	ctx := t.Context()
	check(t, first.CreateProject(ctx, fcm.Project{ProjectID: "chat"}))
	account := must(first.CreateServiceAccount(ctx, fcm.NewAccount{ProjectID: "chat"}))(t)
	file := must(json.Marshal(map[string]any{
		"fcm":    map[string]any{"serviceAccounts": []fcm.ServiceAccount{account}},
		"xiaomi": map[string]any{"apps": []xiaomi.App{{PackageName: "io.chat", AppSecret: "secret"}}},
	}))(t)
	accounts := must(simulator.ParseAccounts(file))(t)
	b := start(t, simulator.Options{Accounts: accounts})
	b.grant(t, account, "https://oauth2.googleapis.com/token")
	p := must(b.CreatePhone(ctx, simulator.NewPhone{Vendor: "xiaomi", App: "io.chat"}))(t)
	if body := must(b.xiaomi(ctx, "secret", p.Token))(t); !strings.Contains(body, `"code":0`) {
		t.Errorf("answer %s", body)
	}
	for name, content := range map[string]string{
		"field":                            `{"fcm":{"accounts":[]}}`,
		"xiaomi.apps[0]: the app's secret": `{"xiaomi":{"apps":[{"packageName":"x"}]}}`,
		"private_key":                      `{"fcm":{"serviceAccounts":[{"project_id":"x","client_email":"y","private_key_id":"z","private_key":"w"}]}}`,
	} {
		accounts, err := simulator.ParseAccounts([]byte(content))
		if err == nil {
			_, err = simulator.Start(simulator.Options{Accounts: accounts})
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCertificatesOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := must(simulator.NewCertificates([]string{"localhost", "127.0.0.1"}, 1))(t)
	check(t, made.Write(dir))
	b := start(t, simulator.Options{TLSDir: dir})
	if !bytes.Equal(b.server.CA, made.CA) {
		t.Error("the server has another CA")
	}
	must(b.post(t.Context(), b.server.URL+"/fcm/token", "", "", ""))(t)
	if _, err := simulator.Start(simulator.Options{TLSDir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "vendorsim certs --dir") {
		t.Errorf("empty directory: %v", err)
	}
	if _, err := simulator.NewCertificates(nil, 0); err == nil {
		t.Error("certificates of no day were made")
	}
}

func TestCloseEndsStreams(t *testing.T) {
	t.Parallel()
	b := start(t, simulator.Options{})
	app := must(b.CreateXiaomiApp(t.Context(), xiaomi.App{PackageName: "io.chat"}))(t)
	p := must(b.CreatePhone(t.Context(), simulator.NewPhone{Vendor: "xiaomi", App: "io.chat"}))(t)
	must(b.xiaomi(t.Context(), app.AppSecret, p.Token))(t)
	started, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for a, err := range b.Stream(t.Context(), p.ID, 0) {
			switch {
			case err != nil:
				t.Errorf("the stream was broken off, as if closing had waited in vain for it to end: %v", err)
			case a.Seq == 1:
				close(started)
			}
		}
	}()
	select {
	case <-started:
	case <-ended:
		t.Fatal("the stream ended before the close")
	}
	check(t, b.server.Close())
	<-ended
}
