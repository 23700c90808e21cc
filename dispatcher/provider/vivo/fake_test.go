package vivo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	appID     = 10004711
	appKey    = "25509283-3767-4b9e-83fe-b6e55ac6b123"
	appSecret = "vivo-app-secret/+=="
	authToken = "vivo-auth-token-"
	receiver  = "https://push.example.com/v1/receipts/c2VjcmV0LW9mLXJlY2VpcA"
)

func row() config.Channel {
	return config.Channel{
		Name: "vivo", Vendor: "Vivo", AppType: 1,
		Vivo: &config.VivoChannel{AppID: appID, AppKey: appKey, AppSecret: config.NewSecret(appSecret)},
	}
}

// call is what a fake sees of a call to push: a body, or the list of pushToList.
type call struct {
	path string
	body body
	list list
}

// fake is a fake of vivo Push.
type fake struct {
	t *testing.T
	providertest.Fake
	minted  atomic.Int64
	expired sync.Map // access tokens
	// onAuth answers exchanges, onPush all other calls, if set.
	onAuth func(http.ResponseWriter) (done bool)
	onPush func(http.ResponseWriter, call) (done bool)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json;charset=UTF-8" {
		f.t.Errorf("%s with Content-Type %q", r.Method, r.Header.Get("Content-Type"))
	}
	if r.URL.Path == authPath {
		f.auth(w, r)
		return
	}
	token := r.Header.Get("authToken")
	if _, expired := f.expired.Load(token); expired || !strings.HasPrefix(token, authToken) {
		answer(w, `{"result":10000,"desc":"权限认证失败"}`)
		return
	}
	c := call{path: r.URL.Path}
	into := any(&c.body)
	if c.path == listPath {
		into = &c.list
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		f.t.Errorf("%s: %v", c.path, err)
	}
	if f.onPush == nil || !f.onPush(w, c) {
		f.push(w, c, token)
	}
}

func (f *fake) auth(w http.ResponseWriter, r *http.Request) {
	var given struct {
		AppID     int64  `json:"appId"`
		AppKey    string `json:"appKey"`
		Timestamp int64  `json:"timestamp"`
		Sign      string `json:"sign"`
	}
	if err := json.NewDecoder(r.Body).Decode(&given); err != nil || given.AppID != appID || given.AppKey != appKey || given.Timestamp == 0 {
		f.t.Errorf("auth with %+v: %v", given, err)
	}
	switch {
	case f.onAuth != nil && f.onAuth(w):
	case f.Revoked:
		words, _ := json.Marshal("invalid sign " + given.Sign)
		answer(w, fmt.Sprintf(`{"result":10206,"desc":%s}`, words))
	default:
		answer(w, fmt.Sprintf(`{"result":0,"desc":"ok","authToken":"%s%d"}`, authToken, f.minted.Add(1)))
	}
}

func (f *fake) push(w http.ResponseWriter, c call, token string) {
	ids := c.list.RegIDs
	switch c.path {
	case savePath:
		answer(w, `{"result":0,"desc":"ok","taskId":"4711"}`)
		return
	case singlePath:
		ids = []string{c.body.RegID}
	case listPath:
	default:
		f.t.Errorf("unknown path %s", c.path)
	}
	var invalid []string
	for _, id := range ids {
		switch f.Treat(id) {
		case providertest.Deliver:
		case providertest.RefuseToken:
			invalid = append(invalid, fmt.Sprintf(`{"status":1,"userid":%q}`, id))
		case providertest.Fail:
			w.WriteHeader(http.StatusInternalServerError)
			return
		case providertest.Echo:
			words, _ := json.Marshal("no " + token + " for " + strings.Join(ids, " ") + " " + appSecret)
			answer(w, fmt.Sprintf(`{"result":10050,"desc":%s}`, words))
			return
		}
	}
	switch {
	case c.path == listPath:
		answer(w, `{"result":0,"desc":"ok","invalidUsers":[`+strings.Join(invalid, ",")+`]}`)
	case len(invalid) > 0:
		answer(w, `{"result":10302,"desc":"regId不合法","invalidUser":`+invalid[0]+`}`)
	default:
		answer(w, `{"result":0,"desc":"ok","taskId":"4712"}`)
	}
}

func answer(w http.ResponseWriter, body string) { _, _ = fmt.Fprint(w, body) }

// start runs a fake and a provider of it.
func start(t *testing.T, f *fake, change func(*config.Channel, *provider.Deps)) *Provider {
	t.Helper()
	f.t = t
	if f.Treat == nil {
		f.Treat = func(string) providertest.Treatment { return providertest.Deliver }
	}
	s := httptest.NewTLSServer(f)
	t.Cleanup(s.Close)
	c, deps := row(), providertest.Deps()
	c.Endpoint = providertest.Endpoint(s)
	if change != nil {
		change(&c, &deps)
	}
	p, err := New(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:       row(),
		New:       func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:     func(f providertest.Fake) http.Handler { return &fake{t: t, Fake: f} },
		Secrets:   []string{appSecret, authToken},
		TokenPath: authPath,
		Calls:     func(targets int) int { return min(targets, 2) },
	})
}
