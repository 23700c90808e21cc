package provider

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTranscriptKeepsTheLastAnswer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/token":
			_, _ = fmt.Fprint(w, `{"access_token":"granted-token","expires_in":3600}`)
		case "/push":
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, "%s\x00 %s %s %s", r.Header.Get("Authtoken"), body, r.URL.Query().Get("sign"), url.QueryEscape("a+signature/of=it"))
		case "/huge":
			_, _ = fmt.Fprint(w, strings.Repeat("x", maxAnswer+1))
		}
	}))
	var kept Transcript
	post := func(path, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(WithTranscript(t.Context(), &kept), http.MethodPost, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authtoken", "the-header's-token")
		_, _ = Do(s.Client(), req) // the transcript tells
	}
	post("/token", "client_secret=form-secret")
	if got := kept.Quote(100); got != `{"access_token":"<redacted>","expires_in":3600}` {
		t.Errorf("the grant is quoted as %s", got)
	}
	post("/push?sign=a%2bsignature/of=it", `auth_token=granted-token&secret=form-secret&{"title":"hello","token":"json \"secret"}&explicit`)
	want := `<redacted>  auth_token=<redacted>&secret=<redacted>&{"title":"hello","token":"<redacted>"}&<redacted> <redacted> <redacted>`
	if got := kept.Quote(1000, "explicit", ""); got != want || kept.Status() != 400 || kept.Took() <= 0 {
		t.Errorf("got %d after %s: %s\nwant %s", kept.Status(), kept.Took(), got, want)
	}
	post("/huge", "")
	if got := kept.Quote(1000); got != "" || kept.Status() != 200 {
		t.Errorf("a huge answer: %d %q", kept.Status(), got)
	}
	s.Close()
	post("/push", "")
	if got := kept.Quote(1000); got != "" || kept.Status() != 0 {
		t.Errorf("without an answer: %d %q", kept.Status(), got)
	}
}

func TestQuoteIsBounded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("ü", 100) + "the-secret"
	for limit := range 220 {
		got := quoted(text, limit+3, []string{"the-secret"})
		if len(got) > limit+3 || !utf8.ValidString(got) || strings.Contains(got, "the-s") {
			t.Errorf("%d bytes of %d: %q", len(got), limit+3, got)
		}
	}
	if got := quoted("a\x00b\xffc\n\td ", 100, nil); got != "a b\uFFFDc\n\td" {
		t.Errorf("got %q", got)
	}
}

func TestEverySpellingIsHidden(t *testing.T) {
	t.Parallel()
	secret := `a/b+c="d"&<e>`
	inJSON, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{
		secret, string(inJSON), url.QueryEscape(secret), url.PathEscape(secret), `a/b+c=&#34;d&#34;&amp;&lt;e&gt;`,
		strings.ReplaceAll(string(inJSON), "/", `\/`), "YS9iK2M9ImQiJjxlPg==",
	} {
		if got := quoted("x "+written+" y", 100, []string{secret}); !strings.Contains(got, redacted) || strings.Contains(got, "b") || strings.Contains(got, "YS9") {
			t.Errorf("%s is quoted as %s", written, got)
		}
	}
}

func TestLongPartsAreHiddenHoweverTheRestIsWritten(t *testing.T) {
	t.Parallel()
	hide := []string{"0123456789abcdef+/==", `{"project_id":"a-project-with-a-long-name"}`}
	got := quoted(`key=0123456789abcdef\u002b\/\u003d\u003d of a-project-with-a-long-name`, 100, hide)
	if want := `key=<redacted>\u002b\/\u003d\u003d of a-project-with-a-long-name`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSecretParts(t *testing.T) {
	t.Parallel()
	pem := "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nMIIEvQIBADANBgkr\n-----END PRIVATE KEY-----\n"
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "the-project", "private_key": pem, "private_key_id": "0123456789", "token_uri": "https://public.example/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	subscription := `{"endpoint":"https://push.example/send/dGhlLXRva2Vu","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6","auth":"BTBZMqHH6r4Tts7J"}}`
	for name, tt := range map[string]struct {
		secret       string
		hidden, open []string
	}{
		"a text":         {"appsecret", []string{"appsecret"}, nil},
		"a key":          {pem, []string{"MIIEvQIBADANBgkq", "MIIEvQIBADANBgkr"}, nil},
		"a key file":     {string(account), []string{"MIIEvQIBADANBgkq", "0123456789", pem}, []string{"the-project", "service_account", "https://public.example/token"}},
		"a subscription": {subscription, []string{"https://push.example/send/dGhlLXRva2Vu", "dGhlLXRva2Vu", "BCVxsr7N_eNgVRqvHtD0zTZsEc6", "BTBZMqHH6r4Tts7J"}, []string{"endpoint"}},
	} {
		parts := SecretParts(tt.secret)
		for _, h := range append(tt.hidden, tt.secret) {
			if !slices.Contains(parts, h) {
				t.Errorf("%s: shows %q", name, h)
			}
		}
		for _, o := range tt.open {
			if slices.Contains(parts, o) {
				t.Errorf("%s: hides %q", name, o)
			}
		}
	}
}
