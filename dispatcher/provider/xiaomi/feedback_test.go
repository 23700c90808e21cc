package xiaomi

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

func TestDeadTokens(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		want   []string
		class  message.Class
	}{
		"a few":      {`{"result":"ok","code":0,"data":{"list":["one","two"]}}`, []string{"one", "two"}, message.Accepted},
		"none":       {`{"result":"ok","code":0,"data":{"list":[]}}`, []string{}, message.Accepted},
		"no data":    {`{"result":"ok","code":0}`, nil, message.Accepted},
		"refused":    {`{"result":"error","code":21301,"reason":"bad"}`, nil, message.CredentialRejected},
		"too often":  {`{"result":"error","code":10027}`, nil, message.Throttled},
		"other data": {`{"result":"ok","code":0,"data":{"list":"one"}}`, nil, message.Transient},
		"no JSON":    {`busy`, nil, message.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method+" "+r.URL.Path != "GET "+feedbackPath || r.Header.Get("Authorization") != "key="+appSecret {
					t.Errorf("%s %s", r.Method, r.URL.Path)
				}
				answer(w, tt.answer)
			}))
			t.Cleanup(s.Close)
			c := row()
			c.Endpoint = providertest.Endpoint(s)
			p, err := New(c, providertest.Deps())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Close)
			got, o := p.DeadTokens(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" || o.Class != tt.class {
				t.Errorf("%+v, want %s (-want +got):\n%s", o, tt.class, diff)
			}
		})
	}
}

// Xiaomi names the host of the list for phones in China alone.
func TestFeedbackHost(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{"China": "https://feedback.xmpush.xiaomi.com", "India": "", "Global": ""} {
		c := row()
		c.Xiaomi.Region = region
		p, err := New(c, providertest.Deps())
		if err != nil {
			t.Fatal(err)
		}
		if p.feedback != want {
			t.Errorf("%s: %q, want %q", region, p.feedback, want)
		}
		if _, o := p.DeadTokens(t.Context()); want == "" && o.Class != "" {
			t.Errorf("%s was asked: %+v", region, o)
		}
		p.Close()
	}
}
