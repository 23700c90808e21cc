package usertoken

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
)

// issuer signs tokens.
type issuer struct {
	ed  ed25519.PrivateKey
	rsa *rsa.PrivateKey
	mac []byte
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{ed: ed, rsa: r, mac: []byte(strings.Repeat("m", 32))}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// keys is the issuer's key set; alg is left out, so that nothing but the allow-list tells algorithms apart.
func (i *issuer) keys(t *testing.T, kids ...string) string {
	t.Helper()
	all := map[string]map[string]string{
		"ed":  {"kty": "OKP", "crv": "Ed25519", "x": b64(i.ed.Public().(ed25519.PublicKey))},
		"rsa": {"kty": "RSA", "n": b64(i.rsa.N.Bytes()), "e": b64(big.NewInt(int64(i.rsa.E)).Bytes())},
		"mac": {"kty": "oct", "k": b64(i.mac)},
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	for _, kid := range kids {
		all[kid]["kid"] = kid
		set.Keys = append(set.Keys, all[kid])
	}
	out, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func good() jwt.MapClaims {
	return jwt.MapClaims{"sub": "alice", "iss": "iss", "aud": "aud", "exp": time.Now().Add(time.Hour).Unix()}
}

func sign(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verifier(t *testing.T, trust config.DeviceJWT, client *http.Client) (*Verifier, func(config.DeviceJWT)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), config.FileName)
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	write := func(trust config.DeviceJWT) {
		b, err := config.Encode(&config.Document{
			Version: config.Version, App: config.App{Namespace: "n", Name: "a", AppID: "id"},
			Routing:   config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 60, MaxBacklog: 1},
			Auth:      config.Auth{ServerKeys: []config.Secret{config.NewSecret("0123456789abcdef")}, DeviceJWT: trust},
			Retention: config.Retention{MessagesSeconds: 60, ReceiptsSeconds: 60, InactiveDevicesSeconds: 60},
			Keys:      config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(trust)
	log := slog.New(slog.DiscardHandler)
	live, err := config.Open(path, log)
	if err != nil {
		t.Fatal(err)
	}
	v := New(Deps{Live: live, Client: client, Log: log})
	return v, func(trust config.DeviceJWT) {
		write(trust)
		if err := live.Reload(); err != nil {
			t.Fatal(err)
		}
	}
}

func trust(keys string, algorithms ...string) config.DeviceJWT {
	return config.DeviceJWT{Issuer: "iss", Audience: "aud", Algorithms: algorithms, JWKS: config.NewSecret(keys)}
}

func TestGoodTokens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v, _ := verifier(t, trust(i.keys(t, "ed", "rsa", "mac"), config.JWTAlgorithms()...), nil)
	tokens := map[string]string{
		"EdDSA":             sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", good()),
		"RS256":             sign(t, jwt.SigningMethodRS256, i.rsa, "rsa", good()),
		"PS256":             sign(t, jwt.SigningMethodPS256, i.rsa, "rsa", good()),
		"HS256":             sign(t, jwt.SigningMethodHS256, i.mac, "mac", good()),
		"without a key id":  sign(t, jwt.SigningMethodEdDSA, i.ed, "", good()),
		"within the leeway": sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", with("exp", time.Now().Add(-leeway/2).Unix())),
	}
	for name, token := range tokens {
		if got, err := v.Verify(t.Context(), token); err != nil || got != "alice" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestTokensAreMeasuredByTheStoresTime(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v, _ := verifier(t, trust(i.keys(t, "ed"), "EdDSA"), nil)
	v.deps.Now = func() time.Time { return time.Now().Add(24 * time.Hour) }
	over := sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", good())
	if _, err := v.Verify(t.Context(), over); !errors.Is(err, ErrInvalid) {
		t.Errorf("a token that is over is taken: %v", err)
	}
	fresh := with("exp", time.Now().Add(25*time.Hour).Unix())
	fresh["nbf"] = time.Now().Add(23 * time.Hour).Unix()
	if _, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", fresh)); err != nil {
		t.Errorf("a fresh token is refused: %v", err)
	}
}

// with replaces a claim; nil leaves it out.
func with(name string, value any) jwt.MapClaims {
	c := good()
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

func TestBadTokens(t *testing.T) {
	t.Parallel()
	i, other := newIssuer(t), newIssuer(t)
	// All three keys are known and the symmetric algorithm is not trusted.
	v, _ := verifier(t, trust(i.keys(t, "ed", "rsa", "mac"), "EdDSA", "RS256"), nil)
	ed := func(c jwt.MapClaims) string { return sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", c) }
	parts := strings.Split(ed(good()), ".")
	der, err := x509.MarshalPKIXPublicKey(i.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	tokens := map[string]string{
		"empty":                        "",
		"no token":                     "abc",
		"none":                         sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "ed", good()),
		"none without key id":          sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", good()),
		"signature cut off":            parts[0] + "." + parts[1] + ".",
		"payload of another":           parts[0] + "." + strings.Split(ed(with("sub", "bob")), ".")[1] + "." + parts[2],
		"HS with the public key":       sign(t, jwt.SigningMethodHS256, public, "rsa", good()),
		"HS with the key bytes":        sign(t, jwt.SigningMethodHS256, []byte(i.ed.Public().(ed25519.PublicKey)), "ed", good()),
		"HS not in the list":           sign(t, jwt.SigningMethodHS256, i.mac, "mac", good()),
		"HS not in the list, no kid":   sign(t, jwt.SigningMethodHS256, i.mac, "", good()),
		"PS not in the list":           sign(t, jwt.SigningMethodPS256, i.rsa, "rsa", good()),
		"RS under the key id of Ed":    sign(t, jwt.SigningMethodRS256, i.rsa, "ed", good()),
		"another issuer's key":         sign(t, jwt.SigningMethodEdDSA, other.ed, "ed", good()),
		"another issuer's key, no kid": sign(t, jwt.SigningMethodEdDSA, other.ed, "", good()),
		"unknown key id":               sign(t, jwt.SigningMethodEdDSA, i.ed, "new", good()),
		"wrong issuer":                 ed(with("iss", "other")),
		"no issuer":                    ed(with("iss", nil)),
		"wrong audience":               ed(with("aud", "other")),
		"no audience":                  ed(with("aud", nil)),
		"expired":                      ed(with("exp", time.Now().Add(-time.Hour).Unix())),
		"no expiry":                    ed(with("exp", nil)),
		"expiry is text":               ed(with("exp", "tomorrow")),
		"not yet":                      ed(with("nbf", time.Now().Add(time.Hour).Unix())),
		"no subject":                   ed(with("sub", nil)),
		"empty subject":                ed(with("sub", "")),
		"long subject":                 ed(with("sub", strings.Repeat("x", 65))),
		"subject with a control":       ed(with("sub", "a\nb")),
		"subject is a number":          ed(with("sub", 7)),
	}
	for name, token := range tokens {
		got, err := v.Verify(t.Context(), token)
		if !errors.Is(err, ErrInvalid) || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
			continue
		}
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 8 && strings.Contains(err.Error(), part) {
				t.Errorf("%s: the error quotes the token: %v", name, err)
			}
		}
	}
}

func TestSymmetricKeysWithRSAAllowed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	// HS256 is trusted, and an attacker knows the RSA public key.
	v, _ := verifier(t, trust(i.keys(t, "rsa"), "RS256", "HS256"), nil)
	for _, key := range [][]byte{i.rsa.N.Bytes(), x509.MarshalPKCS1PublicKey(&i.rsa.PublicKey)} {
		for _, kid := range []string{"rsa", ""} {
			if _, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, key, kid, good())); !errors.Is(err, ErrInvalid) {
				t.Errorf("key id %q: %v", kid, err)
			}
		}
	}
}

// TestKeysThatAreNotForThis: of a key set only what an issuer signs with counts, and what is not known does no harm.
func TestKeysThatAreNotForThis(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	with := func(member string) string {
		return strings.ReplaceAll(i.keys(t, "ed", "rsa"), `"kty"`, member+`,"kty"`)
	}
	unknown := strings.Replace(i.keys(t, "ed"), "[", `[{"kty":"AKP","kid":"new"},{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"},7,`, 1)
	huge := `{"keys":[{"kty":"RSA","kid":"rsa","n":"` + strings.Repeat("_", 3000) + `","e":"AQAB"}]}`
	ed := func(kid string) string { return sign(t, jwt.SigningMethodEdDSA, i.ed, kid, good()) }
	rs := func(kid string) string { return sign(t, jwt.SigningMethodRS256, i.rsa, kid, good()) }
	brings := jwt.NewWithClaims(jwt.SigningMethodEdDSA, good())
	brings.Header["crit"] = []string{"b64"}
	critical, err := brings.SignedString(i.ed)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, keys, token string
		want              error
	}{
		{"for signatures", with(`"use":"sig"`), ed("ed"), nil},
		{"among unknown ones", unknown, ed("ed"), nil},
		{"for encryption", with(`"use":"enc"`), ed("ed"), ErrNoKeys},
		{"for encryption, no kid", strings.Replace(i.keys(t, "ed", "rsa"), `"kty":"RSA"`, `"use":"enc","kty":"RSA"`, 1), rs(""), ErrInvalid},
		{"of another algorithm", with(`"alg":"PS256"`), rs("rsa"), ErrInvalid},
		{"of another algorithm, no kid", with(`"alg":"PS256"`), rs(""), ErrInvalid},
		{"of 18,000 bits", huge, rs("rsa"), ErrNoKeys},
		{"none at all", `{"keys":[]}`, ed("ed"), ErrNoKeys},
		{"with a critical header", i.keys(t, "ed"), critical, ErrInvalid},
	} {
		v, _ := verifier(t, trust(tt.keys, "EdDSA", "RS256", "PS256"), nil)
		if _, err := v.Verify(t.Context(), tt.token); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestConfigInForceDecides(t *testing.T) {
	t.Parallel()
	i, next := newIssuer(t), newIssuer(t)
	v, configure := verifier(t, config.DeviceJWT{}, nil)
	token := sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", good())
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrOff) {
		t.Errorf("off: %v", err)
	}
	configure(trust(i.keys(t, "ed"), "EdDSA"))
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("on: %v", err)
	}
	configure(trust(next.keys(t, "ed"), "EdDSA"))
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrInvalid) {
		t.Errorf("rotated: %v", err)
	}
	configure(trust("no key set", "EdDSA"))
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrNoKeys) {
		t.Errorf("broken: %v", err)
	}
}

func TestKeysBehindURL(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	var answer atomic.Pointer[string]
	answer.Store(new(`{`))
	asked := make(chan struct{}, 100)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		_, _ = w.Write([]byte(*answer.Load()))
	}))
	t.Cleanup(server.Close)
	source := config.DeviceJWT{Issuer: "iss", Audience: "aud", Algorithms: []string{"EdDSA", "HS256"}, JWKSURL: server.URL}
	v, configure := verifier(t, source, server.Client())
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { v.Run(ctx) })
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)

	token := sign(t, jwt.SigningMethodEdDSA, i.ed, "ed", good())
	<-asked
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrNoKeys) {
		t.Errorf("no keys yet: %v", err)
	}
	answer.Store(new(i.keys(t, "ed", "mac")))
	source.JWKSURL += "/v2"
	configure(source) // The new document makes Run fetch at once.
	<-asked
	for {
		_, err := v.Verify(t.Context(), token)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrNoKeys) {
			t.Fatal(err)
		}
	}
	if _, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, i.mac, "mac", good())); !errors.Is(err, ErrInvalid) {
		t.Errorf("a symmetric key from a URL: %v", err)
	}
	answer.Store(new(`broken`))
	if err := v.refresh(t.Context(), source.JWKSURL, "url "+source.JWKSURL); err == nil {
		t.Error("a broken key set was taken")
	}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("a failed fetch lost the keys: %v", err)
	}
	answer.Store(new(strings.Repeat(" ", maxKeySet+1)))
	if err := v.refresh(t.Context(), source.JWKSURL, "x"); err == nil || !strings.Contains(err.Error(), "over 262144 bytes") {
		t.Errorf("an endless key set: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, good())
	signed, err := token.SignedString(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	var v *Verifier
	var once sync.Once
	f.Fuzz(func(t *testing.T, in string) {
		once.Do(func() {
			set := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"` + b64(make([]byte, 32)) + `"}]}`
			v, _ = verifier(t, trust(set, "EdDSA"), nil)
		})
		if user, err := v.Verify(t.Context(), in); err == nil {
			t.Errorf("%q is the token of %q", in, user)
		}
	})
}
