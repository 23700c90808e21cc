package huawei

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	appID       = "104711"
	appSecret   = "huawei-app-secret/+=="
	accessToken = "CV-access-token/+"
)

func row() config.Channel {
	return config.Channel{
		Name: "huawei", Vendor: "Huawei", AppType: 1,
		Huawei: &config.HuaweiChannel{
			AppID: appID, BadgeClass: "com.example.Main", ReceiptID: "RCP1", AppSecret: config.NewSecret(appSecret),
			ReceiptUser: config.NewSecret("user"), ReceiptKey: config.NewSecret("receipt-key"),
		},
	}
}

// fake is a fake of Huawei's two servers.
type fake struct {
	t *testing.T
	providertest.Fake
	minted  atomic.Int64
	revoked sync.Map // access tokens
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == providertest.TokenPath {
		f.token(w, r)
		return
	}
	if want := "/v1/" + appID + "/messages:send"; r.URL.Path != want || r.Method != http.MethodPost {
		f.t.Errorf("%s %s, want POST %s", r.Method, r.URL.Path, want)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json;charset=UTF-8" {
		f.t.Errorf("Content-Type %q", got)
	}
	f.send(w, r)
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	good := map[string]string{"grant_type": "client_credentials", "client_id": appID, "client_secret": appSecret}
	for name, want := range good {
		if got := r.PostFormValue(name); got != want {
			f.t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	if f.Revoked {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":1101,"sub_error":20003,"error_description":"invalid client_secret %s"}`, r.PostFormValue("client_secret"))
		return
	}
	token := strings.ReplaceAll(fmt.Sprintf("%s%d", accessToken, f.minted.Add(1)), "/", `\/`) // as Huawei writes it
	_, _ = fmt.Fprintf(w, `{"access_token":"%s","expires_in":3600,"token_type":"Bearer"}`, token)
}

func (f *fake) send(w http.ResponseWriter, r *http.Request) {
	var m request
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		f.t.Errorf("body: %v", err)
	}
	auth := r.Header.Get("Authorization")
	if _, gone := f.revoked.Load(strings.TrimPrefix(auth, "Bearer ")); gone || !strings.HasPrefix(auth, "Bearer "+accessToken) {
		w.WriteHeader(http.StatusUnauthorized)
		answer(w, "80200003", "Oauth token expired")
		return
	}
	var bad []string
	for _, token := range m.Message.Token {
		switch f.Treat(token) {
		case providertest.Deliver:
		case providertest.RefuseToken:
			bad = append(bad, token)
		case providertest.Fail:
			answer(w, "81000001", "Inner Error")
			return
		case providertest.Echo:
			answer(w, "80100001", auth+" for "+strings.Join(m.Message.Token, ","))
			return
		}
	}
	switch len(bad) {
	case 0:
		answer(w, "80000000", "Success")
	case len(m.Message.Token):
		answer(w, "80300007", "All the tokens are invalid")
	default:
		msg, _ := json.Marshal(map[string]any{"success": len(m.Message.Token) - len(bad), "failure": len(bad), "illegal_tokens": bad})
		answer(w, "80100000", string(msg))
	}
}

func answer(w http.ResponseWriter, code, msg string) {
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "msg": msg, "requestId": "157440955549500001002006"})
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:     row(),
		New:     func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:   func(f providertest.Fake) http.Handler { return &fake{t: t, Fake: f} },
		Secrets: []string{appSecret, accessToken, "receipt-key"},
	})
}
