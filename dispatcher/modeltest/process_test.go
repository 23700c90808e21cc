package modeltest

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/server"
)

// What the configuration holds.
const (
	appID     = "app-1"
	key       = "key-of-the-model-test"
	issuer    = "https://issuer.example"
	audience  = "chat"
	keyID     = "key-1"
	heartbeat = 10 * time.Second
	offline   = 35 * time.Second
	ackWindow = 3 * time.Second
	// callAckWindow is for calls.
	callAckWindow = 2 * time.Second
	pushTTL       = 90 * time.Second
)

// process is a running dispatcher.
type process struct {
	stop context.CancelFunc
	dead chan struct{}
	done chan error
}

// node runs one dispatcher after the other on the same data.
type node struct {
	dir     string // of everything; each killed process leaves a folder of data behind
	network *network
	ledger  *ledger
	log     *slog.Logger
	process *process
	killed  []*process
	data    int
	// shared means that the data are in a database, and stop that its clock need not be kept any more.
	shared bool
	stop   func() error
}

// prepare writes the configuration and starts the first dispatcher.
func (n *node) prepare(ctx context.Context, d *database) (err error) {
	doc := document()
	n.stop = func() error { return nil }
	if n.shared = d != nil; n.shared {
		doc.Store = d.schema()
		n.stop, err = d.keepTime(ctx)
	} else {
		err = os.CopyFS(n.dataDir(), os.DirFS(migrated()))
	}
	if err != nil {
		return err
	}
	encoded, err := config.Encode(doc)
	if err == nil {
		err = os.WriteFile(n.configPath(), encoded, 0o600)
	}
	if err == nil {
		err = n.start(ctx)
	}
	return err
}

func (n *node) configPath() string { return filepath.Join(n.dir, config.FileName) }
func (n *node) dataDir() string    { return filepath.Join(n.dir, fmt.Sprint("data-", n.data)) }

// start starts a dispatcher and waits until it is up.
func (n *node) start(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	p := &process{stop: stop, dead: make(chan struct{}), done: make(chan error, 1)}
	n.process = p
	go func() {
		p.done <- server.Run(ctx, server.Options{
			ConfigPath: n.configPath(), DataDir: n.dataDir(), Pod: "pod", DrainTimeout: time.Minute, Log: n.log,
			PeerAdvertise: "127.0.0.1:1", PeerAddr: "nobody", // It is alone, with a database too.
			Outside: server.Outside{
				Listen: n.network.listen, NewProvider: n.ledger.newProvider(p.dead),
				Watch: func(ctx context.Context, _ *config.Live) error { <-ctx.Done(); return nil },
			},
		})
	}()
	synctest.Wait()
	select {
	case err := <-p.done:
		return fmt.Errorf("the dispatcher does not start: %w", err)
	default:
		return nil
	}
}

// drain ends the dispatcher in good order.
func (n *node) drain() error {
	n.process.stop()
	err := <-n.process.done
	n.network.cut()
	return err
}

// kill ends the dispatcher at once: what is on disk at this moment is what the next
// one finds. With a database it drains, because nothing else would keep it from going on.
func (n *node) kill() error {
	if n.shared {
		return n.drain()
	}
	from := n.dataDir()
	n.data++
	err := os.CopyFS(n.dataDir(), os.DirFS(from))
	close(n.process.dead)
	n.network.cut()
	n.process.stop()
	n.killed = append(n.killed, n.process)
	return err
}

// end waits until nothing runs any more.
func (n *node) end() error {
	err := n.drain()
	for _, p := range n.killed {
		n.log.Debug("a killed process ended", "error", <-p.done)
	}
	return errors.Join(err, n.stop())
}

func userKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat("u", ed25519.SeedSize)))
}

// userToken is a good token of the user in any history: every bubble begins at the same time.
var userToken = func() func(user string) string {
	var mu sync.Mutex
	made := map[string]string{}
	return func(user string) string {
		mu.Lock()
		defer mu.Unlock()
		if made[user] == "" {
			token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
				"sub": user, "iss": issuer, "aud": audience, "exp": time.Now().Add(24 * time.Hour).Unix(),
			})
			token.Header["kid"] = keyID
			made[user], _ = token.SignedString(userKey()) // A good key signs anything.
		}
		return made[user]
	}
}()

// document has a row for FCM and one for Xiaomi.
func document() *config.Document {
	secret := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	set, _ := json.Marshal(map[string]any{"keys": []map[string]string{{ // Texts always encode.
		"kty": "OKP", "crv": "Ed25519", "kid": keyID, "alg": "EdDSA",
		"x": base64.RawURLEncoding.EncodeToString(userKey().Public().(ed25519.PublicKey)),
	}}})
	seconds := func(d time.Duration) int32 { return int32(d / time.Second) }
	return &config.Document{
		Version: config.Version,
		App:     config.App{Namespace: "ns", Name: "chat", AppID: appID},
		Channels: []config.Channel{
			{Name: "fcm", Vendor: "FCM", AppType: 1, FCM: &config.FCMChannel{ProjectID: "p", ServiceAccount: config.NewSecret("{}")}},
			{Name: "xiaomi", Vendor: "Xiaomi", AppType: 1, Xiaomi: &config.XiaomiChannel{PackageName: "p", Region: "China", AppSecret: config.NewSecret("s")}},
		},
		Rates: config.Rates{RegistrationsPerSource: 1000, RequestsPerDevice: 1000}, // A history takes no time.
		Routing: config.Routing{
			HeartbeatSeconds: seconds(heartbeat), OfflineAfterSeconds: seconds(offline), AckTimeoutSeconds: seconds(ackWindow), CallAckTimeoutSeconds: seconds(callAckWindow),
			PushTTLSeconds: seconds(pushTTL), MaxBacklog: 10_000,
		},
		Auth: config.Auth{
			ServerKeys: []config.Secret{config.NewSecret(key)}, RegistrationKeys: []config.Secret{config.NewSecret(key)},
			DeviceJWT: config.DeviceJWT{Issuer: issuer, Audience: audience, Algorithms: []string{"EdDSA"}, JWKS: config.NewSecret(string(set))},
		},
		Retention: config.Retention{MessagesSeconds: 604800, ReceiptsSeconds: 604800, InactiveDevicesSeconds: 604800},
		Keys:      config.Keys{Report: secret, Peer: secret, Sealing: secret, ReceiptPath: secret},
	}
}
