package render_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // for machines without the time zone database

	"github.com/google/go-cmp/cmp"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/yaml"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
)

var update = flag.Bool("update", false, "write the golden files")

// The credentials of every case; no golden file may hold them.
const (
	serviceAccount   = `{"project_id":"chat-prod-4711","private_key":"fcm-private-key-0123"}`
	appSecret        = "xiaomi-app-secret-0123"
	serverKey        = "server-key-0123456789"
	registrationKey  = "registration-key-0123"
	databasePassword = "database-password-0123"
	databaseURI      = "postgresql://chat:" + databasePassword + "@db.example.com:5432/push?sslmode=verify-full"
	credentialSuffix = "-credential-0123"
	callbackKey      = "callback-key-0123456789-0123456789"
	jwks             = `{"keys":[{"kty":"oct","k":"jwks-shared-secret-0123"}]}`
)

func fixtures() []string {
	return []string{
		"fcm-private-key-0123", appSecret, serverKey, registrationKey, callbackKey, "jwks-shared-secret-0123", databasePassword, generatedKey("r"),
	}
}

// TestGolden renders testdata/<case>/app.yaml. The Secret's document is shown without its secrets, and the true one must be
// a document that dispatchers read.
func TestGolden(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*/app.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			in := input(t, file)
			output, err := render.App(in)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for _, object := range output.Objects {
				if secret, ok := object.(*corev1ac.SecretApplyConfiguration); ok {
					redact(t, secret, output.ConfigHash)
				}
				b, err := yaml.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(b)
			}
			for _, secret := range fixtures() {
				if strings.Contains(got.String(), secret) {
					t.Errorf("the golden file would hold %q", secret)
				}
			}
			if strings.Contains(got.String(), credentialSuffix) {
				t.Error("the golden file would hold a vendor's credential")
			}
			compare(t, filepath.Join(folder, "golden.yaml"), got.Bytes())
		})
	}
}

// redact checks the true document and replaces it with one that shows no secret.
func redact(t *testing.T, secret *corev1ac.SecretApplyConfiguration, hash string) {
	t.Helper()
	encoded := secret.Data[config.FileName]
	document, err := config.ParseStrict(encoded)
	if err != nil {
		t.Fatalf("dispatchers refuse the document: %v", err)
	}
	if config.Hash(encoded) != hash {
		t.Errorf("hash is %s, the document's is %s", hash, config.Hash(encoded))
	}
	for _, fixture := range fixtures() {
		wanted := document.Auth.DeviceJWT.Enabled() && fixture != databasePassword || document.Store.Postgres != nil && fixture == databasePassword
		if wanted && !strings.Contains(strings.ReplaceAll(string(encoded), `\`, ""), fixture) {
			t.Errorf("the true document lacks %q", fixture)
		}
	}
	shown, err := yaml.Marshal(document) // Marshalled plainly, a Secret hides itself.
	if err != nil {
		t.Fatal(err)
	}
	secret.Data = nil
	secret.WithStringData(map[string]string{config.FileName: string(shown)})
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), write it with -update:\n%s", file, diff)
	}
}

// input reads an app and gives each of its rows the channel of the row's name.
func input(t *testing.T, file string) render.Input {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	app := &pushv1.PushApp{}
	if err := yaml.UnmarshalStrict(b, app); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	in := render.Input{
		App:   app,
		Image: "registry.example.com/dispatcher:v0",
		Auth: config.Auth{
			ServerKeys:       []config.Secret{config.NewSecret(serverKey)},
			RegistrationKeys: []config.Secret{config.NewSecret(registrationKey)},
		},
		Database: config.Postgres{URI: config.NewSecret(databaseURI), CABundle: "-----BEGIN CERTIFICATE-----\n"},
		Keys: config.Keys{
			Report: config.NewSecret(generatedKey("r")), Peer: config.NewSecret(generatedKey("p")),
			Sealing: config.NewSecret(generatedKey("s")), ReceiptPath: config.NewSecret(generatedKey("c")),
		},
	}
	if jwt := app.Spec.Auth.DeviceJWT; jwt != nil {
		in.Auth.DeviceJWT = config.DeviceJWT{Issuer: jwt.Issuer, Audience: jwt.Audience, Algorithms: []string{"HS256"}, JWKS: config.NewSecret(jwks)}
	}
	if callback := app.Spec.Callback; callback != nil {
		in.Callback = config.Callback{URL: string(callback.URL), Key: config.NewSecret(callbackKey)}
	}
	for _, row := range app.Spec.Channels {
		in.Rows = append(in.Rows, rowOf(t, row))
	}
	return in
}

func rowOf(t *testing.T, row pushv1.AppChannel) render.Row {
	t.Helper()
	specs := map[string]pushv1.PushChannelSpec{
		"fcm": {
			Vendor: pushv1.VendorFCM, FCM: &pushv1.FCMChannel{Target: pushv1.FCMTargetToken},
			Endpoint: &pushv1.ChannelEndpoint{URL: "https://sim.example/fcm", AuthURL: "https://sim.example/fcm/token"},
			Limits:   pushv1.ChannelLimits{MaxConcurrentRequests: 256},
		},
		"xiaomi": {
			Vendor: pushv1.VendorXiaomi,
			Xiaomi: &pushv1.XiaomiChannel{PackageName: "com.example.chat", Region: pushv1.XiaomiRegionEurope, Path: "/v3/message/regid"},
			Limits: pushv1.ChannelLimits{RequestsPerSecond: 100, MaxConcurrentRequests: 8},
		},
		"suspended": {Vendor: pushv1.VendorXiaomi, Xiaomi: &pushv1.XiaomiChannel{PackageName: "com.example.chat", Region: pushv1.XiaomiRegionChina}},
	}
	spec, ok := specs[row.Name]
	if !ok {
		spec = sampleOf(t, row.Name)
	}
	credentials := render.Credentials{}
	if row.Name != "suspended" {
		credentials = credentialsOf(spec)
	}
	return render.Row{
		Name: row.Name, AppType: row.AppType,
		Accepted:  render.Channel(spec, credentials, ""),
		Limits:    render.Limits(spec, row.Share, 2*row.Share),
		Suspended: row.Name == "suspended",
	}
}

func generatedKey(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

func TestConfigTooLarge(t *testing.T) {
	t.Parallel()
	in := input(t, "testdata/minimal/app.yaml")
	in.Auth.ServerKeys = []config.Secret{config.NewSecret(strings.Repeat("k", config.MaxSize))}
	if _, err := render.App(in); !errors.Is(err, config.ErrTooLarge) {
		t.Errorf("error is %v, want config.ErrTooLarge", err)
	}
}

func TestRevisionFollowsTheTemplateOnly(t *testing.T) {
	t.Parallel()
	revision := func(edit func(*render.Input)) string {
		in := input(t, "testdata/minimal/app.yaml")
		edit(&in)
		output, err := render.App(in)
		if err != nil {
			t.Fatal(err)
		}
		return output.Revision
	}
	same := revision(func(*render.Input) {})
	if got := revision(func(in *render.Input) { in.Rows = nil; in.App.Spec.Routing.PushTTLSeconds = 60 }); got != same {
		t.Error("channels and routing must not restart pods")
	}
	if got := revision(func(in *render.Input) { in.App.Spec.Dispatcher.Replicas = 1 }); got != same {
		t.Error("the number of pods must not restart them")
	}
	if got := revision(func(in *render.Input) { in.Image = "other:1" }); got == same {
		t.Error("another image must replace pods")
	}
}

// TestAnotherPasswordRestartsNoPod: it is in the mounted configuration.
func TestAnotherPasswordRestartsNoPod(t *testing.T) {
	t.Parallel()
	in := input(t, "testdata/postgres/app.yaml")
	before, err := render.App(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Database.URI = config.NewSecret(strings.Replace(databaseURI, databasePassword, "another", 1))
	after, err := render.App(in)
	if err != nil {
		t.Fatal(err)
	}
	if after.Revision != before.Revision || after.ConfigHash == before.ConfigHash {
		t.Errorf("revision %s became %s, configuration %s became %s", before.Revision, after.Revision, before.ConfigHash, after.ConfigHash)
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	for appID, want := range map[string]string{
		"chat": "chat", "Chat-1.EU_x": "chat_1_eu_x", "4711": "app_4711", "pg_chat": "app_pg_chat", "pg-chat": "app_pg_chat",
		"public": "app_public", "User": "app_user", "order": "app_order", "users": "users", "information-schema": "app_information_schema", "pgchat": "pgchat",
		strings.Repeat("a", 64): strings.Repeat("a", 63), strings.Repeat("1", 64): "app_" + strings.Repeat("1", 59),
	} {
		t.Run(appID, func(t *testing.T) {
			t.Parallel()
			in := input(t, "testdata/postgres/app.yaml")
			in.App.Spec.AppID = appID
			output, err := render.App(in)
			if err != nil {
				t.Fatal(err)
			}
			secret, ok := output.Objects[0].(*corev1ac.SecretApplyConfiguration)
			if !ok {
				t.Fatalf("the first object is %T", output.Objects[0])
			}
			document, err := config.ParseStrict(secret.Data[config.FileName])
			if err != nil {
				t.Fatal(err)
			}
			if got := document.Store.Postgres.Schema; got != want {
				t.Errorf("schema is %s, want %s", got, want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name               string
		vendor             pushv1.Vendor
		total, share, all  int32
		wantRequestsPerSec int32
	}{
		{"alone", pushv1.VendorFCM, 300, 100, 100, 300},
		{"a third", pushv1.VendorFCM, 300, 100, 300, 100},
		{"never zero", pushv1.VendorXiaomi, 1, 1, 1000, 1},
		{"what FCM grants", pushv1.VendorFCM, 0, 50, 100, 5000},
		{"what Xiaomi grants", pushv1.VendorXiaomi, 0, 100, 100, 500},
		{"largest", pushv1.VendorXiaomi, 100_000, 1000, 1000, 100_000},
		{"an app that the index does not know yet", pushv1.VendorFCM, 10, 100, 0, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spec := pushv1.PushChannelSpec{Vendor: tt.vendor, Limits: pushv1.ChannelLimits{RequestsPerSecond: tt.total}}
			if got := render.Limits(spec, tt.share, tt.all).RequestsPerSecond; got != tt.wantRequestsPerSec {
				t.Errorf("requests per second are %d, want %d", got, tt.wantRequestsPerSec)
			}
		})
	}
}

// TestDailyQuotasAddUp: the parts of all rows are the vendor's quota at most, and hardly less.
func TestDailyQuotasAddUp(t *testing.T) {
	t.Parallel()
	for _, shares := range [][]int32{{100}, {1, 1, 1}, {100, 7, 1, 330}, {1000, 1000, 999}} {
		for _, total := range []int32{10_000, 99_999, 2_000_000_000} {
			spec := pushv1.PushChannelSpec{Vendor: pushv1.VendorVivo, Limits: pushv1.ChannelLimits{
				DailyQuotas:         []pushv1.DailyQuota{{Class: pushv1.QuotaClassOperation, Pushes: total}},
				QuotaReservePercent: new(int32(20)), QuotaTimeZone: "Asia/Kolkata",
			}}
			var all int32
			for _, s := range shares {
				all += s
			}
			sum := int64(0)
			for _, s := range shares {
				l := render.Limits(spec, s, all)
				sum += l.DailyQuotas[0].Pushes
				if l.DailyQuotas[0].Class != "Operation" || l.QuotaReservePercent != 20 || l.QuotaTimeZone != "Asia/Kolkata" {
					t.Errorf("limits are %+v", l)
				}
			}
			if sum > int64(total) || sum < int64(total)-int64(len(shares)) {
				t.Errorf("parts of %v add up to %d, want %d", shares, sum, total)
			}
		}
	}
}

// TestUnknownZoneIsLeftOut: the dispatchers refuse a configuration with one, and other channels must not suffer.
func TestUnknownZoneIsLeftOut(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Mars/Olympus", "Local", "../etc/passwd"} {
		spec := pushv1.PushChannelSpec{Vendor: pushv1.VendorVivo, Limits: pushv1.ChannelLimits{QuotaTimeZone: zone}}
		if got := render.Limits(spec, 1, 1).QuotaTimeZone; got != "" {
			t.Errorf("zone %q is rendered as %q", zone, got)
		}
	}
}

func TestDecodeChannelQuotesNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "secret-0123", `{"channels":[]}`, `{"channels":[{"vendor":"Xiaomi"}]}`, `{"channels":[{"vendor":"Pigeon"}]}`} {
		_, err := render.DecodeChannel([]byte(text))
		if err == nil || strings.Contains(err.Error(), "secret-0123") {
			t.Errorf("DecodeChannel(%q) = %v", text, err)
		}
	}
}

func FuzzDecodeChannel(f *testing.F) {
	f.Add([]byte(`{"channels":[{"vendor":"Xiaomi","xiaomi":{"appSecret":"x"}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		channel, err := render.DecodeChannel(b)
		if err == nil && channel.Credential().IsZero() {
			t.Error("a channel without a credential was decoded")
		}
	})
}

func TestNamesFitTheirLimits(t *testing.T) {
	t.Parallel()
	n := render.NamesOf(strings.Repeat("a", 40))
	for _, name := range []string{n.Dispatcher, n.Device, n.Server, n.Data, n.Keys} {
		if len(name) > 63 {
			t.Errorf("%s is too long for a Service", name)
		}
	}
	labels := render.Labels("chat")
	for key, value := range render.Selector("chat") {
		if labels[key] != value {
			t.Errorf("label %s is %q, the selector wants %q", key, labels[key], value)
		}
	}
	if slices.Contains([]string{n.Device, n.Server, n.Data, n.Keys}, n.Dispatcher) {
		t.Error("two objects share a name")
	}
}
