package meizu

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	appID     = "100999"
	appSecret = "meizu-app-secret/+=="
)

func row() config.Channel {
	return config.Channel{
		Name: "meizu", Vendor: "Meizu", AppType: 1,
		Meizu: &config.MeizuChannel{AppID: appID, Region: "China", AppSecret: config.NewSecret(appSecret)},
	}
}

// fake is a fake of Flyme Push.
type fake struct {
	t *testing.T
	providertest.Fake
	// onSend sees every push, if set.
	onSend func(http.ResponseWriter, *http.Request, []string) (done bool)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		f.t.Errorf("form: %v", err)
	}
	if f.Revoked || r.Form.Get("appId") != appID || r.Form.Get("sign") != signed(r) {
		answer(w, `{"code":"1006","message":"签名认证失败","redirect":"","value":""}`)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /garcia/api/server/push/statistics/dailyPushStatics":
		answer(w, `{"code":"200","message":"","redirect":"","value":[{"acceptNo":1,"date":"2026-11-25"}]}`)
	case "POST /garcia/api/server/push/varnished/pushByPushId":
		f.send(w, r)
	default:
		f.t.Errorf("%s %s", r.Method, r.URL.Path)
		http.NotFound(w, r)
	}
}

// signed is the signature by the documents, in other words than the provider's.
func signed(r *http.Request) string {
	var pairs []string
	for name, values := range r.Form {
		if name != "sign" {
			pairs = append(pairs, name+"="+values[0])
		}
	}
	slices.Sort(pairs)
	sum := md5.Sum([]byte(strings.Join(pairs, "") + appSecret))
	return hex.EncodeToString(sum[:])
}

func (f *fake) send(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded;charset=UTF-8" {
		f.t.Errorf("Content-Type %q", got)
	}
	ids := strings.Split(r.PostForm.Get("pushIds"), ",")
	if f.onSend != nil && f.onSend(w, r, ids) {
		return
	}
	bad := []string{}
	for _, id := range ids {
		switch f.Treat(id) {
		case providertest.Deliver:
		case providertest.RefuseToken:
			bad = append(bad, id)
		case providertest.Fail:
			answer(w, `{"code":"1003","message":"服务器忙","value":""}`)
			return
		case providertest.Echo:
			words, _ := json.Marshal("cannot take " + r.PostForm.Get("pushIds") + " with " + appSecret)
			answer(w, fmt.Sprintf(`{"code":"1005","message":%s,"value":""}`, words))
			return
		}
	}
	list, _ := json.Marshal(bad)
	answer(w, fmt.Sprintf(`{"code":"200","message":"","msgId":"m1","value":{"110002":%s},"redirect":""}`, list))
}

func answer(w http.ResponseWriter, body string) { _, _ = fmt.Fprint(w, body) }

// start runs a fake and a provider of it.
func start(t *testing.T, onSend func(http.ResponseWriter, *http.Request, []string) bool) *Provider {
	t.Helper()
	deliver := providertest.Fake{Treat: func(string) providertest.Treatment { return providertest.Deliver }}
	s := httptest.NewTLSServer(&fake{t: t, Fake: deliver, onSend: onSend})
	t.Cleanup(s.Close)
	c := row()
	c.Endpoint = providertest.Endpoint(s)
	p, err := New(c, providertest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func classes(outcomes []message.Outcome) (all []message.Class) {
	for _, o := range outcomes {
		all = append(all, o.Class)
	}
	return all
}

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:     row(),
		New:     func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:   func(f providertest.Fake) http.Handler { return &fake{t: t, Fake: f} },
		Secrets: []string{appSecret},
	})
}
