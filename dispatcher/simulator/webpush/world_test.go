package webpush

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/simulator/phone"
)

const subject = "mailto:push@example.com"

// world is all push services with the website chat, and a browser of it at each.
type world struct {
	vendor   *Vendor
	key      *ecdsa.PrivateKey
	browsers map[string]*phone.Handset
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{vendor: New(phone.NewBook()), browsers: map[string]*phone.Handset{}}
	a, err := w.vendor.AddApp(App{ID: "chat"})
	if err != nil {
		t.Fatal(err)
	}
	w.key = vapidKey(t, a.PrivateKey)
	for _, s := range services() {
		if _, err := w.vendor.AddApp(App{ID: "chat", PrivateKey: a.PrivateKey, Services: []string{s.name}}); err != nil {
			t.Fatal(err)
		}
		w.browsers[s.name] = w.browser(t, "chat")
	}
	return w
}

func (w *world) browser(t *testing.T, app string) *phone.Handset {
	t.Helper()
	h, err := w.vendor.phones.Add(Name, app, "", w.vendor.IssueFor(app))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func vapidKey(t *testing.T, text string) *ecdsa.PrivateKey {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func subscriptionOf(t *testing.T, h *phone.Handset) subscription {
	t.Helper()
	var s subscription
	if err := json.Unmarshal([]byte(h.Phone().Token), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// request is a good push, which a test changes before it goes.
type request struct {
	endpoint *url.URL
	key      *ecdsa.PrivateKey
	claims   jwt.MapClaims
	method   string
	header   http.Header
	body     []byte
}

func (w *world) request(t *testing.T, h *phone.Handset, plaintext string) *request {
	t.Helper()
	s := subscriptionOf(t, h)
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	return &request{
		endpoint: u, key: w.key, method: http.MethodPost, body: seal(t, s, plaintext, 4096, 0),
		claims: jwt.MapClaims{"aud": "https://" + u.Host, "exp": time.Now().Add(12 * time.Hour).Unix(), "sub": subject},
		header: http.Header{"Ttl": {"60"}, "Content-Encoding": {"aes128gcm"}, "Urgency": {"normal"}},
	}
}

// sign sets the header of the claims, if the test did not.
func (r *request) sign(t *testing.T) {
	t.Helper()
	if r.header.Get("Authorization") != "" {
		return
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodES256, r.claims).SignedString(r.key)
	if err != nil {
		t.Fatal(err)
	}
	point, err := r.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	r.header.Set("Authorization", "vapid t="+signed+", k="+encode(point))
}

func (w *world) send(t *testing.T, r *request) *httptest.ResponseRecorder {
	t.Helper()
	r.sign(t)
	req := httptest.NewRequestWithContext(t.Context(), r.method, r.endpoint.String(), bytes.NewReader(r.body))
	req.Header = r.header
	answer := httptest.NewRecorder()
	w.vendor.ServeHTTP(answer, req)
	return answer
}

// seal is a sender's side of RFC 8291, with records of any size and padding.
func seal(t *testing.T, s subscription, plaintext string, size, padding int) []byte {
	t.Helper()
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	browser, err := ecdh.P256().NewPublicKey(must(base64.RawURLEncoding.DecodeString(s.Keys.P256DH)))
	if err != nil {
		t.Fatal(err)
	}
	own, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := must(base64.RawURLEncoding.DecodeString(s.Keys.Auth))
	info := "WebPush: info\x00" + string(browser.Bytes()) + string(own.PublicKey().Bytes())
	ikm := must(hkdf.Key(sha256.New, must(own.ECDH(browser)), auth, info, 32))
	salt := []byte(rand.Text())[:saltBytes]
	block, err := aes.NewCipher(must(hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)))
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	first := must(hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12))
	body := append(binary.BigEndian.AppendUint32(salt, uint32(size)), pointBytes)
	body = append(body, own.PublicKey().Bytes()...)
	for n, left := 0, plaintext; ; n++ {
		chunk := left[:min(len(left), size-17-padding)]
		left = left[len(chunk):]
		mark := byte(1)
		if left == "" {
			mark = 2
		}
		record := append(append([]byte(chunk), mark), make([]byte, padding)...)
		own := bytes.Clone(first)
		own[11] ^= byte(n)
		body = gcm.Seal(body, own, record, nil)
		if left == "" {
			return body
		}
	}
}
