package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

const (
	testKey   = "key-of-the-test-0123"
	loopback  = "127.0.0.1:0"
	userKeyID = "key-1"
	// patience is far above what anything here takes.
	patience = 2 * time.Minute
)

func userKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed([]byte(strings.Repeat("u", 32))) }

func userToken(t *testing.T, userID string) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"sub": userID, "iss": "issuer", "aud": "chat", "exp": time.Now().Add(time.Hour).Unix(),
	})
	token.Header["kid"] = userKeyID
	signed, err := token.SignedString(userKey())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// document is the configuration of an app without channels on the database.
func document(appID, uri string) *config.Document {
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	set, _ := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "OKP", "crv": "Ed25519", "kid": userKeyID, "alg": "EdDSA",
		"x": base64.RawURLEncoding.EncodeToString(userKey().Public().(ed25519.PublicKey)),
	}}})
	return &config.Document{
		Version: config.Version,
		App:     config.App{Namespace: "ns", Name: "chat", AppID: appID},
		Store:   config.Store{Postgres: &config.Postgres{URI: config.NewSecret(uri), Schema: "chat"}},
		Routing: config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 60, MaxBacklog: 10},
		Auth: config.Auth{
			ServerKeys: []config.Secret{config.NewSecret(testKey)}, RegistrationKeys: []config.Secret{config.NewSecret(testKey)},
			DeviceJWT: config.DeviceJWT{Issuer: "issuer", Audience: "chat", Algorithms: []string{"EdDSA"}, JWKS: config.NewSecret(string(set))},
		},
		Retention: config.Retention{MessagesSeconds: 86400, ReceiptsSeconds: 86400, InactiveDevicesSeconds: 86400},
		Keys:      config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	}
}

// dispatcher is a running process of its own configuration.
type dispatcher struct {
	path string
	log  *lines
	// stop ends it and gives what Run returned.
	stop func() error
}

func start(t *testing.T, doc *config.Document) *dispatcher {
	t.Helper()
	return startWith(t, doc, func(*Options) {})
}

// startWith starts a process with options of the test's own.
func startWith(t *testing.T, doc *config.Document, edit func(*Options)) *dispatcher {
	t.Helper()
	d := &dispatcher{path: filepath.Join(t.TempDir(), config.FileName), log: &lines{}}
	d.configure(t, doc)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	options := Options{
		ConfigPath: d.path, DataDir: t.TempDir(), DeviceAddr: loopback, ServerAddr: loopback, AdminAddr: loopback,
		PeerAddr: loopback, PeerAdvertise: "127.0.0.1", Pod: t.Name(), DrainTimeout: patience,
		Log: slog.New(slog.NewJSONHandler(d.log, nil)),
	}
	edit(&options)
	go func() { ended <- Run(ctx, options) }()
	d.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *dispatcher) configure(t *testing.T, doc *config.Document) {
	t.Helper()
	b, err := config.Encode(doc)
	if err == nil {
		err = os.WriteFile(d.path+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(d.path+".new", d.path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// url is where a port listens that the log line names.
func (d *dispatcher) url(t *testing.T, line, port string) string {
	t.Helper()
	var addr string
	eventually(t, line, func() bool {
		fields := d.log.find(line)
		addr, _ = fields[port].(string)
		return addr != ""
	})
	return "http://" + addr
}

// admin asks the admin port.
func (d *dispatcher) admin(t *testing.T, path string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url(t, "starting", "admin")+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+document("", "").Keys.Report.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// store is what the report says of the store.
func (d *dispatcher) store(t *testing.T) report.Store {
	t.Helper()
	var r report.Report
	status, body := d.admin(t, report.Path)
	if err := json.Unmarshal(body, &r); err != nil || status != http.StatusOK {
		t.Fatalf("the report: %d %v", status, err)
	}
	return r.Store
}

// lines keeps a log of JSON lines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// find gives the fields of the first line with the message.
func (l *lines) find(message string) map[string]any {
	all := json.NewDecoder(strings.NewReader(l.String()))
	for {
		var fields map[string]any
		if err := all.Decode(&fields); errors.Is(err, io.EOF) || fields["msg"] == message {
			return fields
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it never happened: ", what)
		}
	}
}
