package xiaomi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	packageName = "com.example.chat"
	appSecret   = "xiaomi-app-secret/+=="
)

func row() config.Channel {
	return config.Channel{
		Name: "xiaomi", Vendor: "Xiaomi", AppType: 1,
		Xiaomi: &config.XiaomiChannel{PackageName: packageName, Region: "China", AppSecret: config.NewSecret(appSecret)},
	}
}

// fake is a fake of Mi Push.
type fake struct {
	t *testing.T
	providertest.Fake
	// onSend sees every push, if set.
	onSend func(http.ResponseWriter, *http.Request, []string) (done bool)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.Revoked || r.Header.Get("Authorization") != "key="+appSecret {
		answer(w, `{"result":"error","code":21301,"reason":"authentication failed","description":"认证失败"}`)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/trace/quota/get":
		answer(w, `{"result":"ok","code":0,"data":{"day_quota":"10000","day_acked":"17"}}`)
	case "POST /v3/message/regid":
		f.send(w, r)
	default:
		f.t.Errorf("%s %s", r.Method, r.URL.Path)
		http.NotFound(w, r)
	}
}

func (f *fake) send(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded;charset=UTF-8" {
		f.t.Errorf("Content-Type %q", got)
	}
	tokens := strings.Split(r.PostFormValue("registration_id"), ",")
	if f.onSend != nil && f.onSend(w, r, tokens) {
		return
	}
	var bad []string
	for _, token := range tokens {
		switch f.Treat(token) {
		case providertest.Deliver:
		case providertest.RefuseToken:
			bad = append(bad, token)
		case providertest.Fail:
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		case providertest.Echo:
			words, _ := json.Marshal(r.Header.Get("Authorization") + " for " + r.PostFormValue("registration_id"))
			answer(w, fmt.Sprintf(`{"result":"error","code":10017,"reason":%s}`, words))
			return
		}
	}
	answer(w, fmt.Sprintf(`{"result":"ok","code":0,"data":{"id":"scm123","bad_regids":%q}}`, strings.Join(bad, ",")))
}

func answer(w http.ResponseWriter, body string) { _, _ = fmt.Fprint(w, body) }

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:     row(),
		New:     func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:   func(f providertest.Fake) http.Handler { return &fake{t: t, Fake: f} },
		Secrets: []string{appSecret},
	})
}
