package honor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	appID        = "104411"
	clientID     = "client-4711"
	clientSecret = "honor-client-secret/+=="
	accessToken  = "honor-access-token-"
	badgeClass   = "com.example.chat.MainActivity"
)

func app() config.HonorChannel {
	return config.HonorChannel{AppID: appID, ClientID: clientID, BadgeClass: badgeClass, ReceiptID: "r1", ClientSecret: config.NewSecret(clientSecret)}
}

func row() config.Channel {
	return config.Channel{Name: "honor", Vendor: "Honor", AppType: 1, Honor: new(app())}
}

// fake is a fake of Honor's two servers.
type fake struct {
	t *testing.T
	providertest.Fake
	minted  atomic.Int64
	expired sync.Map // access tokens
	// onSend sees every push, if set.
	onSend func(http.ResponseWriter, *http.Request, body) (done bool)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST " + providertest.TokenPath:
		f.token(w, r)
	case "POST /api/v1/" + appID + "/sendMessage":
		f.send(w, r)
	default:
		f.t.Errorf("%s %s", r.Method, r.URL.Path)
		http.NotFound(w, r)
	}
}

func (f *fake) token(w http.ResponseWriter, r *http.Request) {
	got := [3]string{r.PostFormValue("grant_type"), r.PostFormValue("client_id"), r.PostFormValue("client_secret")}
	if got != [3]string{"client_credentials", clientID, clientSecret} {
		f.t.Errorf("token form %v", r.PostForm)
	}
	if f.Revoked {
		w.WriteHeader(http.StatusUnauthorized)
		answer(w, `{"error":"unauthorized_client","error_description":"Invalid client secret"}`)
		return
	}
	answer(w, fmt.Sprintf(`{"access_token":"%s%d","expires_in":3600,"token_type":"Bearer"}`, accessToken, f.minted.Add(1)))
}

func (f *fake) send(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.ParseInt(r.Header.Get("timestamp"), 10, 64)
	if age := time.Since(time.UnixMilli(ms)); err != nil || age.Abs() > 10*time.Minute {
		f.t.Errorf("timestamp %q", r.Header.Get("timestamp"))
	}
	if got := r.Header.Get("Content-Type"); got != "application/json; charset=UTF-8" {
		f.t.Errorf("Content-Type %q", got)
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, expired := f.expired.Load(bearer); expired || !strings.HasPrefix(bearer, accessToken) {
		answer(w, `{"code":403,"message":"auth not passed"}`)
		return
	}
	var b body
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		f.t.Errorf("body: %v", err)
	}
	if f.onSend != nil && f.onSend(w, r, b) {
		return
	}
	f.treat(w, r, b)
}

func (f *fake) treat(w http.ResponseWriter, r *http.Request, b body) {
	dead := []string{}
	for _, token := range b.Token {
		switch f.Treat(token) {
		case providertest.Deliver:
		case providertest.RefuseToken:
			dead = append(dead, token)
		case providertest.Fail:
			w.WriteHeader(http.StatusBadGateway)
			answer(w, `{"code":502,"message":"busy"}`)
			return
		case providertest.Echo:
			words, _ := json.Marshal(r.Header.Get("Authorization") + " for " + strings.Join(b.Token, ",") + " with " + clientSecret)
			answer(w, fmt.Sprintf(`{"code":80100003,"message":%s}`, words))
			return
		}
	}
	switch {
	case len(dead) == len(b.Token):
		answer(w, `{"code":80300007,"message":"all tokens are invalid"}`)
	case len(dead) > 0:
		failed, _ := json.Marshal(dead[1:])
		expired, _ := json.Marshal(dead[:1])
		answer(w, fmt.Sprintf(`{"code":80100000,"message":"partly","data":{"sendResult":true,"requestId":"r1","failTokens":%s,"expireTokens":%s}}`, failed, expired))
	default:
		answer(w, `{"code":200,"message":"success","data":{"sendResult":true,"requestId":"r1","failTokens":[],"expireTokens":[]}}`)
	}
}

func answer(w http.ResponseWriter, body string) { _, _ = fmt.Fprint(w, body) }

// start runs a fake and a provider of it.
func start(t *testing.T, f *fake) *Provider {
	t.Helper()
	f.t = t
	if f.Treat == nil {
		f.Treat = func(string) providertest.Treatment { return providertest.Deliver }
	}
	s := httptest.NewTLSServer(f)
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
		Secrets: []string{clientSecret, accessToken},
	})
}
