package plugin_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/cmd/kubectl-offlinepush/plugin"
	"github.com/offlinepush/operator/dispatcher/config"
)

// apiServer answers for the Secrets that it has, by their path.
func apiServer(t *testing.T, secrets map[string][]byte) (kubeconfig string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		document, ok := secrets[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found"}`)
			return
		}
		if err := json.NewEncoder(w).Encode(map[string]any{
			"kind": "Secret", "apiVersion": "v1", "data": map[string][]byte{config.FileName: document},
		}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	content := `{"apiVersion":"v1","kind":"Config","current-context":"c",
		"clusters":[{"name":"c","cluster":{"server":"` + s.URL + `"}}],
		"contexts":[{"name":"c","context":{"cluster":"c","namespace":"push"}}]}`
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

func appDocument(t *testing.T, externalURL string) (*config.Document, []byte) {
	t.Helper()
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	doc := &config.Document{
		Version: config.Version, App: config.App{Namespace: "push", Name: "chat", AppID: "app"}, ExternalURL: externalURL,
		Channels: []config.Channel{
			{Name: "fcm", Vendor: "FCM", AppType: 1, FCM: &config.FCMChannel{ProjectID: "p", ServiceAccount: config.NewSecret("{}")}},
			{Name: "vivo", Vendor: "Vivo", AppType: 1, Vivo: &config.VivoChannel{AppID: 1, AppKey: "k", AppSecret: config.NewSecret("s")}},
		},
		Routing: config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 60, MaxBacklog: 10},
		Auth: config.Auth{
			ServerKeys: []config.Secret{config.NewSecret("0123456789abcdef")}, RegistrationKeys: []config.Secret{config.NewSecret("0123456789abcdef")},
		},
		Retention: config.Retention{MessagesSeconds: 60, ReceiptsSeconds: 60, InactiveDevicesSeconds: 60},
		Keys:      config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	}
	encoded, err := config.Encode(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, encoded
}

func receiptURLs(t *testing.T, args ...string) (out, said string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := plugin.New(plugin.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	cmd.SetArgs(append([]string{"receipt-urls"}, args...))
	err = cmd.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

func TestReceiptURLs(t *testing.T) {
	t.Parallel()
	doc, encoded := appDocument(t, "https://push.example/")
	kubeconfig := apiServer(t, map[string][]byte{
		"/api/v1/namespaces/push/secrets/chat-dispatcher":  encoded,
		"/api/v1/namespaces/other/secrets/chat-dispatcher": encoded,
	})
	want := "CHANNEL   VENDOR   RECEIPT URL\n" +
		"fcm       FCM      none: FCM reports nothing of pushes\n" +
		"vivo      Vivo     https://push.example/v1/receipts/" + doc.ReceiptSecret("vivo").Reveal() + "\n"
	for _, args := range [][]string{{"chat"}, {"chat", "-n", "other"}, {"chat", "--context", "c"}} {
		out, said, err := receiptURLs(t, append(args, "--kubeconfig", kubeconfig)...)
		if diff := cmp.Diff(want, out); diff != "" || said != "" || err != nil {
			t.Errorf("%v: %v %s(-want +got):\n%s", args, err, said, diff)
		}
	}
}

func TestReceiptURLsThatCannotBeShown(t *testing.T) {
	t.Parallel()
	doc, inside := appDocument(t, "")
	kubeconfig := apiServer(t, map[string][]byte{
		"/api/v1/namespaces/push/secrets/inside-dispatcher": inside,
		"/api/v1/namespaces/push/secrets/empty-dispatcher":  nil,
		"/api/v1/namespaces/push/secrets/newer-dispatcher":  []byte(strings.Replace(string(inside), `"1.0"`, `"9.0"`, 1)),
	})
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no app":          {nil, "accepts 1 arg"},
		"unknown app":     {[]string{"nobody"}, "push/nobody-dispatcher: not found; check the app's name and --namespace"},
		"other namespace": {[]string{"inside", "-n", "other"}, "other/inside-dispatcher: not found"},
		"no external URL": {[]string{"inside"}, "spec.exposure.externalURL"},
		"no document":     {[]string{"empty"}, "config.json"},
		"newer document":  {[]string{"newer"}, "config.json"},
		"no context":      {[]string{"inside", "--context", "x"}, "--kubeconfig: "},
		"no kubeconfig":   {[]string{"inside", "--kubeconfig", "/nowhere"}, "--kubeconfig: "},
	} {
		args := tt.args
		if len(args) < 3 || args[1] != "--kubeconfig" {
			args = append(args, "--kubeconfig", kubeconfig)
		}
		out, said, err := receiptURLs(t, args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if shown := fmt.Sprint(out, said, err); strings.Contains(shown, doc.ReceiptSecret("vivo").Reveal()) {
			t.Errorf("%s shows a secret: %s", name, shown)
		}
	}
}
