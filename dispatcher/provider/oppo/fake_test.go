package oppo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

const (
	appKey       = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
	masterSecret = "oppo-master-secret/+=="
	authToken    = "oppo-auth-token-"
)

func row() config.Channel {
	return config.Channel{
		Name: "oppo", Vendor: "OPPO", AppType: 1,
		OPPO: &config.OPPOChannel{AppKey: appKey, Region: "China", MasterSecret: config.NewSecret(masterSecret)},
	}
}

// fake is a fake of OPPO Push.
type fake struct {
	t *testing.T
	providertest.Fake
	minted  atomic.Int64
	revoked sync.Map // access tokens
	// onSend sees every push, if set.
	onSend func(http.ResponseWriter, *http.Request, []body) (done bool)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded;charset=UTF-8" || r.Method != http.MethodPost {
		f.t.Errorf("%s with Content-Type %q", r.Method, got)
	}
	switch r.URL.Path {
	case authPath:
		f.auth(w, r)
	case unicastPath:
		f.send(w, r, "["+r.PostFormValue("message")+"]")
	case batchPath:
		f.send(w, r, r.PostFormValue("messages"))
	default:
		f.t.Errorf("%s %s", r.Method, r.URL.Path)
		http.NotFound(w, r)
	}
}

func (f *fake) auth(w http.ResponseWriter, r *http.Request) {
	timestamp := r.PostFormValue("timestamp")
	if len(timestamp) != 13 || r.PostFormValue("app_key") != appKey || r.PostFormValue("sign") != sign(appKey, timestamp, masterSecret) {
		f.t.Errorf("auth with %v", r.PostForm)
	}
	if f.Revoked {
		answer(w, `{"code":16,"message":"Invalid Signature `+r.PostFormValue("sign")+`"}`)
		return
	}
	answer(w, fmt.Sprintf(`{"code":0,"message":"","data":{"auth_token":"%s%d","create_time":%d}}`, authToken, f.minted.Add(1), time.Now().UnixMilli()))
}

func (f *fake) send(w http.ResponseWriter, r *http.Request, messages string) {
	var bodies []body
	d := json.NewDecoder(strings.NewReader(messages))
	d.DisallowUnknownFields()
	if err := d.Decode(&bodies); err != nil {
		f.t.Errorf("messages: %v", err)
	}
	token := r.PostFormValue("auth_token")
	if _, revoked := f.revoked.Load(token); revoked || !strings.HasPrefix(token, authToken) {
		answer(w, `{"code":11,"message":"Invalid AuthToken"}`)
		return
	}
	if f.onSend != nil && f.onSend(w, r, bodies) {
		return
	}
	list := make([]string, len(bodies))
	for i, b := range bodies {
		list[i] = fmt.Sprintf(`{"messageId":"app-1-1-%d","registrationId":%q}`, i, b.TargetValue)
		switch f.Treat(b.TargetValue) {
		case providertest.Deliver:
		case providertest.RefuseToken:
			list[i] = fmt.Sprintf(`{"registrationId":%q,"errorCode":10000,"errorMessage":"Invalid %s"}`, b.TargetValue, b.TargetValue)
			if len(bodies) == 1 {
				answer(w, `{"code":10000,"message":"Invalid RegistrationId","data":{}}`)
				return
			}
		case providertest.Fail:
			answer(w, `{"code":-1,"message":"Service Currently Unavailable"}`)
			return
		case providertest.Echo:
			words, _ := json.Marshal(token + " for " + messages)
			answer(w, fmt.Sprintf(`{"code":41,"message":%s}`, words))
			return
		}
	}
	data := list[0]
	if len(list) > 1 {
		data = "[" + strings.Join(list, ",") + "]"
	}
	answer(w, `{"code":0,"message":"","data":`+data+`}`)
}

func answer(w http.ResponseWriter, body string) { _, _ = fmt.Fprint(w, body) }

func TestSuite(t *testing.T) {
	t.Parallel()
	providertest.Run(t, providertest.Vendor{
		Row:       row(),
		New:       func(c config.Channel, d provider.Deps) (provider.Provider, error) { return New(c, d) },
		Serve:     func(f providertest.Fake) http.Handler { return &fake{t: t, Fake: f} },
		Secrets:   []string{masterSecret, authToken},
		TokenPath: authPath,
		Calls:     func(targets int) int { return min(targets, 1) },
	})
}
